//! Near words: which known words are one edit (insert, delete, replace, swap two neighbours) from a word as typed.
//!
//! Each known word is kept with every form that lacks one of its letters. Two words one edit apart share such a form,
//! so a look-up tries as many forms as the typed word has letters, however many words are known.

use crate::detect::reading::word_hash;

/// The known words, small and folded.
#[derive(Default)]
pub struct Near {
    words: Vec<Box<[u8]>>,
    /// Hash of a form -> index of the word, in order of the hash.
    forms: Vec<(u64, u32)>,
    /// Where the forms begin whose hashes begin with the same [`BITS`]; one more for the end. None when there are no forms.
    starts: Vec<u32>,
}

/// Enough for the words of 50,000 pupils, of which a look-up then meets a handful.
const BITS: u32 = 16;

/// A shorter word is one edit from too many others.
const SHORTEST: usize = 4;
/// A longer word is not looked up.
const LONGEST: usize = 24;

impl Near {
    /// Adds a word; [`Self::finish`] when all are in.
    pub fn add(&mut self, word: &[u8]) {
        if (SHORTEST..=LONGEST).contains(&word.len()) {
            let index = self.words.len() as u32;
            self.forms.push((word_hash(word), index));
            self.forms.extend(shortened(word).map(|hash| (hash, index)));
            self.words.push(word.into());
        }
    }

    /// Makes the forms ready to be looked up.
    pub fn finish(mut self) -> Self {
        self.forms.sort_unstable();
        self.forms.dedup();
        self.forms.shrink_to_fit();
        if !self.forms.is_empty() {
            let start = |bucket: u64| self.forms.partition_point(|&(hash, _)| hash >> (64 - BITS) < bucket) as u32;
            self.starts = (0..=1 << BITS).map(start).collect();
        }
        self
    }

    /// The forms with a hash.
    fn same(&self, form: u64) -> &[(u64, u32)] {
        let bucket = (form >> (64 - BITS)) as usize;
        let [from, to] = [bucket, bucket + 1].map(|at| self.starts.get(at).copied().unwrap_or_default() as usize);
        let near = self.forms.get(from..to).unwrap_or_default();
        let from = near.partition_point(|&(hash, _)| hash < form);
        near.get(from..).unwrap_or_default()
    }

    /// Calls `found` with the hash of each known word that is one edit from a word of any case, until it has an answer.
    pub fn find<T>(&self, typed: &[u8], mut found: impl FnMut(u64) -> Option<T>) -> Option<T> {
        if !(SHORTEST - 1..=LONGEST + 1).contains(&typed.len()) {
            return None;
        }
        let typed = typed.to_ascii_lowercase();
        let mut tried: Vec<u32> = Vec::new();
        std::iter::once(word_hash(&typed)).chain(shortened(&typed)).find_map(|form| {
            let same = self.same(form).iter().take_while(|&&(hash, _)| hash == form);
            same.take(MOST_ALIKE).find_map(|&(_, index)| {
                let word = self.words.get(index as usize)?;
                if tried.contains(&index) || !one_edit(word, &typed) {
                    return None;
                }
                tried.push(index);
                found(word_hash(word))
            })
        })
    }
}

/// No language has more words that differ in one letter; a made-up roster may.
const MOST_ALIKE: usize = 64;

/// The hashes of a word without each of its letters in turn.
fn shortened(word: &[u8]) -> impl Iterator<Item = u64> + '_ {
    let mut form = [0; LONGEST];
    let length = word.len().saturating_sub(1);
    form.iter_mut().zip(word.iter().skip(1)).for_each(|(to, from)| *to = *from);
    // Without the first letter; then each letter in turn goes back in its place, over the one behind it.
    word.iter().enumerate().map(move |(at, letter)| {
        let hash = word_hash(form.get(..length).unwrap_or_default());
        if let Some(place) = form.get_mut(at) {
            *place = *letter;
        }
        hash
    })
}

/// Whether two words differ by exactly one insertion, deletion, replacement or swap of neighbours.
pub fn one_edit(a: &[u8], b: &[u8]) -> bool {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    let same = short.iter().zip(long).take_while(|(a, b)| a == b).count();
    let (short, long) = (short.get(same..).unwrap_or_default(), long.get(same..).unwrap_or_default());
    match (short, long) {
        ([], [_]) => true,
        (_, [_, rest @ ..]) if short.len() + 1 == long.len() => short == rest,
        ([a, rest @ ..], [b, other @ ..]) if short.len() == long.len() => {
            let swapped = match (rest, other) {
                ([c, rest @ ..], [d, other @ ..]) => a == d && b == c && rest == other,
                _ => false,
            };
            rest == other || swapped
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn one_edit_is_found_and_two_are_not() {
        let mut near = Near::default();
        ["hoekstra", "jansen", "berg", "anna"].iter().for_each(|word| near.add(word.as_bytes()));
        let near = near.finish();
        let found = |typed: &str| near.find(typed.as_bytes(), Some);
        for (typed, word) in [
            ("Hoejstra", "hoekstra"),
            ("Hokestra", "hoekstra"),
            ("hoekstr", "hoekstra"),
            ("oekstra", "hoekstra"),
            ("Hoekstraa", "hoekstra"),
            ("Janssen", "jansen"),
            ("ber", "berg"),
            ("begr", "berg"),
            ("Anan", "anna"),
            ("Ana", "anna"),
        ] {
            assert_eq!(found(typed), Some(word_hash(word.as_bytes())), "{typed}");
        }
        for typed in ["Hoekstra", "Hoejstar", "Jaanssen", "bre", "gebr", "naan", ""] {
            assert_eq!(found(typed), None, "{typed}");
        }
    }
}
