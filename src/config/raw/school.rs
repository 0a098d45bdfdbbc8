//! Tables of the schools and of what is looked for in their mail.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

use super::units::{Day, yes};
use crate::decide::Mode;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct School {
    pub id: Spanned<String>,
    pub name: String,
    pub domains: Vec<Spanned<String>>,
    pub gate_address: Option<Spanned<String>>,
    pub mode: Option<Mode>,
    #[serde(default)]
    pub pilot: Vec<Pilot>,
    pub dpia: Option<Day>,
    pub participation_council: Option<Day>,
    pub staff_letter: Option<Day>,
    pub privacy: Option<Contact>,
    pub deputy: Option<Contact>,
    pub director: Option<Contact>,
    pub helpdesk: Option<Contact>,
    pub fg: Option<Contact>,
    #[serde(default)]
    pub channels: BTreeMap<String, String>,
    #[serde(default)]
    pub roster: Vec<PathBuf>,
    pub roster_inbox: Option<Spanned<PathBuf>>,
    pub secret_header: Option<Header>,
    pub dkim: Option<Dkim>,
    #[serde(default)]
    pub remember_devices: bool,
    pub share_url: Option<Spanned<String>>,
    pub share_colour: Option<Spanned<String>>,
    pub share_logo: Option<Spanned<PathBuf>>,
}

/// The key by which a school signs, and the place of its public half in DNS.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Dkim {
    pub selector: Spanned<String>,
    pub key_file: PathBuf,
    pub domain: Option<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Pilot {
    pub mode: Mode,
    pub senders: Spanned<Vec<Spanned<String>>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Contact {
    pub name: String,
    #[serde(default)]
    pub role: String,
    pub phone: Option<String>,
    pub mail: Option<Spanned<String>>,
    pub hours: Option<String>,
}

/// A header field whose value is a secret and stands in a file of its own.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Header {
    pub name: Spanned<String>,
    pub value_file: PathBuf,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Recipients {
    #[serde(default)]
    pub domains: Vec<Spanned<String>>,
    #[serde(default)]
    pub addresses: Vec<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Rules {
    #[serde(default = "yes")]
    pub shipped: bool,
    #[serde(default)]
    pub packs: Vec<PathBuf>,
}

impl Default for Rules {
    fn default() -> Self {
        Self { shipped: true, packs: Vec::new() }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Policy {
    pub file: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Texts {
    pub folder: Option<PathBuf>,
}
