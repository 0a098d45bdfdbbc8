//! The facts in a message's own header that later stages ask for.
//!
//! Never looks into the body. Cannot fail: what is missing or malformed is simply absent.
//! RFC 5322 section 3.6; RFC 3834 (Auto-Submitted); RFC 2919 (List-Id).

use mail_parser::parsers::MessageStream;
use mail_parser::{Addr, Address, HeaderValue};

use super::header::{self, Field};
use super::{Headers, Mailbox, words};
use crate::secret::Secret;

/// No mail program writes more addressees in one field.
const ADDRESSES: usize = 10_000;

impl Headers {
    /// Reads a header section. `calendar` and `report` depend on the parts and stay false here.
    pub(super) fn read(section: &[u8]) -> Self {
        let mut headers = Self::default();
        for field in header::fields(section) {
            headers.take(&field);
        }
        headers
    }

    fn take(&mut self, field: &Field<'_>) {
        let is = |name| field.is(name);
        if is("Received") {
            self.received += 1;
        } else if is("Subject") && self.subject.is_none() {
            self.subject = Some(Secret::new(words::shown(field.value)));
        } else if is("Message-ID") && self.message_id.is_none() {
            self.message_id = printable(field.value, 250).map(|id| id.trim_matches(['<', '>']).to_string());
        } else if is("Date") && self.date.is_none() {
            self.date = printable(field.value, 200);
        } else if is("From") {
            if self.from.is_empty() {
                self.from_name = name(field.value);
            }
            self.from.extend(mailboxes(field.value, ADDRESSES.saturating_sub(self.from.len())));
        } else if is("Sender") && self.sender.is_none() {
            self.sender = mailboxes(field.value, 1).into_iter().next();
        } else if is("To") || is("Cc") {
            self.to_cc.extend(mailboxes(field.value, ADDRESSES.saturating_sub(self.to_cc.len())));
        } else if is("Auto-Submitted") {
            self.auto_submitted |= !first_word(field.value).eq_ignore_ascii_case(b"no");
        } else if is("List-Unsubscribe") {
            self.unsubscribe = true;
        } else if is("List-Id") {
            self.list = true;
        } else if is("Precedence") {
            let word = first_word(field.value).to_ascii_lowercase();
            self.list |= matches!(word.as_slice(), b"bulk" | b"list" | b"junk");
        }
    }
}

fn first_word(value: &[u8]) -> &[u8] {
    let value = value.trim_ascii();
    value.split(|b| b.is_ascii_whitespace() || matches!(b, b';' | b'(')).next().unwrap_or_default()
}

fn printable(value: &[u8], most: usize) -> Option<String> {
    let unfolded: Vec<u8> = value.iter().copied().filter(|b| !matches!(b, b'\r' | b'\n')).collect();
    let value = unfolded.trim_ascii();
    let fits = !value.is_empty() && value.len() <= most && value.iter().all(|b| matches!(b, b' '..=b'~'));
    fits.then(|| String::from_utf8_lossy(value).into_owned())
}

/// The mailboxes in an address field, groups opened, at most `most`.
fn mailboxes(value: &[u8], most: usize) -> Vec<Mailbox> {
    addresses(value, |all| {
        all.iter().filter_map(|addr| Mailbox::parse(addr.address.as_deref()?.trim()).ok()).take(most).collect()
    })
}

/// The name beside the first address of a field.
fn name(value: &[u8]) -> Option<Secret<String>> {
    addresses(value, |all| all.first()?.name.as_deref().map(|name| Secret::new(name.trim().to_string())))
}

fn addresses<T: Default>(value: &[u8], read: impl Fn(&[&Addr<'_>]) -> T) -> T {
    // mail-parser reads a value up to the line end that closes it.
    let mut line = value.to_vec();
    line.extend_from_slice(b"\r\n\r\n");
    let HeaderValue::Address(addresses) = MessageStream::new(&line).parse_address() else { return T::default() };
    let all: Vec<&Addr<'_>> = match &addresses {
        Address::List(list) => list.iter().collect(),
        Address::Group(groups) => groups.iter().flat_map(|group| &group.addresses).collect(),
    };
    read(&all)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn facts_of_a_header() {
        let raw = b"RECEIVED: a\r\nreceived : b\r\nSubject: =?utf-8?q?Caf=C3=A9?=\r\nMessage-Id: <a@b.example>\r\n\
            From: Juf Kim <kim@school.example>\r\nTo: \"a, b\" <x@y.example>,\r\n z@y.example\r\nCc: Groep: p@q.example;\r\n\
            Date: Mon, 6 Jan 2025 09:00:00 +0100\r\nauto-submitted: auto-replied\r\nPrecedence: bulk\r\n\r\nReceived: c\r\n";
        let facts = Headers::read(raw);
        assert_eq!(facts.received, 2);
        assert_eq!(facts.subject.unwrap().expose(), "Café");
        assert_eq!(facts.message_id.as_deref(), Some("a@b.example"));
        assert_eq!(facts.from.iter().map(Mailbox::typed).collect::<Vec<_>>(), ["kim@school.example"]);
        let to: Vec<_> = facts.to_cc.iter().map(Mailbox::typed).collect();
        assert_eq!(to, ["x@y.example", "z@y.example", "p@q.example"]);
        assert_eq!(facts.date.as_deref(), Some("Mon, 6 Jan 2025 09:00:00 +0100"));
        assert_eq!(facts.from_name.as_ref().map(|name| name.expose().as_str()), Some("Juf Kim"));
        assert!(facts.auto_submitted && facts.list && !facts.unsubscribe);
        assert!(Headers::read(b"List-Unsubscribe: <https://a.example>\r\n").unsubscribe);
        assert!(!Headers::read(b"Auto-Submitted: NO; x\r\n").auto_submitted);
    }
}
