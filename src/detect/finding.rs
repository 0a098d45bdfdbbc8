//! What detection says: a kind, a place, how sure, and why.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::detect::rule::RuleMode;
use crate::extract::Place;
use crate::message::Mailbox;
use crate::secret::Secret;

/// A kind of personal data (the words of the corpus, which policy and `scan --json` use too).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Burgerservicenummer (Wabb art. 1): nine digits that pass the elfproef.
    Bsn,
    /// Onderwijsnummer of a pupil without a BSN: starts with 10, elfproef remainder 5.
    EducationNumber,
    /// A pupil of the roster, in an identifying form.
    PupilName,
    /// Health or a learning disorder (AVG art. 9).
    Health,
    /// Youth care, support plans, family measures.
    Care,
    /// Religion, ethnic origin, residence status (AVG art. 9).
    BeliefOrigin,
    /// Offences and HALT (AVG art. 10).
    Criminal,
    /// Leerlingnummer.
    StudentNumber,
    /// A pupil's date of birth.
    BirthDate,
    /// Passport, identity card or driving licence number.
    DocumentNumber,
    /// ECK iD, the chain pseudonym.
    EckId,
    /// Dutch bank account number.
    Iban,
    /// Dutch phone number.
    Phone,
    /// Dutch postcode.
    Postcode,
    /// Marks, test results, reports, an OKR (onderwijskundig rapport).
    Marks,
    /// Behaviour of a pupil: an incident, a warning, a suspension.
    Conduct,
    /// A password, an access code, a secret key or a sign-in link.
    Password,
    /// A password that opens a locked file: said beside the file, or in a mail after it, it locks nothing.
    LockedWithPassword,
    /// The access code of a secure share that waits to be opened: mailed, it is no second factor any more.
    ShareCode,
    /// A payslip, an employment contract, an assessment of a colleague.
    Employment,
    /// An exported chat (WhatsApp, Teams): messages of many people who do not know that they are sent on.
    ChatExport,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 21] = [
        Self::Bsn,
        Self::EducationNumber,
        Self::PupilName,
        Self::Health,
        Self::Care,
        Self::BeliefOrigin,
        Self::Criminal,
        Self::StudentNumber,
        Self::BirthDate,
        Self::DocumentNumber,
        Self::EckId,
        Self::Iban,
        Self::Phone,
        Self::Postcode,
        Self::Marks,
        Self::Conduct,
        Self::Password,
        Self::LockedWithPassword,
        Self::ShareCode,
        Self::Employment,
        Self::ChatExport,
    ];

    /// The word in rules, policy, journal and `scan --json`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Bsn => "bsn",
            Self::EducationNumber => "education_number",
            Self::PupilName => "pupil_name",
            Self::Health => "health",
            Self::Care => "care",
            Self::BeliefOrigin => "belief_origin",
            Self::Criminal => "criminal",
            Self::StudentNumber => "student_number",
            Self::BirthDate => "birth_date",
            Self::DocumentNumber => "document_number",
            Self::EckId => "eck_id",
            Self::Iban => "iban",
            Self::Phone => "phone",
            Self::Postcode => "postcode",
            Self::Marks => "marks",
            Self::Conduct => "conduct",
            Self::Password => "password",
            Self::LockedWithPassword => "locked_with_password",
            Self::ShareCode => "share_code",
            Self::Employment => "employment",
            Self::ChatExport => "chat_export",
        }
    }

    /// The kind of a word, or none.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// How grave a health or care term is (issue 3: `light` is "ziek" or "luizen", `heavy` a diagnosis).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Strength {
    /// Everyday: ill, dentist, lice.
    Light,
    /// A diagnosis, medication, a measure; every kind but health and care is heavy.
    #[default]
    Heavy,
}

/// Whose words a finding stands in. A leak in a quote is a leak, but one that goes back to its author is not.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum Zone {
    /// What the sender wrote now, and every attachment.
    #[default]
    New,
    /// An earlier mail, quoted or forwarded.
    Quote {
        /// Who wrote it, when the line above the quote gives an address.
        author: Option<Arc<Mailbox>>,
    },
    /// The sender's signature.
    Signature,
    /// The disclaimer below every mail.
    Disclaimer,
}

/// One feature that spoke for or against a finding, with its weight in log-odds.
#[derive(Debug, Clone, PartialEq)]
pub struct Feature {
    /// What it is, in words without any found value: `elfproef`, `word "bsn" 4 characters left`.
    pub name: Cow<'static, str>,
    /// Log-odds, positive for, negative against.
    pub weight: f32,
}

/// One finding. The found value is a [`Secret`]: only `scan --json` and, later, the desk show it.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The rule that found it, e.g. `nl.bsn`.
    pub rule: Arc<str>,
    /// The kind.
    pub kind: Kind,
    /// How grave.
    pub strength: Strength,
    /// The index of the text in [`crate::extract::Texts::texts`].
    pub text: usize,
    /// The place of that text.
    pub place: Place,
    /// The byte range in that text.
    pub range: Range<usize>,
    /// The cell of that text's table, as an index into [`crate::extract::Text::cells`].
    pub cell: Option<usize>,
    /// The text as it stands in the mail.
    pub found: Secret<String>,
    /// 0..1.
    pub confidence: f32,
    /// Why, feature by feature.
    pub why: Vec<Feature>,
    /// The pupil of the roster (its key there), for names.
    pub pupil: Option<PupilKey>,
    /// How far its rule may go.
    pub mode: RuleMode,
    /// The confidence from which its rule's findings count; none for the policy's.
    pub threshold: Option<f32>,
    /// Whose words it stands in.
    pub zone: Zone,
}

impl Finding {
    /// Whether it is sure enough to count, where the policy asks for this confidence.
    pub fn is_sure(&self, policy: f32) -> bool {
        // total_cmp, so that a confidence that is no number counts rather than slips.
        self.confidence.total_cmp(&self.threshold.unwrap_or(policy)).is_ge()
    }
}

/// The key of a pupil in the roster (leerlingnummer, or row number). It is personal data: `Debug` hides it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PupilKey(pub Arc<str>);

impl fmt::Debug for PupilKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PupilKey(..)")
    }
}
