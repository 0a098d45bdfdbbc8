//! What else changes in a file when columns go, or does not: in words for the teacher.

use std::fmt;

use super::refs::letters_of;
use crate::school::Language;

/// What else changed in a file, or did not.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Note {
    /// So many formulas look at the column, or at what came of it: they lost their results, and are computed anew when
    /// the file is opened.
    Formulas(usize),
    /// So many charts show the column, and lost the values that they keep.
    Charts(usize),
    /// So many comments stood at the cells.
    Comments(usize),
    /// Values of the column stand in so many cells of another one, which stays.
    AlsoIn {
        /// Its sheet.
        sheet: Option<String>,
        /// The column, counted from 0.
        column: u32,
        /// How many cells.
        cells: usize,
    },
}

impl fmt::Debug for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Formulas(count) => write!(f, "Formulas({count})"),
            Self::Charts(count) => write!(f, "Charts({count})"),
            Self::Comments(count) => write!(f, "Comments({count})"),
            Self::AlsoIn { column, cells, .. } => write!(f, "AlsoIn(column {column}, {cells})"),
        }
    }
}

impl Note {
    /// In a sentence. It names a sheet, so it is for whoever holds the file, and never for a log.
    pub fn sentence(&self, language: Language) -> String {
        match self {
            Self::Formulas(count) => language.of(
                format!("{count} cellen rekenen met de kolom. Hun uitkomst komt terug als je het bestand opent."),
                format!("{count} cells compute with the column. Their results come back when you open the file."),
            ),
            Self::Charts(count) => language.of(
                format!("Grafieken met de kolom, nu zonder die waarden: {count}."),
                format!("Charts of the column, now without those values: {count}."),
            ),
            Self::Comments(count) => language.of(
                format!("Opmerkingen bij de cellen, ook weg: {count}."),
                format!("Comments at the cells, gone too: {count}."),
            ),
            Self::AlsoIn { sheet, column, cells } => {
                let column = letters_of(*column);
                let (dutch, english) = match sheet {
                    Some(sheet) => (format!("Blad {sheet}, kolom {column}"), format!("Sheet {sheet}, column {column}")),
                    None => (format!("Kolom {column}"), format!("Column {column}")),
                };
                language.of(
                    format!("{dutch}: daar staan waarden uit de kolom ook, in {cells} cellen. Die blijven staan."),
                    format!("{english}: values of the column stand there too, in {cells} cells. Those stay."),
                )
            }
        }
    }
}
