//! What a rule finds and does not count, for a time: the number in the school's own example letter, a street that is
//! also a term. Somebody answers for each, and each ends by itself.

use std::collections::HashMap;

use crate::detect::fold::fold;
use crate::message::Day;

/// What a rule does not count.
#[derive(Default)]
pub struct Allowed(HashMap<String, Exception>);

/// One exception.
#[derive(Debug, Clone)]
pub struct Exception {
    /// Who answers for it.
    pub owner: String,
    /// Why.
    pub reason: String,
    /// Its last day.
    pub until: Day,
}

impl Allowed {
    pub(super) fn insert(&mut self, text: &str, exception: Exception) {
        self.0.insert(plain(&fold(text)), exception);
    }

    /// The exception for a text that is folded already, on a day.
    pub(in crate::detect) fn exception(&self, folded: &str, today: Day) -> Option<&Exception> {
        if self.0.is_empty() {
            return None;
        }
        self.0.get(&plain(folded)).filter(|exception| today <= exception.until)
    }

    /// All exceptions; what they allow is personal data more often than not, and stays inside.
    pub fn list(&self) -> impl Iterator<Item = &Exception> {
        self.0.values()
    }
}

/// What is allowed can be a number or a name.
impl std::fmt::Debug for Allowed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Allowed({})", self.0.len())
    }
}

/// Letters and digits alone.
pub(super) fn plain(folded: &str) -> String {
    folded.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}
