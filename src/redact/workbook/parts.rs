//! The parts beside the sheets that can hold a copy of a column: comments, tables, charts, pivot tables, names, previews.

use super::cells::place_of;
use super::sheet::pruned;
use super::{Book, CannotRedact, Edits, Note, Package, Scan, Step, Table, root, xml};
use crate::redact::{instead_of_heading, refs};

/// The caches of a chart (21.2.2), which hold what its cells held.
const CACHES: [&str; 4] = ["strCache", "numCache", "multiLvlStrCache", "dlblRangeCache"];

/// More ranges than a pivot table brings together (18.10.1.81).
const MOST_SOURCES: usize = 30;

/// Where the table of a part stands (18.5.1.2).
pub(super) fn table(package: &mut Package<'_>, part: &str) -> Result<Option<Table>, CannotRedact> {
    let Some(text) = package.text(part)? else { return Ok(None) };
    let Some(tag) = root(&text)? else { return Ok(None) };
    let range = tag.value("ref").unwrap_or_default();
    let (first, last) = range.split_once(':').unwrap_or((&range, &range));
    let (first, last) = place_of(first).zip(place_of(last)).ok_or(CannotRedact::Damaged)?;
    let headed = tag.value("headerRowCount").is_none_or(|count| count != "0");
    let name = tag.value("displayName").or_else(|| tag.value("name")).unwrap_or_default();
    Ok(Some(Table { part: part.to_string(), name, first: first.1, last: last.1, row: headed.then_some(first.0) }))
}

