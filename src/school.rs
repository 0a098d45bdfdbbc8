//! A school: its domains (which are "inside"), and the people whom a notice names.
//!
//! A leaf: values only. `config` builds it and has checked that nothing a notice needs is missing.

mod calendar;

pub use self::calendar::Calendar;
use jiff::civil::Date;

use crate::message::Mailbox;

/// One school (or the board itself) behind this gate.
#[derive(Debug, Clone)]
pub struct School {
    /// The id that every journal line and stored row carries.
    pub id: String,
    /// The name as people know it: "basisschool De Linde".
    pub name: String,
    /// Its mail domains, in lower case and A-labels. An address in one of them is ours.
    pub domains: Vec<String>,
    /// The gate's own address at the school, from which notices come.
    pub gate_address: Mailbox,
    /// Who helps with privacy questions (privacycoördinator).
    pub privacy: Contact,
    /// Who does so when that person is away.
    pub deputy: Option<Contact>,
    /// Who may agree, besides the privacy contact, that a stopped mail is sent (directeur).
    pub director: Option<Contact>,
    /// Whom to ask whether a notice is real.
    pub helpdesk: Contact,
    /// The functionaris gegevensbescherming (AVG art. 37).
    pub fg: Option<Contact>,
    /// The right channel for each kind of advice, as the school configures: key of the advice -> sentence,
    /// e.g. `bsn` -> "Overdracht naar een andere school gaat via OSO in ParnasSys."
    pub channels: std::collections::BTreeMap<String, String>,
}

impl School {
    /// Whether a domain is this school's own.
    pub fn owns(&self, domain: &str) -> bool {
        self.domains.iter().any(|own| own == domain)
    }
}

/// A program that sends mail itself: a form mailer, a copier, a pupil system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// Who answers for it, at the school.
    pub owner: Mailbox,
    /// Where people find what it mails about, an https address; what may not go becomes a link to there.
    pub link: Option<String>,
}

/// A person or desk that a notice names. These are staff in their function, so not secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// The name: "Ilse Bakker".
    pub name: String,
    /// The function: "privacycoördinator".
    pub role: String,
    /// Phone number, as to be dialled.
    pub phone: Option<String>,
    /// Mail address.
    pub mail: Option<String>,
    /// When to be reached: "ma-do".
    pub hours: Option<String>,
}

/// The language of notices and pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Dutch.
    #[default]
    Nl,
    /// English.
    En,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Nl, Self::En];

    /// The word in the configuration and in names of text files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Nl => "nl",
            Self::En => "en",
        }
    }

    /// A day as people say it: "dinsdag 8 december".
    pub fn day(self, at: Date) -> String {
        let place = usize::from(at.weekday().to_monday_zero_offset().unsigned_abs());
        let month = usize::from(at.month().unsigned_abs()).saturating_sub(1);
        let (days, months) = self.of((DAYS_NL, MONTHS_NL), (DAYS_EN, MONTHS_EN));
        let (day, month) =
            (days.get(place).copied().unwrap_or_default(), months.get(month).copied().unwrap_or_default());
        format!("{day} {} {month}", at.day())
    }

    /// The one that is in this language.
    pub fn of<T>(self, nl: T, en: T) -> T {
        match self {
            Self::Nl => nl,
            Self::En => en,
        }
    }
}

const DAYS_NL: [&str; 7] = ["maandag", "dinsdag", "woensdag", "donderdag", "vrijdag", "zaterdag", "zondag"];
const DAYS_EN: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const MONTHS_NL: [&str; 12] = [
    "januari",
    "februari",
    "maart",
    "april",
    "mei",
    "juni",
    "juli",
    "augustus",
    "september",
    "oktober",
    "november",
    "december",
];
const MONTHS_EN: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
