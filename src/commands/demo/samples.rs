//! The seven sample mails, and what became of each: read off the reply, the next hop's mailboxes and the journal.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Zoned;

use super::client;
use super::journal;
use super::provider::{Kept, Provider};
use crate::smtp::client::NextHopReply;

/// The address of the client that the configuration calls a program; the whole of 127.0.0.0/8 is this machine.
pub(super) const PROGRAM: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
const MAIL_PROGRAM: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const TEACHER: &str = "s.devries@delinde.example";

/// A mail of the demo.
pub(super) struct Sample {
    /// What it is, in a few words.
    pub what: &'static str,
    /// MAIL FROM.
    pub sender: &'static str,
    /// RCPT TO.
    pub recipient: &'static str,
    message_id: &'static str,
    client: IpAddr,
    text: &'static str,
}

const SAMPLES: [Sample; 7] = [
    Sample {
        what: "an ordinary mail to a parent",
        sender: TEACHER,
        recipient: "p.hoekstra@voorbeeld.example",
        message_id: "demo-1@delinde.example",
        client: MAIL_PROGRAM,
        text: include_str!("mails/1-parent.eml"),
    },
    Sample {
        what: "a class list with BSNs (CSV) to a private mailbox",
        sender: TEACHER,
        recipient: "sanne@thuis.example",
        message_id: "demo-2@delinde.example",
        client: MAIL_PROGRAM,
        text: include_str!("mails/2-class-list.eml"),
    },
    Sample {
        what: "a pupil's name with a diagnosis to a sports club",
        sender: TEACHER,
        recipient: "trainer@sportclub.example",
        message_id: "demo-3@delinde.example",
        client: MAIL_PROGRAM,
        text: include_str!("mails/3-diagnosis.eml"),
    },
    Sample {
        what: "the same words to a colleague",
        sender: TEACHER,
        recipient: "m.smit@delinde.example",
        message_id: "demo-4@delinde.example",
        client: MAIL_PROGRAM,
        text: include_str!("mails/4-colleague.eml"),
    },
    Sample {
        what: "a zip file with a password to a parent",
        sender: TEACHER,
        recipient: "p.hoekstra@voorbeeld.example",
        message_id: "demo-5@delinde.example",
        client: MAIL_PROGRAM,
        text: include_str!("mails/5-locked.eml"),
    },
    Sample {
        what: "a BSN from the website's form, which is a program",
        sender: "website@delinde.example",
        recipient: "inschrijving@administratiekantoor.example",
        message_id: "demo-6@delinde.example",
        client: PROGRAM,
        text: include_str!("mails/6-form.eml"),
    },
    Sample {
        what: "a mail whose sender asks for a secure message",
        sender: TEACHER,
        recipient: "p.hoekstra@voorbeeld.example",
        message_id: "demo-7@delinde.example",
        client: MAIL_PROGRAM,
        text: include_str!("mails/7-secure.eml"),
    },
];

/// A notice that has not come by then is lost.
const PATIENCE: Duration = Duration::from_secs(20);

/// What became of a mail.
pub(super) enum Became {
    /// The next hop has it.
    Passed(Arc<Kept>),
    /// The next hop does not have it, but has a notice about it.
    Blocked(Arc<Kept>),
    /// The next hop has a mail with a link to it, and a receipt for its sender: this one.
    Shared(Arc<Kept>),
    /// Neither, and its client was told so.
    Refused,
    /// Anything else: the gate was not reached, or the mail vanished. This must not happen.
    Lost,
}

/// A sample and what really happened to it.
pub(super) struct Outcome {
    /// The sample.
    pub sample: &'static Sample,
    /// The reply, or why there is none.
    pub reply: String,
    /// What became of it.
    pub became: Became,
    /// What the journal says; none when it says nothing.
    pub line: Option<journal::Line>,
}

