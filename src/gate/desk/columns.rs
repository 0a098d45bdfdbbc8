//! A held mail without the columns in which something was found.
//!
//! The gate judges the result like any mail; what was not in a column stops it again.

use crate::act::{Held, held};
use crate::decide;
use crate::detect::{Finding, Kind};
use crate::gate::Scan;
use crate::gate::house::House;
use crate::redact::{self, Choice, Column, letters_of};
use crate::school::Language;
use crate::web::desk::Remade;

/// Takes them out.
///
/// # Errors
/// Why that cannot be done, Dutch and English.
pub(super) fn without(raw: &[u8], scan: &Scan, house: &House) -> Result<Remade, [String; 2]> {
    let choices = choices(scan, house);
    if choices.is_empty() {
        return Err(NONE.map(str::to_owned));
    }
    let bench = &house.bench;
    let rewritten = redact::message(raw, &choices, &bench.limits, bench.documents());
    let rewritten = rewritten.map_err(|(_, why)| Language::ALL.map(|language| why.sentence(language).to_owned()))?;
    let gone = |language: Language| {
        let files = choices.iter().zip(&rewritten.files);
        let lines = files.flat_map(|(choice, file)| {
            let columns = choice
                .columns
                .iter()
                .zip(&file.cells)
                .map(move |(column, cells)| gone(choice, column, *cells, language));
            columns.chain(file.notes.iter().map(move |note| note.sentence(language)))
        });
        lines.collect()
    };
    Ok(Remade { gone: Language::ALL.map(gone), raw: rewritten.raw })
}

const NONE: [&str; 2] = [
    "Wat gevonden is, staat niet in een kolom van een bestand. Haal het zelf weg en verstuur de mail opnieuw.",
    "What was found does not stand in a column of a file. Take it out yourself and send the mail again.",
];

/// The columns of each file. Phone numbers and the like are in every list, and stop none by themselves.
fn choices(scan: &Scan, house: &House) -> Vec<Choice> {
    let everyday = |kind: Kind| matches!(kind, Kind::Iban | Kind::Phone | Kind::Postcode);
    let counted = decide::counted(&scan.findings, &house.bench.policy);
    let counted: Vec<&Finding> = counted.filter(|finding| !everyday(finding.kind)).collect();
    held(&counted, &scan.findings, &scan.texts).iter().map(Held::choice).collect()
}

/// "klas5.xlsx, blad Leerlingen, kolom C: 27 cellen".
fn gone(choice: &Choice, column: &Column, cells: usize, language: Language) -> String {
    let sheet = column.sheet.as_ref().map(|name| format!(", {} {name}", language.of("blad", "sheet")));
    let file = choice.path.last().map(String::as_str).unwrap_or_default();
    let (word, letter) = (language.of("kolom", "column"), letters_of(column.column));
    let cells = match cells {
        1 => language.of("1 cel", "1 cell").to_owned(),
        cells => format!("{cells} {}", language.of("cellen", "cells")),
    };
    format!("{file}{}, {word} {letter}: {cells}", sheet.unwrap_or_default())
}
