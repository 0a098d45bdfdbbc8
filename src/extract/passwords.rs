//! Passwords that stand in a message: what its locked files may open with.
//!
//! Gathers words by where they stand (after a word for a password, between quotation marks, alone on a line) and by how
//! they look, the likeliest first, and few of them: each costs the reader of a locked file a try. Never guesses: no
//! birth dates, no lists of favourites, nothing that is not written there. Linear in the text. Cannot fail.

use std::collections::{BTreeSet, VecDeque};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Spot, Text};

/// Passwords that are tried.
const MOST: usize = 24;
/// Octets of one text, and of all texts, that are looked at: a password is told at the top of a mail.
const LOOKED_AT: (usize, usize) = (256 << 10, 1 << 20);
/// Characters of a password, at least and at most.
const LENGTHS: std::ops::RangeInclusive<usize> = 3..=64;
/// Words after a word for a password that may be one, and before it.
const AFTER: usize = 12;
const BEFORE: usize = 6;
/// Words of a pass phrase.
const PHRASE: usize = 8;
/// Octets after a word for a password, and of the next line, in which it is told.
const NEAR: usize = 240;
/// Words for a password that are followed, and lines of one word that are kept: a hostile text has thousands.
const FOLLOWED: usize = 1_000;
const ALONE: usize = 4 * MOST;

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
                Spot::FileName(name) => told.text(&name_as_text(name)),
                _ => told.text(start),
            }
        }
        told.found.retain(|(standing, _)| *standing <= most);
        told.passwords()
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

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
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

/// How likely a word is a password, by where it stands; the first is the likeliest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    /// Told: after a colon, between quotation marks.
    Told,
    /// The whole of what is told, when that is several words.
    Phrase,
    /// Beside a word for a password, and it looks like one.
    Beside,
    /// After a word for something else that opens, and it looks like one.
    Hinted,
    /// Alone on its line, and it looks like one.
    Alone,
    /// Any other word beside a word for a password.
    Any,
}

#[derive(Default)]
struct Told {
    found: Vec<(Standing, String)>,
    followed: usize,
    alone: usize,
}

/// A word that says that a password follows.
#[derive(Clone, Copy, PartialEq)]
enum Keyword {
    /// It means a password.
    Password,
    /// It may: a code, a key, "open it with".
    Hint,
}

impl Told {
    fn text(&mut self, text: &str) {
        let seen: String = text.chars().filter(|sign| !is_unseen(*sign)).collect();
        let mut lines = seen.lines().map(str::trim).filter(|line| !line.is_empty()).peekable();
        while let Some(line) = lines.next() {
            self.line(line, lines.peek().copied());
        }
    }

    fn line(&mut self, line: &str, next: Option<&str>) {
        if self.alone < ALONE && is_one_word(line) && looks_secret(line) {
            self.alone += 1;
            self.add(Standing::Alone, line);
        }
        let mut before: VecDeque<&str> = VecDeque::new();
        let mut at = 0;
        for token in line.split_whitespace() {
            at += line.get(at..).and_then(|rest| rest.find(token)).unwrap_or(0);
            if let Some((keyword, length)) = keyword(token).filter(|_| self.followed < FOLLOWED) {
                self.followed += 1;
                self.after(keyword, near(line.get(at + length..).unwrap_or_default()), next.map(near));
                if keyword == Keyword::Password {
                    let secret = before.iter().filter(|word| looks_secret(word));
                    secret.for_each(|word| self.add(Standing::Beside, word));
                }
            }
            before.push_back(token);
            if before.len() > BEFORE {
                before.pop_front();
            }
            at += token.len();
        }
    }

