//! A posture in one sentence, for whoever wants to know whether mail to a domain is safe: rules/texts/tls.nl.toml and
//! tls.en.toml.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::found::{Forced, Posture};
use super::row::{NoHost, NotProven, Row};
use crate::school::Language;

const SHIPPED: [(Language, &str); 2] = [
    (Language::Nl, include_str!("../../../rules/texts/tls.nl.toml")),
    (Language::En, include_str!("../../../rules/texts/tls.en.toml")),
];

static SENTENCES: LazyLock<BTreeMap<Language, BTreeMap<String, String>>> = LazyLock::new(|| {
    // A test holds that they can be read.
    SHIPPED.iter().map(|(language, text)| (*language, toml::from_str(text).unwrap_or_default())).collect()
});

impl Posture {
    /// Whether mail to this domain is safe, and why, in one sentence for a teacher.
    pub fn sentence(&self, language: Language) -> String {
        let proves = matches!(self.row, Row::Dane | Row::Sts | Row::Pkix | Row::PkixUnproven | Row::Smarthost);
        let key = if self.forced() == Forced::Deliver && !proves { "partly" } else { key(self.row) };
        filled(language, key, &self.domain)
    }
}

impl Row {
    /// What this row means for mail to a domain, in one sentence for a teacher.
    pub fn sentence(self, language: Language, domain: &str) -> String {
        filled(language, key(self), domain)
    }
}

fn key(row: Row) -> &'static str {
    match row {
        Row::Dane => "dane",
        Row::DaneHalf => "dane_half",
        Row::Temp(..) => "temp",
        Row::Sts => "sts",
        Row::StsNotListed => "sts_not_listed",
        Row::Unproven(NotProven::NotPinned) => "not_pinned",
        Row::Unproven(NotProven::NotValidating) => "not_validating",
        Row::Unproven(_) => "unproven",
        Row::Pkix => "pkix",
        Row::PkixUnproven => "pkix_unproven",
        Row::EncryptOnly(_) => "encrypt_only",
        Row::Nowhere(NoHost::NoDomain) => "no_domain",
        Row::Nowhere(NoHost::NullMx) => "null_mx",
        Row::Nowhere(NoHost::NoAddress) => "no_address",
        Row::Nowhere(NoHost::NoStartTls) => "no_starttls",
        Row::Smarthost => "smarthost",
        Row::RequireTls => "requiretls",
        Row::TlsRequiredNo => "tls_required_no",
    }
}

fn filled(language: Language, key: &str, domain: &str) -> String {
    let sentence = SENTENCES.get(&language).and_then(|sentences| sentences.get(key));
    sentence.map(|sentence| sentence.replace("{domain}", domain)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::row::{LookUp, Trouble, Weak};
    use super::*;

    const ROWS: [Row; 18] = [
        Row::Dane,
        Row::DaneHalf,
        Row::Temp(LookUp::Mx, Trouble::Bogus),
        Row::Sts,
        Row::StsNotListed,
        Row::Unproven(NotProven::NoPolicy),
        Row::Unproven(NotProven::NotPinned),
        Row::Unproven(NotProven::NotValidating),
        Row::Pkix,
        Row::PkixUnproven,
        Row::EncryptOnly(Weak::BadCertificate),
        Row::Nowhere(NoHost::NoDomain),
        Row::Nowhere(NoHost::NullMx),
        Row::Nowhere(NoHost::NoAddress),
        Row::Nowhere(NoHost::NoStartTls),
        Row::Smarthost,
        Row::RequireTls,
        Row::TlsRequiredNo,
    ];

    #[test]
    fn every_row_has_its_sentence_in_both_languages_and_no_sentence_is_idle() {
        for (language, text) in SHIPPED {
            let sentences: BTreeMap<String, String> = toml::from_str(text).unwrap();
            let mut asked: Vec<&str> = ROWS.iter().map(|row| key(*row)).chain(["partly"]).collect();
            asked.sort_unstable();
            assert_eq!(sentences.keys().map(String::as_str).collect::<Vec<_>>(), asked, "{language:?}");
            for row in ROWS {
                let sentence = row.sentence(language, "linde.example");
                assert!(!sentence.is_empty() && !sentence.contains(['{', '}']), "{language:?} {row:?}: {sentence}");
            }
        }
        let numbers: Vec<u8> = (1..=12).filter(|number| !ROWS.iter().any(|row| row.number() == *number)).collect();
        assert!(numbers.is_empty(), "{numbers:?}");
    }
}
