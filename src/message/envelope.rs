//! The envelope: who sends, to whom, and how it reached us (RFC 5321 section 2.3.1).
//!
//! Addresses keep the bytes that the client typed, since they go on unchanged; look-ups use the
//! folded forms beside them. Never decides who may relay; that is `smtp`'s work, with `config`'s lists.

use std::fmt;
use std::net::IpAddr;

use super::Day;

/// A mailbox as typed in MAIL or RCPT, without the angle brackets (RFC 5321 `Mailbox`).
///
/// `Debug` and `Display` of a mailbox would put a pupil's name in a log, so there is no `Display`, and
/// `Debug` shows the domain alone.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Mailbox {
    typed: String,
    /// Byte offset of the `@` that divides local part and domain.
    at: usize,
    /// The domain in lower case, as A-labels where it has U-labels; look-ups use this.
    domain: String,
}

/// Why a text is no mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailboxError {
    /// Not of the form local-part@domain, or with characters that no address may have.
    Syntax,
    /// A source route (`@a,@b:c@d`), which nobody has needed since RFC 1123.
    SourceRoute,
}

impl Mailbox {
    /// Parses what stood between the angle brackets. Quoted local parts, address literals and UTF-8 are
    /// taken; control characters, spaces outside quotes and source routes are not.
    ///
    /// # Errors
    /// [`MailboxError`] says why it is no mailbox.
    pub fn parse(typed: &str) -> Result<Self, MailboxError> {
        if typed.starts_with('@') {
            return Err(MailboxError::SourceRoute);
        }
        if typed.len() > 1000
            || typed.chars().any(|c| c.is_control() || matches!(c, '<' | '>' | '\u{2028}' | '\u{2029}'))
        {
            return Err(MailboxError::Syntax);
        }
        let at = local_part_end(typed).ok_or(MailboxError::Syntax)?;
        let domain = &typed[at + 1..];
        let domain = if domain.starts_with('[') { literal(domain) } else { host(domain) };
        Ok(Self { domain: domain.ok_or(MailboxError::Syntax)?, typed: typed.to_string(), at })
    }

    /// The address as typed.
    pub fn typed(&self) -> &str {
        &self.typed
    }

    /// The part before the `@`, as typed.
    pub fn local_part(&self) -> &str {
        &self.typed[..self.at]
    }

    /// The domain in lower case and A-labels (RFC 5891).
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The address for comparing: everything in lower case. Local parts are formally case-sensitive
    /// (RFC 5321 2.4), but no school's are.
    pub fn folded(&self) -> String {
        format!("{}@{}", self.local_part().to_lowercase(), self.domain)
    }

    /// Whether the address needs SMTPUTF8 (RFC 6531).
    pub fn is_international(&self) -> bool {
        !self.typed.is_ascii()
    }
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "..@{}", self.domain)
    }
}

/// The offset of the `@` behind a well-formed local part.
fn local_part_end(typed: &str) -> Option<usize> {
    if !typed.starts_with('"') {
        let at = typed.rfind('@')?;
        let local = &typed[..at];
        let plain =
            |c: char| !c.is_whitespace() && !matches!(c, '"' | '@' | '(' | ')' | ',' | ':' | ';' | '\\' | '[' | ']');
        return (!local.is_empty() && local.chars().all(plain)).then_some(at);
    }
    let mut escaped = false;
    for (offset, c) in typed.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return typed[offset + 1..].starts_with('@').then_some(offset + 1),
            _ => {}
        }
    }
    None
}

/// An address literal, `[192.0.2.1]` or `[IPv6:2001:db8::1]` (RFC 5321 4.1.3).
fn literal(domain: &str) -> Option<String> {
    let inner = domain.strip_prefix('[')?.strip_suffix(']')?;
    let address = inner.strip_prefix("IPv6:").unwrap_or(inner);
    address.parse::<IpAddr>().ok().map(|_| domain.to_lowercase())
}

fn host(domain: &str) -> Option<String> {
    let name = if domain.is_ascii() { domain.to_ascii_lowercase() } else { idna::domain_to_ascii(domain).ok()? };
    let label = |l: &str| {
        !l.is_empty() && l.len() <= 63 && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    (name.len() <= 255 && name.split('.').all(label)).then_some(name)
}

/// One recipient of the envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// The forward-path.
    pub mailbox: Mailbox,
    /// The RCPT parameters as typed (`NOTIFY=..`, `ORCPT=..`), which go on verbatim.
    pub parameters: String,
}

/// What is known of the client that hands us the mail; inputs for policy and the `Received` line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Source {
    /// The client's name in the configuration, e.g. `postfix` or `copiers`.
    pub client: String,
    /// Whether that client, or the authenticated user, is a program (scanner, form mailer): its mail is
    /// refused in session and never answered with a notice.
    pub program: bool,
    /// The id of the school that this client belongs to, when the configuration says so.
    pub school: Option<String>,
}

/// The envelope of one mail.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Envelope {
    /// The reverse-path; `None` is the null path `<>`.
    pub sender: Option<Mailbox>,
    /// The recipients that the next hop has accepted.
    pub recipients: Vec<Recipient>,
    /// Who handed it to us.
    pub source: Source,
}

/// A mail: the envelope and the content exactly as it came (dot-unstuffed, lines ending in CRLF).
pub struct Mail {
    /// The envelope.
    pub envelope: Envelope,
    /// The content.
    pub raw: Vec<u8>,
    /// The day on which it came, where the school is.
    pub day: Day,
}

impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail").field("envelope", &self.envelope).field("bytes", &self.raw.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn mailboxes_that_schools_see() {
        for (typed, domain) in [
            ("a@school.example", "school.example"),
            ("a+b=c@School.Example", "school.example"),
            (r#""a b"@school.example"#, "school.example"),
            (r#""a\"@b"@school.example"#, "school.example"),
            ("a..b@school.example", "school.example"),
            ("a@[127.0.0.1]", "[127.0.0.1]"),
            ("a@[IPv6:2001:db8::1]", "[ipv6:2001:db8::1]"),
            ("daniëlle@zoë.example", "xn--zo-ija.example"),
        ] {
            let mailbox = Mailbox::parse(typed).expect(typed);
            assert_eq!((mailbox.typed(), mailbox.domain()), (typed, domain));
        }
    }

    #[test]
    fn texts_that_are_no_mailbox() {
        for typed in [
            "",
            "a",
            "@b",
            "a@",
            "a b@c.d",
            "a@b c",
            "a@[1.2.3]",
            "a\r@b.c",
            "\"a@b.c",
            "a@b..c",
            "a@b\u{7f}.c",
            "a@b>c",
        ] {
            assert!(Mailbox::parse(typed).is_err(), "{typed:?}");
        }
        assert_eq!(Mailbox::parse("@a:b@c.d"), Err(MailboxError::SourceRoute));
    }

    #[test]
    fn debug_hides_the_local_part() {
        let mailbox = Mailbox::parse("sanne.vandenberg@leerling.example").unwrap();
        assert_eq!(format!("{mailbox:?}"), "..@leerling.example");
    }
}