/// Sends all samples, one after the other, and looks what became of them.
pub(super) async fn send_all(gate: SocketAddr, provider: &Provider, journal: &Path) -> Vec<Outcome> {
    let mut replies = Vec::new();
    for sample in &SAMPLES {
        let raw = sample.raw(&Zoned::now());
        let reply = client::send(gate, sample.client, sample.sender, sample.recipient, &raw).await;
        if reply.as_ref().is_ok_and(NextHopReply::is_ok) {
            arrives(sample, provider).await;
        }
        replies.push(reply);
    }
    let mut lines = journal::lines_of(journal, &SAMPLES.each_ref().map(|sample| sample.message_id)).await;
    let arrived = provider.all();
    let outcome = |(sample, reply): (&'static Sample, std::io::Result<NextHopReply>)| {
        let line = lines.iter().position(|line| line.message_id.as_deref() == Some(sample.message_id));
        let line = line.map(|at| lines.swap_remove(at));
        let is_shared = line.iter().flat_map(|line| &line.routes).any(|decision| decision.route == "share");
        Outcome {
            sample,
            became: match became(sample, reply.as_ref().ok(), &arrived) {
                Became::Blocked(receipt) if is_shared => Became::Shared(receipt),
                became => became,
            },
            reply: reply.map_or_else(|error| error.to_string(), |reply| words(&reply)),
            line,
        }
    };
    SAMPLES.iter().zip(replies).map(outcome).collect()
}

/// Waits until what was taken has come to the next hop: what is owed comes a moment later, and before the next sample.
async fn arrives(sample: &Sample, provider: &Provider) {
    let late = Instant::now() + PATIENCE;
    let is = |id: &Option<String>| id.as_deref() == Some(sample.message_id);
    let came = |kept: &Arc<Kept>| is(&kept.message_id) || kept.notice && is(&kept.in_reply_to);
    while !provider.all().iter().any(came) && Instant::now() < late {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn became(sample: &Sample, reply: Option<&NextHopReply>, arrived: &[Arc<Kept>]) -> Became {
    let is = |id: &Option<String>| id.as_deref() == Some(sample.message_id);
    let delivered = arrived.iter().find(|kept| !kept.notice && is(&kept.message_id));
    let notice = arrived.iter().find(|kept| kept.notice && is(&kept.in_reply_to));
    let taken = reply.map(NextHopReply::is_ok);
    match (delivered, notice, taken) {
        (Some(mail), None, Some(true)) if mail.recipients == [sample.recipient] => Became::Passed(Arc::clone(mail)),
        (None, Some(notice), Some(true)) if notice.recipients == [sample.sender] => Became::Blocked(Arc::clone(notice)),
        (None, None, Some(false)) => Became::Refused,
        _ => Became::Lost,
    }
}

/// Code and text of a reply, as one line.
fn words(reply: &NextHopReply) -> String {
    let mut told = HashSet::new();
    let lines: Vec<&str> = reply.lines.iter().map(String::as_str).filter(|line| told.insert(*line)).collect();
    format!("{} {}", reply.code, lines.join(" "))
}

impl Sample {
    fn raw(&self, now: &Zoned) -> Vec<u8> {
        let date = jiff::fmt::rfc2822::to_string(now).unwrap_or_default();
        self.text.replace("{date}", &date).lines().flat_map(|line| [line.as_bytes(), b"\r\n"].concat()).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::message::{Limits, Message};

    #[test]
    fn envelopes_and_ids_are_those_of_the_mails() {
        for sample in &SAMPLES {
            let raw = sample.raw(&Zoned::now());
            let message = Message::parse(&raw, &Limits::default());
            let headers = message.headers();
            assert_eq!(headers.message_id.as_deref(), Some(sample.message_id));
            assert_eq!(headers.from[0].typed(), sample.sender);
            assert_eq!(headers.to_cc[0].typed(), sample.recipient);
            assert!(headers.date.as_ref().unwrap().contains("20"), "the date is filled in");
        }
    }
}
