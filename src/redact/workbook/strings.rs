//! The strings that cells share (18.4.9): those that only cells of the columns showed are emptied, and those that no cell
//! shows. Their numbers stay.

use super::relations::Relations;
use super::sheet::Looked;
use super::{CannotRedact, Edits, Package, Scan, Step, Values, xml};

/// Empties them, and adds those of the columns to the values that go.
pub(super) fn forget(
    package: &mut Package<'_>,
    main: &str,
    looked: &Looked,
    values: &mut Values,
) -> Result<(), CannotRedact> {
    let relations = Relations::of(package, main)?;
    let mut parts = relations.iter().filter(|relation| relation.kind == "sharedStrings" && !relation.external);
    let Some(part) = parts.next().map(|relation| relation.target.clone()) else { return Ok(()) };
    if parts.next().is_some() {
        return Err(CannotRedact::Damaged);
    }
    let Some(text) = package.text(&part)? else { return Ok(()) };
    let mut edits = Edits::new(&text);
    let mut number = 0;
    let mut scan = Scan::new(&text);
    while let Some(step) = scan.next()? {
        let Step::Open(tag) = step else { continue };
        if tag.name != "si" {
            continue;
        }
        let end = scan.skip(&tag)?;
        let inside = text.get(tag.at.start..end).unwrap_or_default();
        if looked.gone.contains(&number) {
            values.add(&string(inside)?);
        }
        if !looked.kept.contains(&number) && !tag.empty {
            let prefix = tag.full.strip_suffix("si").unwrap_or_default();
            edits.replace(tag.at.start..end, &format!("<{prefix}si><{prefix}t/></{prefix}si>"));
        }
        number += 1;
    }
    package.put(&part, edits.finish().into_bytes());
    Ok(())
}

/// The text of a string, without how it is pronounced.
pub(super) fn string(source: &str) -> Result<String, CannotRedact> {
    let mut out = String::new();
    let mut scan = Scan::new(source);
    while let Some(step) = scan.next()? {
        match step {
            Step::Open(tag) if tag.name == "rPh" => drop(scan.skip(&tag)?),
            Step::Text(text) => out.push_str(&xml::unescaped(text)),
            _ => {}
        }
    }
    Ok(out)
}
