//! Why a file is not written back without its columns, in words for the teacher.

use crate::extract::Why;
use crate::school::Language;

/// Why it cannot be done truthfully.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CannotRedact {
    /// It has no columns.
    NotASheet,
    /// A workbook of Excel 97-2003.
    OldFormat,
    /// A binary workbook.
    Binary,
    /// A password is on it.
    Locked,
    /// It is signed; a signature does not outlive a change.
    Signed,
    /// It is broken, or programs could read it in two ways.
    Damaged,
    /// It is larger than the limits allow.
    OverLimit,
    /// The sheet or column is not where it was found.
    NoColumn,
    /// A text in a charset in which its octets cannot be told apart.
    Charset,
    /// It keeps earlier versions of itself, or changes that are tracked.
    History,
    /// A pivot table keeps a copy of the column.
    Pivot,
    /// A data model keeps a copy of the sheets.
    Model,
    /// A picture of the cells stands in it.
    PictureOfCells,
    /// Something in it cannot be read, so nobody knows whether a copy stands there.
    Unread(Why),
    /// A value of the column stands elsewhere in the file: in what layer.
    Copy(&'static str),
    /// The file is not where it was found in the mail.
    NoFile,
    /// Mail programs could read the mail in two ways.
    UnclearMail,
    /// The mail, or the part with the file, is signed or encrypted.
    SealedMail,
}

impl CannotRedact {
    /// In a sentence about the file, or the mail.
    pub fn sentence(&self, language: Language) -> &'static str {
        let [dutch, english] = self.sentences();
        language.of(dutch, english)
    }

    fn sentences(&self) -> [&'static str; 2] {
        match self {
            Self::NotASheet => [
                "Dit bestand is geen rekenblad. Alleen uit xlsx, xlsm, ods en csv kunnen kolommen weg.",
                "This file is no spreadsheet. Columns can be taken out of xlsx, xlsm, ods and csv only.",
            ],
            Self::OldFormat => [
                "Dit is een bestand van een oude Excel (xls). Sla het op als xlsx en probeer het opnieuw.",
                "This is a file of an old Excel (xls). Save it as xlsx and try again.",
            ],
            Self::Binary => [
                "Dit is een binaire werkmap (xlsb). Sla het bestand op als xlsx en probeer het opnieuw.",
                "This is a binary workbook (xlsb). Save it as xlsx and try again.",
            ],
            Self::Locked => ["Er staat een wachtwoord op dit bestand.", "There is a password on this file."],
            Self::Signed => [
                "Dit bestand is ondertekend. De handtekening klopt niet meer als er iets uit weg is.",
                "This file is signed. The signature does not hold when something is taken out.",
            ],
            Self::Damaged => [
                "Dit bestand is beschadigd of vreemd opgebouwd. Sla het opnieuw op en probeer het nog eens.",
                "This file is damaged or oddly built. Save it again and try once more.",
            ],
            Self::OverLimit => ["Dit bestand is te groot.", "This file is too large."],
            Self::NoColumn => [
                "De kolom staat niet in dit bestand, of niet op een gewoon blad.",
                "The column is not in this file, or not on an ordinary sheet.",
            ],
            Self::Charset => [
                "Dit tekstbestand is op een ongewone manier opgeslagen. Sla het op als UTF-8 en probeer het opnieuw.",
                "This text file is stored in an unusual way. Save it as UTF-8 and try again.",
            ],
            Self::History => [
                "Dit bestand bewaart oude versies of wijzigingen. Zet dat uit, sla het op en probeer het opnieuw.",
                "This file keeps old versions or changes. Switch that off, save it and try again.",
            ],
            Self::Pivot => [
                "Een draaitabel in dit bestand bewaart een kopie van de kolom. Haal de draaitabel weg en probeer het opnieuw.",
                "A pivot table in this file keeps a copy of the column. Remove the pivot table and try again.",
            ],
            Self::Model => [
                "Dit bestand heeft een gegevensmodel met een kopie van de bladen. Haal dat weg en probeer het opnieuw.",
                "This file has a data model with a copy of the sheets. Remove it and try again.",
            ],
            Self::PictureOfCells => [
                "In dit bestand staat een foto van cellen. Haal die weg en probeer het opnieuw.",
                "There is a picture of cells in this file. Remove it and try again.",
            ],
            Self::Unread(_) => [
                "Iets in dit bestand is niet te lezen. Daar kan een kopie van de kolom staan.",
                "Something in this file cannot be read. A copy of the column may be there.",
            ],
            Self::Copy(_) => [
                "Gegevens uit de kolom staan ook op een andere plek in dit bestand, buiten de cellen.",
                "Data of the column stand in another place of this file too, outside of the cells.",
            ],
            Self::NoFile => {
                ["Het bestand is niet los in de mail te vinden.", "The file cannot be found by itself in the mail."]
            }
            Self::UnclearMail => [
                "Deze mail is vreemd opgebouwd: mailprogramma's lezen hem verschillend.",
                "This mail is oddly built: mail programs read it in different ways.",
            ],
            Self::SealedMail => [
                "Deze mail is ondertekend of versleuteld. Dan kan er niets uit weg.",
                "This mail is signed or encrypted. Nothing can be taken out then.",
            ],
        }
    }
}
