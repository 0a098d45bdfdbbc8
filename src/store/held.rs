//! Mail that was stopped: kept sealed until its sender chooses, or until its time is over.
//!
//! The values are here, what is done with their rows in `tables`.

mod tables;

use std::fmt;

use serde::{Deserialize, Serialize};

use super::desk::Asked;
use super::journal::NewLine;
use super::notes::NewNote;
use super::owed::{Envelope, NewOwed};
use super::share::NewShared;
use crate::seal::Index;
use crate::vault::Item;

pub(super) use tables::{act_label, keep_again, set_all, set_state};

/// What has become of a mail for one recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum State {
    /// Kept; its sender may choose.
    Held,
    /// A second person was asked.
    Asked,
    /// On its way: owed to the next hop.
    Owed,
    /// The next hop has taken it.
    Sent,
    /// The next hop refused it for good, or it was given up.
    Failed,
    /// Its sender deleted it.
    Deleted,
    /// Nobody chose in time.
    Expired,
    /// Gets it as a secure share.
    Shared,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 8] =
        [Self::Held, Self::Asked, Self::Owed, Self::Sent, Self::Failed, Self::Deleted, Self::Expired, Self::Shared];

    /// The word in the table.
    pub fn word(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Asked => "asked",
            Self::Owed => "owed",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Deleted => "deleted",
            Self::Expired => "expired",
            Self::Shared => "shared",
        }
    }

    fn from_word(word: &str) -> Self {
        Self::ALL.into_iter().find(|state| state.word() == word).unwrap_or(Self::Failed)
    }

    /// Whether its sender may still choose.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Held | Self::Asked)
    }
}

/// A mail that we take, with everything that goes to the disk in the same commit.
#[derive(Debug)]
pub struct Taken {
    /// Its school.
    pub school: String,
    /// The mail itself, and what we wrote because of it.
    pub items: Vec<Item>,
    /// The mail as it is kept; none when it only goes on.
    pub held: Option<NewHeld>,
    /// What we owe because of it.
    pub owed: Vec<NewOwed>,
    /// What is shared of it.
    pub share: Option<NewShared>,
    /// What is told later because of it.
    pub notes: Vec<NewNote>,
    /// By what its recipients are known again who have it with nothing held.
    pub once: Once,
    /// Its line in the journal.
    pub journal: Option<NewLine>,
}

/// By what recipients are known again who have a mail of which nothing is held.
#[derive(Debug, Default)]
pub struct Once {
    /// A hash for each of them, of incident, content and address.
    pub keys: Vec<Index>,
    /// The number of the mail.
    pub mail: String,
}

/// A mail to be held.
#[derive(Debug)]
pub struct NewHeld {
    /// The number by which reply, notice and desk know it.
    pub id: String,
    /// Hash of school, sender and Message-ID.
    pub incident: Index,
    /// Hash of the incident, its recipients and its content.
    pub part: Index,
    /// Hash of the sender's address.
    pub sender: Index,
    /// Hash of the secret in the notice's link.
    pub link: Index,
    /// When it is deleted, milliseconds.
    pub delete_at: i64,
    /// The id of its item; none when the school keeps nothing.
    pub item: Option<String>,
    /// Octets.
    pub size: usize,
    /// What the desk shows and a release needs.
    pub facts: Facts,
    /// One for each recipient of `facts.envelope`.
    pub recipients: Vec<NewRecipient>,
    /// It is another part of the mail with this number, of the same incident.
    pub joins: Option<Joins>,
}

/// What a part of a mail joins. The places of its recipients, in `facts` and in what is owed, go on from those before.
#[derive(Debug)]
pub struct Joins {
    /// How many recipients there are before it.
    pub before: usize,
    /// The item of the notice in whose place the new one comes, as long as nobody has tried to deliver that.
    pub notice: Option<String>,
    /// What is told later when that is too late.
    pub late: Vec<NewNote>,
}

/// A recipient of a mail to be held.
#[derive(Debug)]
pub struct NewRecipient {
    /// Hash of the address.
    pub address: Index,
    /// Its class.
    pub class: String,
    /// The policy line that decided.
    pub line: String,
    /// What has become of it so far.
    pub state: State,
}

/// What the desk shows of a held mail, and what its release needs. Sealed.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Facts {
    /// The envelope, all recipients, and the `Received` line of the mail.
    pub envelope: Envelope,
    /// Who got the notice, as typed.
    pub readers: Vec<String>,
    /// The subject, when it may be shown.
    pub subject: Option<String>,
    /// When it was sent, as the notice says it; Dutch and English.
    pub sent: [String; 2],
    /// What was found and where, as the notice says it, a line each; Dutch and English.
    pub found: [Vec<String>; 2],
    /// Why that matters, a paragraph each; Dutch and English.
    pub why: [Vec<String>; 2],
    /// What may be chosen for each recipient, in the words of policy files.
    pub offers: Vec<Vec<String>>,
    /// The places of recipients whose address is not named: it may be secret, or its reader barred.
    #[serde(default)]
    pub discreet: Vec<usize>,
    /// The places of recipients with whom it is shared only when its sender has said what for.
    #[serde(default)]
    pub asks_purpose: Vec<usize>,
}

