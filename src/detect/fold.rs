//! Folding: one spelling for letters, spaces, dashes and digits that people see as the same, with the
//! way back to the bytes of the original.
//!
//! NFKC by way of NFKD without the marks; letters that do not decompose (ı ł ø ß æ đ ĳ) by table;
//! what nobody sees (zero-width characters, soft hyphens, marks of writing direction) goes. Case is
//! kept: short terms need it. It cannot fail and is linear; plain ASCII is borrowed as it is.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// A folded text.
pub struct Folded<'a> {
    /// The folded text; its case is the original's.
    pub text: Cow<'a, str>,
    original: &'a str,
    /// From the first offset (folded) on, bytes run along with the second (original).
    shifts: Vec<(usize, usize)>,
}

impl<'a> Folded<'a> {
    /// Folds a text. Text written against the reading direction (U+202E) is turned round, as it is shown.
    pub fn new(original: &'a str) -> Self {
        if original.is_ascii() {
            return Self { text: Cow::Borrowed(original), original, shifts: Vec::new() };
        }
        let mut folded = String::with_capacity(original.len());
        let mut shifts = Vec::new();
        let mut shift = 0isize;
        let mut rest = original;
        while let Some(first) = rest.chars().next() {
            let at = original.len() - rest.len();
            let now = at as isize - folded.len() as isize;
            if now != shift || !first.is_ascii() {
                shifts.push((folded.len(), at));
                shift = now;
            }
            // ASCII is most of every text, and is copied run by run.
            let (run, after) = rest.split_at(ascii_run(rest.as_bytes()).max(first.len_utf8()));
            if first.is_ascii() {
                folded.push_str(run);
            } else {
                push_folded(&mut folded, first);
            }
            rest = after;
        }
        shifts.push((folded.len(), original.len()));
        turn_overridden(original, &mut folded, &shifts);
        Self { text: Cow::Owned(folded), original, shifts }
    }

    /// The byte range in the original of a range in the folded text, on character borders.
    pub fn origin(&self, range: Range<usize>) -> Range<usize> {
        if self.shifts.is_empty() {
            return range;
        }
        self.place(range.start)..self.place(range.end)
    }

    /// The byte range in the folded text of a range in the original.
    pub fn folded_range(&self, range: Range<usize>) -> Range<usize> {
        if self.shifts.is_empty() {
            return range;
        }
        self.folded_place(range.start)..self.folded_place(range.end)
    }

    /// The text as it stands in the original.
    pub fn as_written(&self, range: Range<usize>) -> &'a str {
        self.original.get(self.origin(range)).unwrap_or_default()
    }

    fn folded_place(&self, at: usize) -> usize {
        let next = self.shifts.partition_point(|&(_, origin)| origin <= at);
        let (folded, origin) = next.checked_sub(1).and_then(|i| self.shifts.get(i)).copied().unwrap_or((0, 0));
        let limit = self.shifts.get(next).map_or(self.text.len(), |&(folded, _)| folded);
        (folded + (at - origin)).min(limit)
    }

    fn place(&self, at: usize) -> usize {
        let next = self.shifts.partition_point(|&(folded, _)| folded <= at);
        let (folded, origin) = next.checked_sub(1).and_then(|i| self.shifts.get(i)).copied().unwrap_or((0, 0));
        let limit = self.shifts.get(next).map_or(self.original.len(), |&(_, origin)| origin);
        let mut place = (origin + (at - folded)).min(limit);
        while !self.original.is_char_boundary(place) {
            place -= 1;
        }
        place
    }
}

/// Folds a short text that needs no way back: a name, a term, a header cell.
pub fn fold(text: &str) -> String {
    Folded::new(text).text.into_owned()
}

/// How many bytes at the start are ASCII.
fn ascii_run(bytes: &[u8]) -> usize {
    let whole: usize = bytes.chunks(32).take_while(|chunk| chunk.is_ascii()).map(<[u8]>::len).sum();
    whole + bytes.get(whole..).unwrap_or_default().iter().take_while(|byte| byte.is_ascii()).count()
}

/// The letters of Latin scripts from U+00C0 on, folded: most of what is not ASCII in a mail.
static LATIN: LazyLock<Vec<String>> = LazyLock::new(|| {
    let folded = |c| {
        let mut folded = String::new();
        push_any(&mut folded, c);
        folded
    };
    ('\u{C0}'..='\u{17F}').map(folded).collect()
});

fn push_folded(folded: &mut String, c: char) {
    match (c as usize).checked_sub(0xC0).and_then(|at| LATIN.get(at)) {
        Some(letter) => folded.push_str(letter),
        None => push_any(folded, c),
    }
}

