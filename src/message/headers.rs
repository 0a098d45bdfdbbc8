//! The facts of a message's own header section (RFC 5322 section 3.6) that policy and notices need.
//!
//! Values only; `message` fills them. Nothing here decides, and nothing here is trusted more than any
//! other text that a stranger can type.

use std::fmt;

use super::Mailbox;
use crate::secret::Secret;

/// What the header section of a message says about it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers {
    /// `Message-ID` without the angle brackets; it can hold anything a client wrote.
    pub message_id: Option<String>,
    /// `Subject`, decoded (RFC 2047).
    pub subject: Option<Secret<String>>,
    /// The mailboxes of every `From` field.
    pub from: Vec<Mailbox>,
    /// `Sender`, the person or program that sent it for somebody else (RFC 5322 3.6.2).
    pub sender: Option<Mailbox>,
    /// The mailboxes of `To` and `Cc`, in their order.
    pub to_cc: Vec<Mailbox>,
    /// `Date` as it was typed.
    pub date: Option<String>,
    /// Whether `Auto-Submitted` is there with another value than `no` (RFC 3834 section 5).
    pub auto_submitted: bool,
    /// The name beside the first address of `From`, decoded.
    pub from_name: Option<Secret<String>>,
    /// Whether `List-Unsubscribe` is there (RFC 2369 section 3.2).
    pub unsubscribe: bool,
    /// Whether a list sent it: `List-Id` (RFC 2919) or `Precedence: bulk`, `list` or `junk`.
    pub list: bool,
    /// How many `Received` fields there are (loops, RFC 5321 6.3).
    pub received: usize,
    /// Whether a part is `text/calendar` (RFC 5545): an invitation, an answer or a cancellation.
    pub calendar: bool,
    /// Whether the message is a `multipart/report` (RFC 6522): a receipt or a non-delivery report.
    pub report: bool,
}

/// Subject, addresses and Message-ID can hold names: `Debug` shows counts and yes or no.
impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Headers")
            .field("message_id", &self.message_id.is_some())
            .field("subject", &self.subject.is_some())
            .field("from", &self.from.len())
            .field("from_name", &self.from_name.is_some())
            .field("unsubscribe", &self.unsubscribe)
            .field("sender", &self.sender.is_some())
            .field("to_cc", &self.to_cc.len())
            .field("date", &self.date.is_some())
            .field("auto_submitted", &self.auto_submitted)
            .field("list", &self.list)
            .field("received", &self.received)
            .field("calendar", &self.calendar)
            .field("report", &self.report)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_content() {
        let canary = Mailbox::parse("canary@canary.example").ok();
        let headers = Headers {
            message_id: Some("canary".to_string()),
            subject: Some(Secret::new("canary".to_string())),
            from_name: Some(Secret::new("canary".to_string())),
            from: canary.clone().into_iter().collect(),
            to_cc: canary.clone().into_iter().collect(),
            sender: canary,
            date: Some("canary".to_string()),
            ..Headers::default()
        };
        let shown = format!("{headers:?}");
        assert!(shown.contains("from: 1") && !shown.contains("canary"), "{shown}");
    }
}