    /// What stands after a word for a password, on its line and on the next.
    fn after(&mut self, keyword: Keyword, after: &str, next: Option<&str>) {
        let is_password = keyword == Keyword::Password;
        if let Some(told) = told(after).filter(|_| is_password) {
            self.told(told);
        }
        if is_password {
            quoted(after).take(AFTER).for_each(|phrase| self.add(Standing::Told, phrase));
        }
        for word in after.split_whitespace().take(AFTER) {
            match (is_password, looks_secret(word)) {
                (true, true) => self.add(Standing::Beside, word),
                (true, false) if !is_everyday(word) => self.add(Standing::Any, word),
                (false, true) => self.add(Standing::Hinted, word),
                _ => {}
            }
        }
        let Some(next) = next.filter(|_| is_password) else { return };
        let ends = after.trim_matches(|sign: char| !sign.is_alphanumeric()).is_empty();
        if is_one_word(next) || ends {
            self.told(next);
        }
        for word in next.split_whitespace().take(AFTER).filter(|word| looks_secret(word)) {
            self.add(Standing::Beside, word);
        }
    }

    /// A line that tells one: its first word, or all of it.
    fn told(&mut self, told: &str) {
        let words = told.split_whitespace().count();
        if let Some(first) = told.split_whitespace().next() {
            self.add(Standing::Told, first);
        }
        if (2..=PHRASE).contains(&words) {
            self.add(Standing::Phrase, told);
            let joined: String = told.split_whitespace().collect();
            self.add(Standing::Any, &joined);
        }
    }

    /// A word as it is written, and without the marks around it: a full stop may end the sentence or the password.
    fn add(&mut self, standing: Standing, word: &str) {
        let bare = word.trim_matches(|sign: char| QUOTES.contains(&sign) || matches!(sign, '*' | ' '));
        let ended = bare.trim_end_matches(['.', ',', ';', ':', ')', ']', '>', '}']);
        let unmarked = ended.trim_end_matches(['!', '?']);
        let opened = ended.trim_start_matches(['(', '[', '<', '{']);
        let (likely, other) = ([opened, unmarked, opened.trim_end_matches(['!', '?'])], [ended, bare, word]);
        let forms = likely.map(|form| (standing, form)).into_iter().chain(other.map(|form| (Standing::Any, form)));
        for (standing, form) in forms {
            let fits = LENGTHS.contains(&form.chars().count()) && form.chars().any(char::is_alphanumeric);
            if fits && !self.found.iter().rev().take(likely.len() + other.len()).any(|(_, known)| known == form) {
                self.found.push((standing, form.to_string()));
            }
        }
    }

    fn passwords(mut self) -> Passwords {
        self.found.sort_by_key(|(standing, _)| *standing);
        let mut seen = BTreeSet::new();
        let new = self.found.into_iter().map(|(_, word)| word).filter(|word| seen.insert(word.clone()));
        Passwords(new.take(MOST).collect())
    }
}

/// A file's name without its extension; what joins its words is no part of a password more often than it is.
fn name_as_text(name: &str) -> String {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    format!("{stem}\n{}", stem.replace(['_', '+'], " "))
}

const QUOTES: [char; 16] = ['"', '\'', '`', '´', '“', '”', '„', '‟', '‘', '’', '‚', '‛', '«', '»', '‹', '›'];

/// Words whose end says that a password follows: they stand in compounds ("zipwachtwoord").
const PASSWORDS: [&str; 11] = [
    "wachtwoord",
    "wachtwoorden",
    "wachtwrd",
    "paswoord",
    "password",
    "passwort",
    "kennwort",
    "passcode",
    "passphrase",
    "wachtzin",
    "passe",
];
/// The same, as words of their own.
const SHORT: [&str; 7] = ["ww", "pw", "pwd", "psw", "pass", "wwoord", "w8woord"];
/// Words whose end says that what opens the file may follow.
const HINTS: [&str; 5] = ["code", "codes", "pin", "sleutel", "key"];
/// The same, as words of their own.
const OPENS: [&str; 9] =
    ["openen", "geopend", "opent", "beveiligd", "versleuteld", "vergrendeld", "ontgrendelen", "unlock", "open"];