impl Book<'_> {
    /// Rewrites the parts beside the sheets.
    pub(super) fn parts(&mut self, package: &mut Package<'_>, main: &str) -> Result<(), CannotRedact> {
        self.of_sheets(package)?;
        let mut charts = 0;
        for part in package.names() {
            let lower = part.to_lowercase();
            if lower.contains("thumbnail") {
                self.gone.insert(part);
                continue;
            }
            if lower.starts_with("customxml/") || !lower.ends_with(".xml") {
                continue;
            }
            let Some(text) = package.text(&part)? else { continue };
            let Some(tag) = root(&text)? else { continue };
            match tag.name {
                "sst" | "styleSheet" => drop(self.of_cells.insert(part)),
                "worksheet" if self.sheets.iter().any(|sheet| sheet.part.eq_ignore_ascii_case(&part)) => {
                    self.of_cells.insert(part);
                }
                // Nobody lists it, so nobody sees it, and its strings were emptied.
                "worksheet" => return Err(CannotRedact::Damaged),
                "calcChain" => drop(self.gone.insert(part)),
                "revisions" | "headers" => return Err(CannotRedact::History),
                "wsDr" if text.contains("cameraTool") => return Err(CannotRedact::PictureOfCells),
                "chartSpace" => {
                    if let Some(changed) = self.chart(&text)? {
                        package.put(&part, changed.into_bytes());
                        charts += 1;
                    }
                }
                "pivotCacheDefinition" if self.pivots_on_column(&text)? => return Err(CannotRedact::Pivot),
                "workbook" if part.eq_ignore_ascii_case(main) => {
                    package.put(&part, self.workbook(&text)?.into_bytes());
                }
                _ => {}
            }
        }
        if charts > 0 {
            self.notes.push(Note::Charts(charts));
        }
        Ok(())
    }

    /// Whether no part but those of the cells holds a value of the columns, whatever it is for.
    pub(super) fn leftovers(&self, package: &mut Package<'_>) -> Result<(), CannotRedact> {
        for part in package.names().iter().filter(|part| !self.of_cells.contains(*part)) {
            let octets = package.read(part)?.unwrap_or_default();
            if self.values.stands_in_octets(&octets) {
                let pivot = part.to_lowercase().contains("pivot");
                return Err(if pivot { CannotRedact::Pivot } else { CannotRedact::Copy("part") });
            }
        }
        Ok(())
    }

    /// What belongs to the sheets: comments and their boxes, and tables.
    fn of_sheets(&mut self, package: &mut Package<'_>) -> Result<(), CannotRedact> {
        let mut comments = 0;
        for sheet in &self.sheets {
            if !self.columns.iter().any(|column| column.sheet.as_deref() == Some(sheet.name.as_str())) {
                continue;
            }
            for relation in sheet.relations.iter().filter(|relation| !relation.external) {
                let part = &relation.target;
                let changed = match relation.kind.as_str() {
                    "comments" | "threadedComment" => {
                        let Some(text) = package.text(part)? else { continue };
                        let name = if relation.kind == "comments" { "comment" } else { "threadedComment" };
                        let (changed, count) = self.without_comments(&text, name, &sheet.name)?;
                        comments += if name == "comment" { count } else { 0 };
                        changed.into_bytes()
                    }
                    "vmlDrawing" => {
                        let Some(octets) = package.read(part)? else { continue };
                        self.without_boxes(&octets, &sheet.name)
                    }
                    _ => continue,
                };
                package.put(part, changed);
            }
            for table in &sheet.headings {
                let Some(text) = package.text(&table.part)? else { continue };
                let changed = self.table_without(&text, table, sheet)?;
                package.put(&table.part, changed.into_bytes());
            }
        }
        if comments > 0 {
            self.notes.push(Note::Comments(comments));
        }
        Ok(())
    }

    /// Comments (18.7.3; MS-XLSX 2.6.205) but for those at the columns.
    fn without_comments(&self, text: &str, name: &str, sheet: &str) -> Result<(String, usize), CannotRedact> {
        let (mut edits, mut count) = (Edits::new(text), 0);
        let mut scan = Scan::new(text);
        while let Some(step) = scan.next()? {
            let Step::Open(tag) = step else { continue };
            let place = tag.value("ref").filter(|_| tag.name == name).and_then(|place| place_of(&place));
            if place.is_some_and(|(_, column)| self.tainted.is_gone(sheet, column)) {
                let end = scan.skip(&tag)?;
                edits.cut(tag.at.start..end);
                count += 1;
            }
        }
        Ok((edits.finish(), count))
    }

    /// The boxes of comments (VML) but for those at the columns. Such a drawing need not be well-formed.
    fn without_boxes(&self, octets: &[u8], sheet: &str) -> Vec<u8> {
        let mut out = Vec::with_capacity(octets.len());
        let mut rest = octets;
        while let Some(start) = memchr::memmem::find(rest, b"<v:shape ") {
            let shape = rest.get(start..).unwrap_or_default();
            let Some(end) = memchr::memmem::find(shape, b"</v:shape>").map(|end| end + 10) else { break };
            let text = String::from_utf8_lossy(shape.get(..end).unwrap_or_default()).into_owned();
            let column =
                text.split_once("<x:Column>").and_then(|(_, rest)| rest.split('<').next()?.trim().parse().ok());
            out.extend_from_slice(rest.get(..start).unwrap_or_default());
            if !column.is_some_and(|column| self.tainted.is_gone(sheet, column)) {
                out.extend_from_slice(text.as_bytes());
            }
            rest = shape.get(end..).unwrap_or_default();
        }
        out.extend_from_slice(rest);
        out
    }

    /// A table (18.5.1): its headings have to be those of the cells, and its filters keep what they let through.
    fn table_without(&self, text: &str, table: &Table, sheet: &super::Listed) -> Result<String, CannotRedact> {
        let mut edits = Edits::new(text);
        let mut column = table.first;
        let mut scan = Scan::new(text);
        while let Some(step) = scan.next()? {
            let Step::Open(tag) = step else { continue };
            match tag.name {
                "filterColumn" => {
                    let id = tag.value("colId").and_then(|id| id.parse::<u32>().ok()?.checked_add(table.first));
                    if id.is_none_or(|column| self.tainted.is_gone(&sheet.name, column)) {
                        let end = scan.skip(&tag)?;
                        edits.cut(tag.at.start..end);
                    }
                }
                "tableColumn" => {
                    let known = self.goes(&sheet.name, column);
                    if let Some((_, known)) = known {
                        let stays = table.row.is_none_or(|row| self.is_heading(sheet, known, row));
                        for attribute in tag.attributes() {
                            match attribute.name {
                                "name" if !stays => edits.replace(attribute.value_at, &instead_of_heading(column)),
                                "totalsRowLabel" | "totalsRowFunction" => edits.cut(attribute.at),
                                _ => {}
                            }
                        }
                        if !tag.empty {
                            let end = scan.skip(&tag)?;
                            let close = format!("</{}>", tag.full);
                            edits.replace(tag.at.end..end, &close);
                        }
                    }
                    column = column.saturating_add(1);
                }
                _ => {}
            }
        }
        Ok(edits.finish())
    }

    /// A chart without what it keeps of its cells, when it shows one of the columns.
    fn chart(&self, text: &str) -> Result<Option<String>, CannotRedact> {
        let mut formulas = String::new();
        let (mut edits, mut touched, mut in_formula) = (Edits::new(text), false, false);
        let mut in_dimension = 0usize;
        let mut scan = Scan::new(text);
        while let Some(step) = scan.next()? {
            match step {
                Step::Open(tag) if CACHES.contains(&tag.name) || tag.name == "lvl" && in_dimension > 0 => {
                    let end = scan.skip(&tag)?;
                    edits.cut(tag.at.start..end);
                }
                Step::Open(tag) => {
                    // A chart of the newer kind (MS-ODRAWXML 2.24.3) keeps levels behind its formula.
                    in_dimension = match tag.name {
                        "strDim" | "numDim" => 1,
                        _ => in_dimension,
                    };
                    in_formula = matches!(tag.name, "f" | "sqref") && !tag.empty;
                }
                Step::Text(written) if in_formula => formulas.push_str(&xml::unescaped(written)),
                Step::Text(_) => {}
                Step::Close if std::mem::take(&mut in_formula) => {
                    let reach = refs::of_formula(formulas.trim().trim_matches(['(', ')']));
                    touched |= reach.iter().any(|reach| self.tainted.touches("", reach));
                    formulas.clear();
                }
                Step::Close => {}
            }
        }
        let kept = edits.finish();
        let repeats = self.values.stands_in(&xml::words(text)?) && !self.values.stands_in(&xml::words(&kept)?);
        Ok((touched || repeats).then_some(kept))
    }

    /// Whether a pivot table's copy (18.10.1.67) is of one of the columns.
    fn pivots_on_column(&self, text: &str) -> Result<bool, CannotRedact> {
        let (mut scan, mut sources) = (Scan::new(text), 0);
        while let Some(step) = scan.next()? {
            let Step::Open(tag) = step else { continue };
            if tag.name != "worksheetSource" && tag.name != "rangeSet" {
                continue;
            }
            sources += 1;
            if sources > MOST_SOURCES {
                return Ok(true);
            }
            let name = tag.value("name");
            let named = self.sheets.iter().flat_map(|sheet| sheet.headings.iter().map(move |table| (sheet, table)));
            let mut named = named
                .filter(|(_, table)| Some(&table.name) == name.as_ref())
                .map(|(sheet, table)| (sheet.name.clone(), vec![refs::Reach::Columns(None, table.first, table.last)]));
            let (sheet, reach) = match (tag.value("sheet"), tag.value("ref")) {
                (Some(sheet), Some(range)) => (sheet, refs::of_list(&range)),
                _ => named.next().unwrap_or((String::new(), vec![refs::Reach::Anywhere])),
            };
            if reach.iter().any(|reach| self.tainted.touches(&sheet, reach)) {
                return Ok(true);
            }
        }
        Ok(self.values.stands_in(&xml::words(text)?))
    }

    /// The workbook's own part: names that hold a value go, and it is computed anew where results are missing.
    fn workbook(&self, text: &str) -> Result<String, CannotRedact> {
        let compute = self.notes.iter().any(|note| matches!(note, Note::Formulas(_)));
        let mut edits = Edits::new(text);
        let (mut behind, mut prefix, mut computed) = (None, "", !compute);
        let mut scan = Scan::new(text);
        while let Some(step) = scan.next()? {
            let Step::Open(tag) = step else { continue };
            match tag.name {
                "workbook" => prefix = tag.full.strip_suffix("workbook").unwrap_or_default(),
                "sheets" | "functionGroups" | "externalReferences" => behind = Some(scan.skip(&tag)?),
                "definedNames" => {
                    let end = scan.skip(&tag)?;
                    let inside = text.get(tag.at.start..end).unwrap_or_default();
                    let goes = |_: &super::Tag<'_>, xml: &str| Ok(self.values.stands_in(&xml::words(xml)?));
                    match pruned(inside, "definedName", goes)? {
                        Some(kept) if kept != inside => edits.replace(tag.at.start..end, &kept),
                        Some(_) => {}
                        None => edits.cut(tag.at.start..end),
                    }
                    behind = Some(end);
                }
                "calcPr" if compute => {
                    computed = true;
                    match tag.attribute("fullCalcOnLoad") {
                        Some(known) => edits.replace(known.value_at, "1"),
                        None => {
                            let name = tag.at.start + 1 + tag.full.len();
                            edits.replace(name..name, " fullCalcOnLoad=\"1\"");
                        }
                    }
                }
                "oleSize" | "customWorkbookViews" | "pivotCaches" | "extLst" if !computed => {
                    computed = true;
                    let at = behind.unwrap_or(tag.at.start);
                    edits.replace(at..at, &format!("<{prefix}calcPr fullCalcOnLoad=\"1\"/>"));
                    scan.skip(&tag)?;
                }
                _ => {}
            }
        }
        if let Some(at) = behind.filter(|_| !computed) {
            edits.replace(at..at, &format!("<{prefix}calcPr fullCalcOnLoad=\"1\"/>"));
        }
        Ok(edits.finish())
    }
}
