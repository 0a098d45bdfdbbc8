//! Passwords that stand in a message: what its locked files may open with.
//!
//! Gathers words by where they stand (after a word for a password, between quotation marks, alone on a line) and by how
//! they look, the likeliest first, and few of them: each costs the reader of a locked file a try. Never guesses: no
//! birth dates, no lists of favourites, nothing that is not written there. Linear in the text. Cannot fail.

mod told;

use std::fmt;

use serde::{Deserialize, Serialize};
use told::{Standing, Told};

use super::{Spot, Text};

/// Passwords that are tried.
const MOST: usize = 24;
/// Octets of one text, and of all texts, that are looked at: a password is told at the top of a mail.
const LOOKED_AT: (usize, usize) = (256 << 10, 1 << 20);
/// Passwords that may open a locked file, the likeliest first. `Debug` shows how many.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passwords(Vec<String>);

impl Passwords {
    /// None.
    pub fn none() -> &'static Self {
        static NONE: Passwords = Passwords(Vec::new());
        &NONE
    }

    /// Those that stand in the texts of a message.
    pub fn told_in(texts: &[Text]) -> Self {
        Self::of(texts.iter(), Standing::Any)
    }

    /// Those that stand in documents: a list has so many words alone on their lines that only a word for a password
    /// makes one.
    pub(super) fn told_in_documents<'t>(texts: impl Iterator<Item = &'t Text>) -> Self {
        Self::of(texts, Standing::Beside)
    }

    fn of<'t>(texts: impl Iterator<Item = &'t Text>, most: Standing) -> Self {
        let mut told = Told::default();
        let mut left = LOOKED_AT.1;
        for text in texts {
            let start = text.text.get(..text.text.floor_char_boundary(LOOKED_AT.0.min(left))).unwrap_or_default();
            left -= start.len();
            match &text.place.spot {
                Spot::FileName(_) => told.text(&name_as_text(start)),
                _ => told.text(start),
            }
        }
        Self(told.up_to(most, MOST))
    }

    /// These, and as many of others as may be tried.
    #[must_use]
    pub fn and(&self, others: &Self) -> Self {
        let new = others.0.iter().filter(|other| !self.0.contains(other));
        Self(self.0.iter().chain(new).take(2 * MOST).cloned().collect())
    }

    /// Each of them, the likeliest first. Whoever asks tries them, and writes them nowhere.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// One of them, by its place among them.
    pub fn get(&self, index: usize) -> Option<&str> {
        self.0.get(index).map(String::as_str)
    }

    /// The places of all of them, this one first: what opens one file often opens the others.
    pub(super) fn places_from(&self, first: usize) -> impl Iterator<Item = usize> + use<> {
        let all = self.0.len();
        (first..all).take(1).chain((0..all).filter(move |place| *place != first))
    }
}

/// A file's name without its extension; what joins its words is no part of a password more often than it is.
fn name_as_text(name: &str) -> String {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    format!("{stem}\n{}", stem.replace(['_', '+'], " "))
}

/// A password as programs write it in octets: in UTF-8, or on Windows in its charset, which has the letters of Latin-1.
pub(super) fn forms(password: &str) -> Vec<Vec<u8>> {
    let latin: Option<Vec<u8>> = password.chars().map(|sign| u8::try_from(u32::from(sign)).ok()).collect();
    let latin = latin.filter(|_| !password.is_ascii());
    std::iter::once(password.as_bytes().to_vec()).chain(latin).collect()
}

/// One password, for tests and for whoever has it from elsewhere.
impl From<&str> for Passwords {
    fn from(password: &str) -> Self {
        Self(vec![password.to_string()])
    }
}

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Passwords({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::told::LENGTHS;
    use super::*;
    use crate::extract::Place;

    fn told_in(text: &str) -> Vec<String> {
        Passwords::told_in(&[Text { text: text.to_string(), ..Text::default() }]).0
    }

    #[test]
    fn where_people_write_them() {
        for (text, password) in [
            ("Het wachtwoord is Zeehond12.", "Zeehond12"),
            ("Het wachtwoord is: Zeehond12!", "Zeehond12!"),
            ("wachtwoord = zeehond", "zeehond"),
            ("Ww: kastanje", "kastanje"),
            ("ww:Kastanje-7", "Kastanje-7"),
            ("WACHTWOORD\nkastanje", "kastanje"),
            ("Wachtwoord:\n\n   Kast@nje\n\nGroet", "Kast@nje"),
            ("Het zipwachtwoord luidt \u{201c}de kat krabt\u{201d}.", "de kat krabt"),
            ("Wachtwoord: de kat krabt de krullen", "de kat krabt de krullen"),
            ("Gebruik Zeehond12 als wachtwoord.", "Zeehond12"),
            ("Het bestand is beveiligd met Zeehond12.", "Zeehond12"),
            ("De code is 4821", "4821"),
            ("Toegangscode 48217730", "48217730"),
            ("Het ww van de bijlage (klas 3) is <b3rk>", "b3rk"),
            ("The password for the file is Seal-2014.", "Seal-2014"),
            ("Gebruiker\tWachtwoord\ngroep3\tZeehond12", "Zeehond12"),
            ("Hoi Kim,\n\nZeehond12\n\nGroet, Bo", "Zeehond12"),
            ("Wachtwoord is *Zee\u{ad}hond12*", "Zeehond12"),
            ("Wachtwoord: 4821 7730", "48217730"),
            ("Wachtwoord: Zoë2014", "Zoë2014"),
        ] {
            assert!(told_in(text).iter().any(|told| told == password), "{text:?} {:?}", told_in(text));
        }
    }

    #[test]
    fn in_names_of_files_and_subjects() {
        let text = |spot: Spot, text: &str| Text {
            place: Place { spot, ..Place::default() },
            text: text.to_string(),
            cells: Vec::new(),
        };
        let name = "klas3_ww_Zeehond12.zip";
        let texts = [text(Spot::FileName(name.into()), name), text(Spot::Subject, "ww Kastanje7")];
        let told = Passwords::told_in(&texts);
        assert!(told.iter().any(|told| told == "Zeehond12") && told.iter().any(|told| told == "Kastanje7"));
        assert_eq!(format!("{told:?}"), format!("Passwords({})", told.iter().count()));
    }

    #[test]
    fn nothing_is_guessed_and_what_is_told_comes_first() {
        assert_eq!(told_in("Hierbij de toetsen van groep drie. Fijne dag!"), Vec::<String>::new());
        let long = format!("{}\nHet wachtwoord is: Zeehond12\n", "Toets 1a van 12-3 voor B4 is G0ed\n".repeat(500));
        let found = told_in(&long);
        assert_eq!(found.first().map(String::as_str), Some("Zeehond12"));
        assert!(found.len() <= MOST);
    }

    #[test]
    fn the_one_that_fits_comes_first() {
        let passwords = Passwords(["a", "b", "c"].map(String::from).to_vec());
        assert_eq!(passwords.places_from(2).collect::<Vec<_>>(), [2, 0, 1]);
        assert_eq!(passwords.places_from(7).collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(passwords.and(&Passwords::from("b")).iter().count(), 3);
        assert_eq!(Passwords::none().places_from(0).count(), 0);
    }

    proptest! {
        #[test]
        fn any_text_gives_few_short_ones(text in "(ww|wachtwoord|code|is|:|=|\"|\\PC{0,9}|[ \n\t])*") {
            let found = told_in(&text);
            prop_assert!(found.len() <= MOST && found.iter().all(|told| LENGTHS.contains(&told.chars().count())));
        }
    }
}
