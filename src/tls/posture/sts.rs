//! A policy of MTA-STS (RFC 8461 3.2): which hosts take a domain's mail, and whether their certificate must be valid.
//!
//! Reads what a web server sent, at most 64 KiB; what is no policy is none, with the reason in words. Keys that are not
//! known are passed over, and of a key that stands twice the first counts, but for `mx`.

use serde::{Deserialize, Serialize};

/// Patterns that are kept of one policy.
const PATTERNS: usize = 64;
/// A year (3.2): no policy is kept for longer.
const LONGEST: u64 = 31_557_600;

/// A policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Policy {
    /// What it asks.
    pub mode: Mode,
    /// Names, or `*.` and a name, in lower case.
    pub mx: Vec<String>,
    /// How long it may be kept, seconds.
    pub max_age: u64,
}

/// What a policy asks (5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    /// No mail to a host that does not prove itself.
    Enforce,
    /// Reports, no more.
    Testing,
    /// Nothing, from now on.
    None,
}

impl Mode {
    /// Its word in a policy.
    pub fn word(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Testing => "testing",
            Self::None => "none",
        }
    }
}

impl Policy {
    /// Reads a policy.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let (mut version, mut mode, mut max_age, mut mx) = (None, None, None, Vec::new());
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let (key, value) = line.split_once(':').ok_or("the policy has a line without a colon")?;
            let value = value.trim();
            match key.trim() {
                "version" => _ = version.get_or_insert(value),
                "mode" => _ = mode.get_or_insert(value),
                "max_age" => _ = max_age.get_or_insert(value),
                "mx" if mx.len() < PATTERNS => mx.push(pattern(value).ok_or("the policy lists a host that is none")?),
                _ => {}
            }
        }
        if version != Some("STSv1") {
            return Err("the policy is of no version that is known");
        }
        let mode = match mode {
            Some("enforce") => Mode::Enforce,
            Some("testing") => Mode::Testing,
            Some("none") => Mode::None,
            _ => return Err("the policy has no mode that is known"),
        };
        let digits = |age: &&str| (1..=10).contains(&age.len()) && age.bytes().all(|octet| octet.is_ascii_digit());
        let max_age = max_age.filter(digits).and_then(|age| age.parse::<u64>().ok());
        let max_age = max_age.ok_or("the policy does not say how long it holds")?.min(LONGEST);
        if mx.is_empty() && mode != Mode::None {
            return Err("the policy lists no host");
        }
        Ok(Self { mode, mx, max_age })
    }
}

/// Whether a host is the one that a pattern names: `*.` stands for one label, the left-most (RFC 8461 4.1).
pub(super) fn fits(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix("*.") {
        None => pattern.eq_ignore_ascii_case(host),
        Some(parent) => {
            host.split_once('.').is_some_and(|(label, rest)| !label.is_empty() && rest.eq_ignore_ascii_case(parent))
        }
    }
}

fn pattern(value: &str) -> Option<String> {
    let name = value.strip_prefix("*.").unwrap_or(value);
    let label = |label: &str| {
        let known = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'-' || octet == b'_';
        (1..=63).contains(&label.len()) && label.bytes().all(known)
    };
    (name.len() <= 253 && name.split('.').all(label)).then(|| value.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    const RIGHT: &str =
        "version: STSv1\r\nmode: enforce\r\nmx: mail.linde.example\r\nmx: *.linde.example\r\nmax_age: 86400\r\n";

    #[test]
    fn a_policy_is_read() {
        let policy = Policy::parse(RIGHT).unwrap();
        assert_eq!((policy.mode, policy.max_age), (Mode::Enforce, 86_400));
        assert_eq!(policy.mx, ["mail.linde.example", "*.linde.example"]);
        assert_eq!(Policy::parse(&RIGHT.replace("\r\n", "\n")), Ok(policy.clone()));
        assert_eq!(Policy::parse(&format!("{RIGHT}x_new: thing\nmode: none\n")), Ok(policy));
        assert_eq!(
            Policy::parse("version: STSv1\nmode: none\nmax_age: 99999999999"),
            Err("the policy does not say how long it holds")
        );
        assert_eq!(Policy::parse("version:STSv1\nmode:none\nmax_age:9999999999").unwrap().max_age, LONGEST);
    }

    #[test]
    fn what_is_no_policy_is_none() {
        for (from, to) in [
            ("STSv1", "STSv2"),
            ("mode: enforce", "mode: Enforce"),
            ("mode: enforce\r\n", ""),
            ("max_age: 86400\r\n", ""),
            ("86400", "-1"),
            ("86400", "+1"),
            ("mx: *.linde.example", "mx: *.*.example"),
            ("mx: *.linde.example", "mx: mail..example"),
            ("mx: *.linde.example", "mx:"),
            ("mx: mail.linde.example\r\nmx: *.linde.example\r\n", ""),
            ("version", "<html>\nversion"),
        ] {
            assert!(Policy::parse(&RIGHT.replace(from, to)).is_err(), "{from} -> {to}");
        }
        assert!(Policy::parse("").is_err());
    }

    #[test]
    fn a_star_stands_for_one_label() {
        for (pattern, host, expected) in [
            ("mail.linde.example", "mail.linde.example", true),
            ("mail.linde.example", "MAIL.linde.example", true),
            ("*.linde.example", "mail.linde.example", true),
            ("*.linde.example", "a.mail.linde.example", false),
            ("*.linde.example", "linde.example", false),
            ("*.linde.example", ".linde.example", false),
            ("*.linde.example", "maillinde.example", false),
            ("linde.example", "mail.linde.example", false),
            ("mail.linde.example", "", false),
        ] {
            assert_eq!(fits(pattern, host), expected, "{pattern} {host}");
        }
    }

    proptest! {
        #[test]
        fn nothing_that_is_sent_is_trouble(text in "(version|mode|mx|max_age|\\*|:|\n|[ -~]|\\PC){0,80}") {
            if let Ok(policy) = Policy::parse(&text) {
                prop_assert!(policy.max_age <= LONGEST && policy.mx.len() <= PATTERNS);
            }
        }
    }
}
