//! A posture in one sentence, for whoever wants to know whether mail to a domain is safe; and the reason alone, for
//! letters about mail that waits or could not go: rules/texts/tls.nl.toml and tls.en.toml.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::found::{Forced, MxHost, Posture};
use super::row::{LookUp, NoHost, NotProven, Row, Trouble, Weak};
use crate::school::Language;

const SHIPPED: [(Language, &str); 2] = [
    (Language::Nl, include_str!("../../../rules/texts/tls.nl.toml")),
    (Language::En, include_str!("../../../rules/texts/tls.en.toml")),
];

/// By key: the answer, the reason, and what happens then.
type Sentences = BTreeMap<String, Vec<String>>;

static SENTENCES: LazyLock<BTreeMap<Language, Sentences>> = LazyLock::new(|| {
    // A test holds that they can be read.
    SHIPPED.iter().map(|(language, text)| (*language, toml::from_str(text).unwrap_or_default())).collect()
});

/// A row for each sentence, and those that letters tell apart by their code.
const ROWS: [Row; 22] = [
    Row::Dane,
    Row::DaneHalf,
    Row::Temp(LookUp::Mx, Trouble::Bogus),
    Row::Sts,
    Row::StsNotListed,
    Row::Unproven(NotProven::NoPolicy),
    Row::Unproven(NotProven::StsTesting),
    Row::Unproven(NotProven::StsNone),
    Row::Unproven(NotProven::StsUnreachable),
    Row::Unproven(NotProven::NotPinned),
    Row::Unproven(NotProven::NotValidating),
    Row::Pkix,
    Row::PkixUnproven,
    Row::EncryptOnly(Weak::UnusableTlsa),
    Row::EncryptOnly(Weak::BadCertificate),
    Row::Nowhere(NoHost::NoDomain),
    Row::Nowhere(NoHost::NullMx),
    Row::Nowhere(NoHost::NoAddress),
    Row::Nowhere(NoHost::NoStartTls),
    Row::Smarthost,
    Row::RequireTls,
    Row::TlsRequiredNo,
];

impl Posture {
    /// Whether mail to this domain is safe, and why, in one sentence for a teacher.
    pub fn sentence(&self, language: Language) -> String {
        let proves = matches!(self.row, Row::Dane | Row::Sts | Row::Pkix | Row::PkixUnproven | Row::Smarthost);
        let key = if self.forced() == Forced::Deliver && !proves { "partly" } else { key(self.row) };
        let sentence = whole(language, key, &self.domain);
        if self.hosts.iter().any(MxHost::is_outside_eea) {
            return format!("{sentence} {}", whole(language, "outside_eea", &self.domain));
        }
        sentence
    }
}

impl Row {
    /// What this row means for mail to a domain, in one sentence for a teacher.
    pub fn sentence(self, language: Language, domain: &str) -> String {
        whole(language, key(self), domain)
    }
}

/// Why mail that must travel under proven TLS did not go to a domain, by the code that the outbox has for it: that of a
/// row, or why it came to none. A row that proves is one that the servers did not live up to.
pub fn why_not(language: Language, code: &str, domain: &str) -> String {
    let row = ROWS.into_iter().find(|row| row.code() == code);
    let key = match (code, row) {
        ("no-dkim", _) => "no_dkim",
        ("no-proven-route" | "store", _) | (_, Some(Row::Smarthost)) => "no_route",
        (_, Some(Row::Dane | Row::Sts | Row::Pkix | Row::PkixUnproven)) => "not_shown",
        (_, Some(row)) => key(row),
        (code, None) if code.starts_with("temp-") => "temp",
        (_, None) => "unproven",
    };
    parts(language, key, domain).into_iter().nth(1).unwrap_or_default()
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

fn whole(language: Language, key: &str, domain: &str) -> String {
    let parts = parts(language, key, domain);
    parts.iter().filter(|part| !part.is_empty()).map(String::as_str).collect::<Vec<_>>().join(" ")
}

fn parts(language: Language, key: &str, domain: &str) -> Vec<String> {
    let parts = SENTENCES.get(&language).and_then(|sentences| sentences.get(key));
    parts.into_iter().flatten().map(|part| part.replace("{domain}", domain)).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_row_has_its_sentence_in_both_languages_and_no_sentence_is_idle() {
        for (language, text) in SHIPPED {
            let sentences: Sentences = toml::from_str(text).unwrap();
            let besides = ["not_shown", "no_dkim", "no_route", "outside_eea"];
            let mut asked: Vec<&str> = ROWS.iter().map(|row| key(*row)).chain(["partly"]).chain(besides).collect();
            asked.sort_unstable();
            asked.dedup();
            assert_eq!(sentences.keys().map(String::as_str).collect::<Vec<_>>(), asked, "{language:?}");
            assert!(sentences.values().all(|parts| (2..=3).contains(&parts.len()) && !parts[1].is_empty()));
            for row in ROWS {
                let sentence = row.sentence(language, "linde.example");
                assert!(!sentence.is_empty() && !sentence.contains(['{', '}']), "{language:?} {row:?}: {sentence}");
            }
        }
        let numbers: Vec<u8> = (1..=12).filter(|number| !ROWS.iter().any(|row| row.number() == *number)).collect();
        assert!(numbers.is_empty(), "{numbers:?}");
    }

    #[test]
    fn a_letter_says_why_in_the_words_of_the_page() {
        let why = |code: &str| why_not(Language::Nl, code, "linde.example");
        for row in ROWS {
            let letter = why(row.code());
            let promises = matches!(row, Row::Dane | Row::Sts | Row::Pkix | Row::PkixUnproven | Row::Smarthost);
            let page = row.sentence(Language::Nl, "linde.example");
            assert_eq!(page.contains(&letter), !promises, "{row:?}: {letter} / {page}");
        }
        // What lies in wait is not said twice, and a code of tomorrow says no more than is known.
        assert_eq!(why("temp-tlsa-bogus"), "linde.example geeft nu geen betrouwbaar antwoord over zijn mailservers.");
        assert_eq!(why("no-starttls"), "De mailserver van linde.example kan niet versleutelen.");
        assert_eq!(why("anders"), why("unproven"));
        for code in ["no-dkim", "no-proven-route", "store"] {
            assert!(!why(code).contains("linde") && !why(code).is_empty(), "{code}");
        }
    }
}