/// Subjects, addresses and names of files are for the sender's own desk.
impl fmt::Debug for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Facts(..)")
    }
}

impl Facts {
    /// With another part of the same mail, which tells of all of it.
    pub(in crate::store) fn join(&mut self, part: &Self) {
        self.envelope.recipients.extend_from_slice(&part.envelope.recipients);
        self.envelope.eight_bit |= part.envelope.eight_bit;
        self.envelope.smtputf8 |= part.envelope.smtputf8;
        for reader in &part.readers {
            if !self.readers.contains(reader) {
                self.readers.push(reader.clone());
            }
        }
        (self.found, self.why) = (part.found.clone(), part.why.clone());
        self.offers.extend_from_slice(&part.offers);
        self.discreet.extend_from_slice(&part.discreet);
        self.asks_purpose.extend_from_slice(&part.asks_purpose);
    }
}

/// A held mail as the desk sees it.
#[derive(Debug, Clone)]
pub struct Held {
    /// Its number.
    pub id: String,
    /// Its school.
    pub school: String,
    /// Hash of the sender's address.
    pub sender: Index,
    /// When we took it, milliseconds.
    pub taken_at: i64,
    /// When it is deleted, milliseconds.
    pub delete_at: i64,
    /// The id of its item; none when it is deleted.
    pub item: Option<String>,
    /// What there is to show.
    pub facts: Facts,
    /// What has become of it for each recipient of `facts.envelope`.
    pub recipients: Vec<HeldRecipient>,
}

/// A held mail in a list for IT, without anybody's address and without a word of it.
#[derive(Debug, Clone, Serialize)]
pub struct ListedHeld {
    /// Its number.
    pub number: String,
    /// Its school.
    pub school: String,
    /// When we took it, milliseconds since 1970.
    pub taken_at: i64,
    /// When it is deleted, milliseconds since 1970.
    pub delete_at: i64,
    /// Octets.
    pub size: i64,
    /// The id of its item; none when it is deleted.
    #[serde(skip)]
    pub item: Option<String>,
    /// Its recipients, those alike together.
    pub recipients: Vec<ListedRecipients>,
}

/// Recipients of a held mail who are alike.
#[derive(Debug, Clone, Serialize)]
pub struct ListedRecipients {
    /// How many.
    pub count: i64,
    /// What has become of it for them.
    pub state: String,
    /// Their class.
    pub class: String,
    /// The policy line that decided.
    pub line: String,
}

impl ListedHeld {
    /// Whether its sender may still choose for somebody.
    pub fn is_open(&self) -> bool {
        self.recipients.iter().any(|some| State::from_word(&some.state).is_open())
    }
}

/// A recipient of a held mail.
#[derive(Debug, Clone)]
pub struct HeldRecipient {
    /// Its class.
    pub class: String,
    /// The policy line that decided.
    pub line: String,
    /// What has become of it.
    pub state: State,
    /// Since when, milliseconds.
    pub changed_at: i64,
}

/// What somebody did to a held mail.
#[derive(Clone, Serialize, Deserialize)]
pub struct Act {
    /// What: `released`, `asked`, `agreed`, `refused`, `deleted`, `mistake`, `help`, `shown`, ...
    #[serde(skip)]
    pub what: String,
    /// Who, as an address.
    pub who: String,
    /// The reason that was given.
    pub reason: String,
    /// Which recipients, by their places.
    pub places: Vec<usize>,
}

/// Reasons and addresses are for those who may look.
impl fmt::Debug for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Act").field("what", &self.what).finish_non_exhaustive()
    }
}

/// What taking a mail came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Took {
    /// It is on the disk.
    New,
    /// The same part of the same mail is there already, under this number.
    Again(String),
    /// It is on the disk, as a part of a mail that was there; and whether its notice came in the place of the one before.
    Joined {
        /// So it did.
        notice: bool,
    },
}

/// A choice that is carried out.
#[derive(Debug)]
pub struct Choice {
    /// What is done, by whom, for which recipients.
    pub act: Act,
    /// What these recipients become.
    pub to: State,
    /// What we wrote because of it.
    pub items: Vec<Item>,
    /// What we owe because of it.
    pub owed: Vec<NewOwed>,
    /// What somebody else is asked, or has answered, with it.
    pub asked: Option<Asked>,
}

/// What a purge did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Purged {
    /// Held mails whose day had come.
    pub due: usize,
    /// Held mails whose content was forgotten because of it.
    pub gone: usize,
}
