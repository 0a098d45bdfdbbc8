//! The lines of a transaction as we say them, and what is carried on of their replies: the same for every way out.

use crate::message::Recipient;
use crate::smtp::client::NextHopReply;
use crate::smtp::command::MailCommand;
use crate::smtp::{Extensions, Reply};

/// What our own header fields add at most to the size that the client declared, octets.
const HEAD: usize = 2048;

/// MAIL, with the parameters that are offered.
pub(super) fn mail_line(mail: &MailCommand, offered: &Extensions) -> String {
    let mut line = format!("MAIL FROM:<{}>", mail.sender.as_ref().map_or("", |sender| sender.typed()));
    if let Some(size) = mail.size.filter(|_| offered.size > 0) {
        line.push_str(&format!(" SIZE={}", size.saturating_add(HEAD).min(offered.size)));
    }
    if mail.eight_bit {
        line.push_str(" BODY=8BITMIME");
    }
    if mail.smtputf8 {
        line.push_str(" SMTPUTF8");
    }
    if mail.require_tls {
        line.push_str(" REQUIRETLS");
    }
    line.push_str(&mail.dsn);
    line.push_str("\r\n");
    line
}

/// RCPT.
pub(super) fn rcpt_line(recipient: &Recipient) -> String {
    format!("RCPT TO:<{}>{}\r\n", recipient.mailbox.typed(), recipient.parameters)
}

/// A reply as it came.
pub(super) fn carried(reply: &NextHopReply) -> Reply {
    Reply::from_next_hop(reply.code, &reply.lines)
}

/// A negative answer; a positive one where none fits is nonsense.
pub(super) fn refusal(reply: &NextHopReply) -> Reply {
    if reply.code >= 400 { carried(reply) } else { Reply::next_hop_nonsense() }
}
