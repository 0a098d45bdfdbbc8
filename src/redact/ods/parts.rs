//! The files beside the content of an OpenDocument that can hold a copy of a column: charts, pictures that stand in for
//! them, previews.

use std::collections::BTreeSet;

use super::{CannotRedact, Edits, Package, Scan, Step, Tainted, Values, refs, xml};

/// The files beside the content; how many charts lost their copy.
pub(super) fn rewrite(package: &mut Package<'_>, tainted: &Tainted, values: &Values) -> Result<usize, CannotRedact> {
    let (mut charts, mut gone) = (0, BTreeSet::new());
    for name in package.names() {
        if name.starts_with("Thumbnails/") {
            gone.insert(name);
            continue;
        }
        let object = name.strip_suffix("/content.xml");
        if let Some((object, text)) = object.zip(package.text(&name).ok().flatten()) {
            if let Some(changed) = chart(&text, tainted, values)? {
                package.put(&name, changed.into_bytes());
                gone.insert(format!("ObjectReplacements/{object}"));
                charts += 1;
            }
            continue;
        }
        let octets = package.read(&name)?.unwrap_or_default();
        if name != "content.xml" && !name.starts_with("ObjectReplacements/") && values.stands_in_octets(&octets) {
            return Err(CannotRedact::Copy("part"));
        }
    }
    gone.retain(|name| package.has(name));
    if !gone.is_empty()
        && let Some(manifest) = package.text("META-INF/manifest.xml")?
    {
        let mut edits = Edits::new(&manifest);
        let mut scan = Scan::new(&manifest);
        while let Some(step) = scan.next()? {
            let Step::Open(tag) = step else { continue };
            if tag.name == "file-entry" && tag.value("full-path").is_some_and(|path| gone.contains(&path)) {
                let end = scan.skip(&tag)?;
                edits.cut(tag.at.start..end);
            }
        }
        package.put("META-INF/manifest.xml", edits.finish().into_bytes());
    }
    gone.iter().for_each(|name| package.remove(name));
    Ok(charts)
}

/// A chart (section 11) without the table in which it keeps its values, when it shows one of the columns.
fn chart(text: &str, tainted: &Tainted, values: &Values) -> Result<Option<String>, CannotRedact> {
    let mut edits = Edits::new(text);
    let (mut touched, mut is_chart) = (false, false);
    let mut scan = Scan::new(text);
    while let Some(step) = scan.next()? {
        let Step::Open(tag) = step else { continue };
        is_chart |= tag.full == "chart:chart";
        if is_chart && tag.full == "table:table" {
            let end = scan.skip(&tag)?;
            edits.cut(tag.at.start..end);
            continue;
        }
        for known in tag.attributes().filter(|known| known.name.ends_with("-address")) {
            let addresses = xml::unescaped(known.value);
            let reach = addresses.split_whitespace().map(refs::of_address);
            touched |= reach.into_iter().any(|reach| tainted.touches("", &reach));
        }
    }
    let repeats = values.stands_in(&xml::words(text)?);
    Ok((is_chart && (touched || repeats)).then(|| edits.finish()))
}
