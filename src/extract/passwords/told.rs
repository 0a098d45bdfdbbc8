//! Words that may be passwords, by where they stand in a text and how they look.
//!
//! A word for a password ("wachtwoord", "ww") makes the words around it likely, a word for something that opens (a code,
//! "te openen met") only those that look like one. Linear in the text: what is kept and followed is bounded.

use std::collections::{BTreeSet, VecDeque};

/// Characters of a password, at least and at most.
pub(super) const LENGTHS: std::ops::RangeInclusive<usize> = 3..=64;
/// Words after a word for a password that may be one, and before it.
const AFTER: usize = 12;
const BEFORE: usize = 6;
/// Words of a pass phrase.
const PHRASE: usize = 8;
/// Octets after a word for a password, and of the next line, in which it is told.
const NEAR: usize = 240;
/// Words for a password that are followed, and lines of one word that are kept: a hostile text has thousands.
const FOLLOWED: usize = 1_000;
const ALONE: usize = 100;

/// How likely a word is a password, by where it stands; the first is the likeliest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
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

/// What was found in texts so far.
#[derive(Default)]
pub(super) struct Told {
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
    /// Looks for passwords in a text.
    pub(super) fn text(&mut self, text: &str) {
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

    /// The words found so far that stand so or likelier, the likeliest first, each once.
    pub(super) fn up_to(mut self, most: Standing, count: usize) -> Vec<String> {
        self.found.retain(|(standing, _)| *standing <= most);
        self.found.sort_by_key(|(standing, _)| *standing);
        let mut seen = BTreeSet::new();
        let new = self.found.into_iter().map(|(_, word)| word).filter(|word| seen.insert(word.clone()));
        new.take(count).collect()
    }
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
    let ends = |end: &str| {
        word.len()
            .checked_sub(end.len())
            .and_then(|at| word.get(at..))
            .is_some_and(|tail| tail.eq_ignore_ascii_case(end))
    };
    let is = |whole: &str| word.eq_ignore_ascii_case(whole);
    let keyword = if PASSWORDS.iter().any(|end| ends(end)) || SHORT.iter().any(|whole| is(whole)) {
        Keyword::Password
    } else if HINTS.iter().any(|end| ends(end)) || OPENS.iter().any(|whole| is(whole)) {
        Keyword::Hint
    } else {
        return None;
    };
    Some((keyword, start + length))
}

/// What is told after a sign or a verb: "is Zeehond12", ": de kat krabt", "van de zip = x".
fn told(after: &str) -> Option<&str> {
    let telling = after.get(..after.floor_char_boundary(80)).unwrap_or(after);
    let sign = telling.find([':', '=', '→', '\t']).map(|at| at + telling.get(at..).map_or(1, first_length));
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
