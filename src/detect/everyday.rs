//! Everyday words: which letters are an ordinary Dutch word, so that a name which is one counts for less.
//!
//! The list (rules/words, OpenTaal) holds words of 2 to 8 letters; a longer word is not known. It is unpacked at first
//! use, in a few milliseconds, to half a megabyte. Never fails.

use std::sync::LazyLock;

use crate::detect::fold::fold;
use crate::detect::reading::word_hash;

static LIST: &str = include_str!("../../rules/words/nl.txt");

static HASHES: LazyLock<Vec<u64>> = LazyLock::new(|| {
    let mut hashes = Vec::with_capacity(LIST.len() / 4);
    let mut word: Vec<u8> = Vec::new();
    for line in LIST.lines() {
        let Some((&shared, rest)) = line.as_bytes().split_first() else { continue };
        word.truncate(usize::from(shared.wrapping_sub(b'0')));
        word.extend_from_slice(rest);
        hashes.push(word_hash(&word));
    }
    hashes.sort_unstable();
    hashes
});

/// Whether a word, in any case, is an everyday one.
pub fn is_everyday(word: &str) -> bool {
    is_everyday_hash(word_hash(fold(word).as_bytes()))
}

/// The same for the hash of a token.
pub(super) fn is_everyday_hash(hash: u64) -> bool {
    HASHES.binary_search(&hash).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_known_and_names_are_not() {
        for word in ["roos", "Winter", "bakker", "van", "en", "loopt", "DAG"] {
            assert!(is_everyday(word), "{word}");
        }
        for name in ["Sanne", "Hoekstra", "Yılmaz", "", "1"] {
            assert!(!is_everyday(name), "{name}");
        }
    }
}
