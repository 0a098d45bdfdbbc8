//! How sure it must be that whoever opens a share is its recipient: a word of policy lines, kept with each link.
//!
//! Of several lines the strictest word counts. A leaf: what a level takes is known to [`crate::share`] alone.

use serde::{Deserialize, Serialize};

/// How sure it must be, from little to much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// A code by mail will do, to the mailbox that has the link too: whoever can read that can open the share.
    Low,
    /// What the mailbox alone does not give: a text message, a code that the sender tells, the fixed code of an
    /// organisation, a passkey.
    #[default]
    Normal,
    /// What one person alone has: a text message, a code that the sender says himself, a passkey. No device is remembered.
    High,
}

impl Level {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Low, Self::Normal, Self::High];

    /// The word in policy files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
        }
    }
}