/// Whether a word says that a password follows, and the octets up to where that begins.
fn keyword(token: &str) -> Option<(Keyword, usize)> {
    let start = token.find(char::is_alphanumeric)?;
    let rest = token.get(start..)?;
    let length = rest.find(|sign: char| !sign.is_alphanumeric()).unwrap_or(rest.len());
    let word = rest.get(..length).filter(|word| word.len() <= 40)?;
    let ends = |end: &&str| {
        word.len()
            .checked_sub(end.len())
            .and_then(|at| word.get(at..))
            .is_some_and(|tail| tail.eq_ignore_ascii_case(end))
    };
    let is = |whole: &&str| word.eq_ignore_ascii_case(whole);
    let keyword = if PASSWORDS.iter().any(|end| ends(&end)) || SHORT.iter().any(|whole| is(&whole)) {
        Keyword::Password
    } else if HINTS.iter().any(|end| ends(&end)) || OPENS.iter().any(|whole| is(&whole)) {
        Keyword::Hint
    } else {
        return None;
    };
    Some((keyword, start + length))
}

/// What is told after a sign or a verb: "is Zeehond12", ": de kat krabt", "van de zip = x".
fn told(after: &str) -> Option<&str> {
    let telling = after.get(..after.floor_char_boundary(80)).unwrap_or(after);
    let sign = telling.find([':', '=', '→', '\t']).map(|at| at + telling.get(at..).map_or(1, |s| first_length(s)));
    let verb = TELLS.iter().filter_map(|verb| Some(telling.find(verb)? + verb.len())).min();
    let at = match (sign, verb) {
        (Some(sign), Some(verb)) => sign.min(verb),
        (sign, verb) => sign.or(verb)?,
    };
    let told = after.get(at..)?.trim_start_matches(|sign: char| sign.is_whitespace() || matches!(sign, ':' | '='));
    (!told.is_empty()).then_some(told)
}

fn near(text: &str) -> &str {
    text.get(..text.floor_char_boundary(NEAR)).unwrap_or_default()
}

fn first_length(text: &str) -> usize {
    text.chars().next().map_or(1, char::len_utf8)
}

const TELLS: [&str; 7] = [" is ", " wordt ", " luidt ", " blijft ", " was ", " - ", " – "];

/// What stands between quotation marks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split(|sign| QUOTES.contains(&sign)).skip(1).step_by(2).filter(|inside| !inside.trim().is_empty())
}

fn is_one_word(line: &str) -> bool {
    line.len() <= 4 * LENGTHS.end() && !line.contains(char::is_whitespace)
}

/// Whether a word looks like a password: a digit, a sign in it, or a capital that is not its first letter.
fn looks_secret(word: &str) -> bool {
    let word = word.trim_matches(|sign: char| !sign.is_alphanumeric());
    let is_address = word.contains('@') || word.contains("://") || word.starts_with("www.");
    let letters = word.chars().filter(|sign| sign.is_alphabetic()).count();
    let has_capital = word.chars().skip(1).any(char::is_uppercase) && word.chars().any(char::is_lowercase);
    let has_sign = word.chars().any(|sign| !sign.is_alphanumeric());
    let has_digit = word.chars().any(|sign| sign.is_ascii_digit());
    let length = word.chars().count();
    LENGTHS.contains(&length)
        && !is_address
        && (has_digit && (letters > 0 || length >= 4) || has_capital || has_sign && letters > 0)
}

/// Words that stand beside any password and are none.
fn is_everyday(word: &str) -> bool {
    const WORDS: [&str; 40] = [
        "aan", "als", "and", "bestand", "bij", "bijlage", "dat", "deze", "dit", "document", "een", "file", "for",
        "heb", "heeft", "het", "hierbij", "ik", "is", "je", "jullie", "met", "mijn", "moet", "niet", "nodig", "nog",
        "om", "onze", "open", "openen", "the", "this", "van", "voor", "volgt", "wordt", "you", "your", "zijn",
    ];
    let word = word.trim_matches(|sign: char| !sign.is_alphanumeric());
    WORDS.iter().any(|known| word.eq_ignore_ascii_case(known))
}

/// Signs without a width, which a person neither sees nor types.
fn is_unseen(sign: char) -> bool {
    matches!(sign, '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2064}' | '\u{FEFF}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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
