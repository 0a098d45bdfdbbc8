//! Which part belongs to which (ECMA-376 part 2, section 6.5), and the parts and relations that go.

use std::collections::{BTreeMap, BTreeSet};

use super::{CannotRedact, Edits, Package, Scan, Step};

/// One part's relation to another, or to something outside.
#[derive(Clone)]
pub(super) struct Relation {
    pub(super) id: String,
    /// The last word of its type: `worksheet`, `comments`, `image`.
    pub(super) kind: String,
    /// The path of the part, or the address outside.
    pub(super) target: String,
    /// Whether it is outside.
    pub(super) external: bool,
}

/// The relations of a part.
pub(super) struct Relations;

impl Relations {
    /// Reads them; those of the package itself for an empty name.
    pub(super) fn of(package: &mut Package<'_>, part: &str) -> Result<Vec<Relation>, CannotRedact> {
        let Some(text) = package.text(&path_of(part))? else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        let mut scan = Scan::new(&text);
        while let Some(step) = scan.next()? {
            let Step::Open(tag) = step else { continue };
            let (Some(kind), Some(target)) = (tag.value("Type"), tag.value("Target")) else { continue };
            let external = tag.value("TargetMode").is_some_and(|mode| mode.eq_ignore_ascii_case("external"));
            found.push(Relation {
                id: tag.value("Id").unwrap_or_default(),
                kind: kind.rsplit('/').next().unwrap_or_default().to_string(),
                target: if external { target } else { resolved(part, &target) },
                external,
            });
        }
        Ok(found)
    }
}

/// The path of the workbook's own part.
pub(super) fn main_part(package: &mut Package<'_>) -> Result<String, CannotRedact> {
    let roots = Relations::of(package, "")?;
    if roots.iter().any(|relation| relation.kind == "origin") {
        return Err(CannotRedact::Signed);
    }
    let main = roots.into_iter().find(|relation| relation.kind == "officeDocument" && !relation.external);
    main.map(|relation| relation.target).ok_or(CannotRedact::NotASheet)
}

/// Where the relations of a part stand.
fn path_of(part: &str) -> String {
    let (folder, file) = part.rsplit_once('/').map_or(("", part), |(folder, file)| (folder, file));
    let slash = if folder.is_empty() { "" } else { "/" };
    format!("{folder}{slash}_rels/{file}.rels")
}

/// The part whose relations stand at a path.
fn owner_of(path: &str) -> Option<String> {
    let (folder, file) = path.rsplit_once("_rels/")?;
    Some(format!("{folder}{}", file.strip_suffix(".rels")?))
}

/// A target, seen from a part, as a path in the package.
fn resolved(part: &str, target: &str) -> String {
    let target = target.replace('\\', "/");
    let folder = part.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut path: Vec<&str> = match target.starts_with('/') {
        true => Vec::new(),
        false => folder.split('/').filter(|step| !step.is_empty()).collect(),
    };
    for step in target.split('/') {
        match step {
            "" | "." => {}
            ".." => drop(path.pop()),
            step => path.push(step),
        }
    }
    path.join("/")
}

/// Takes parts out, the relations that lead to them, and the relations that go by their ids.
pub(super) fn settle(
    package: &mut Package<'_>,
    gone: &BTreeSet<String>,
    unrelated: &BTreeMap<String, BTreeSet<String>>,
) -> Result<(), CannotRedact> {
    let lower: BTreeSet<String> = gone.iter().map(|part| part.to_ascii_lowercase()).collect();
    let is_gone = |part: &str| lower.contains(&part.to_ascii_lowercase());
    for path in package.names() {
        let lower = path.to_lowercase();
        let owner = owner_of(&path).filter(|_| lower.ends_with(".rels"));
        if owner.as_deref().is_some_and(&is_gone) {
            package.remove(&path);
            continue;
        }
        if owner.is_none() && lower != "[content_types].xml" {
            continue;
        }
        let Some(text) = package.text(&path)? else { continue };
        let ids = owner.as_ref().and_then(|owner| unrelated.get(owner));
        let mut edits = Edits::new(&text);
        let mut changed = false;
        let mut scan = Scan::new(&text);
        while let Some(step) = scan.next()? {
            let Step::Open(tag) = step else { continue };
            let goes = match (tag.name, &owner) {
                ("Relationship", Some(owner)) => {
                    let external = tag.value("TargetMode").is_some_and(|mode| mode.eq_ignore_ascii_case("external"));
                    let target = tag.value("Target").unwrap_or_default();
                    !external && is_gone(&resolved(owner, &target))
                        || ids.is_some_and(|ids| tag.value("Id").is_some_and(|id| ids.contains(&id)))
                }
                ("Override", None) => is_gone(tag.value("PartName").unwrap_or_default().trim_start_matches('/')),
                _ => false,
            };
            if goes {
                let end = scan.skip(&tag)?;
                edits.cut(tag.at.start..end);
                changed = true;
            }
        }
        if changed {
            package.put(&path, edits.finish().into_bytes());
        }
    }
    gone.iter().for_each(|part| package.remove(part));
    Ok(())
}