fn push_any(folded: &mut String, c: char) {
    if let Some(same) = by_table(c) {
        folded.push_str(same);
    } else if c.is_alphanumeric() || is_combining_mark(c) {
        folded.extend(std::iter::once(c).nfkd().filter(|&part| !is_combining_mark(part)).map(plain));
    } else {
        folded.extend(std::iter::once(c).nfkd().filter(|&part| !is_combining_mark(part)));
    }
}

/// Digits of other scripts are digits to whoever reads them.
fn plain(c: char) -> char {
    match c {
        '\u{660}'..='\u{669}' => ascii_digit(c as u32 - 0x660),
        '\u{6F0}'..='\u{6F9}' => ascii_digit(c as u32 - 0x6F0),
        '\u{131}' => 'i',
        other => other,
    }
}

fn ascii_digit(value: u32) -> char {
    char::from_digit(value, 10).unwrap_or('0')
}

fn by_table(c: char) -> Option<&'static str> {
    Some(match c {
        'ı' => "i",
        'İ' => "I",
        'ł' => "l",
        'Ł' => "L",
        'ø' => "o",
        'Ø' => "O",
        'ß' => "ss",
        'ẞ' => "SS",
        'æ' => "ae",
        'Æ' => "AE",
        'œ' => "oe",
        'Œ' => "OE",
        'đ' | 'ð' => "d",
        'Đ' | 'Ð' => "D",
        'þ' => "th",
        'Þ' => "Th",
        'ĳ' => "ij",
        'Ĳ' => "IJ",
        '\u{2018}' | '\u{2019}' | '\u{201B}' | '\u{2032}' | '\u{2BC}' | '\u{B4}' | '`' => "'",
        '\u{201C}' | '\u{201D}' | '\u{201E}' | '\u{AB}' | '\u{BB}' => "\"",
        '\u{2010}'..='\u{2015}' | '\u{2212}' => "-",
        '\u{2022}' | '\u{B7}' | '\u{25CF}' | '\u{25AA}' => "*",
        '\u{A0}' | '\u{1680}' | '\u{2000}'..='\u{200A}' | '\u{202F}' | '\u{205F}' | '\u{3000}' => " ",
        '\u{85}' | '\u{2028}' | '\u{2029}' => "\n",
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' => "",
        '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' => "",
        _ => return None,
    })
}

/// What stands between U+202E and the next mark is shown backwards. Only pieces of the same length in
/// both texts are turned, so that the offsets still point into the piece.
fn turn_overridden(original: &str, folded: &mut String, shifts: &[(usize, usize)]) {
    if !original.contains('\u{202E}') {
        return;
    }
    let mut turned = std::mem::take(folded).into_bytes();
    let marks = shifts
        .iter()
        .enumerate()
        .filter(|(_, (_, at))| original.get(*at..).is_some_and(|rest| rest.starts_with('\u{202E}')));
    for (index, &(start, _)) in marks {
        let end = shifts.get(index + 2).map_or(turned.len(), |&(folded, _)| folded);
        if let Some(piece) = turned.get_mut(start..end).filter(|piece| piece.is_ascii()) {
            piece.reverse();
        }
    }
    *folded = String::from_utf8(turned).unwrap_or_default();
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn letters_digits_spaces_and_dashes_get_one_spelling() {
        for (text, folded) in [
            ("Çağlar Yılmaz", "Caglar Yilmaz"),
            ("Wiśniewska, Łukasz", "Wisniewska, Lukasz"),
            ("Zoe\u{308} en Zoë", "Zoe en Zoe"),
            ("ĲSBRANDIJ Straße", "IJSBRANDIJ Strasse"),
            ("１２３\u{200B}４\u{AD}５", "12345"),
            ("a\u{A0}b\u{2009}c–d’e", "a b c-d'e"),
            ("BSN \u{202E}287654321\u{202C}.", "BSN 123456782."),
        ] {
            assert_eq!(fold(text), folded);
        }
    }

    #[test]
    fn the_way_back_gives_the_text_as_written() {
        let text = "Eerst Zoë\u{200B} Ça, dan Łukasz.";
        let folded = Folded::new(text);
        for (found, written) in [("Zoe", "Zoë\u{200B}"), ("Ca", "Ça"), ("Lukasz", "Łukasz"), ("dan", "dan")] {
            let start = folded.text.find(found).unwrap();
            assert_eq!(folded.as_written(start..start + found.len()), written);
        }
    }

    proptest! {
        #[test]
        fn every_range_has_a_way_back(text in "\\PC{0,40}", from in 0usize..60, length in 0usize..60) {
            let folded = Folded::new(&text);
            let from = from.min(folded.text.len());
            let range = folded.origin(from..(from + length).min(folded.text.len()));
            prop_assert!(text.get(range).is_some());
        }
    }
}
