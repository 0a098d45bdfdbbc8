//! Who sent this, and may that sender be answered with a notice of our own?
//!
//! A notice to the wrong address tells a stranger about a pupil, and a notice to a program can loop, so a
//! notice goes out only when everything says "a person of this school"; all others are refused in the
//! session. Never fails. RFC 3834 section 2 (when not to answer), RFC 5321 4.5.5 (the null path), and the
//! forms of SRS, BATV (prvs=), VERP and Google's caf_, which are conventions and no RFCs.

use crate::message::{Envelope, Headers, Mailbox};
use crate::school::School;

/// What kind of sender it is; policy lines can ask for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SenderClass {
    /// A person of this school, who can read a notice.
    Person,
    /// A program (scanner, form mailer), as the configuration says.
    Program,
    /// An auto-reply, a receipt or a non-delivery report.
    Automatic,
    /// A mailing list or group.
    List,
    /// Mail of somebody else, forwarded under a rewritten address.
    Forwarded,
    /// The address is not in this school's domains.
    Outsider,
}

impl SenderClass {
    /// All classes.
    pub const ALL: [Self; 6] =
        [Self::Person, Self::Program, Self::Automatic, Self::List, Self::Forwarded, Self::Outsider];

    /// The word in policy files and in the journal.
    pub fn word(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Program => "program",
            Self::Automatic => "automatic",
            Self::List => "list",
            Self::Forwarded => "forwarded",
            Self::Outsider => "outsider",
        }
    }
}

/// The class of a sender. What the configuration says of the client (`program`) comes first, then the
/// message's own marks, then the form of the address.
pub fn sender_class(envelope: &Envelope, headers: &Headers, school: &School) -> SenderClass {
    if envelope.source.program {
        return SenderClass::Program;
    }
    let Some(sender) = &envelope.sender else { return SenderClass::Automatic };
    if headers.auto_submitted || headers.report {
        return SenderClass::Automatic;
    }
    if headers.list {
        return SenderClass::List;
    }
    if is_rewritten(sender) {
        return SenderClass::Forwarded;
    }
    if school.owns(sender.domain()) { SenderClass::Person } else { SenderClass::Outsider }
}

/// To whom a notice may go: the envelope's sender, and `Sender:` when that is another address of ours.
/// `None` means that the mail is refused in the session instead.
pub fn may_be_noticed(envelope: &Envelope, headers: &Headers, school: &School) -> Option<Vec<Mailbox>> {
    if sender_class(envelope, headers, school) != SenderClass::Person {
        return None;
    }
    let sender = envelope.sender.as_ref()?;
    let [author] = headers.from.as_slice() else { return None };
    // The gate's own notice must never be answered with a notice.
    if !school.owns(author.domain()) || sender.folded() == school.gate_address.folded() {
        return None;
    }
    let mut readers = vec![sender.clone()];
    if let Some(other) = &headers.sender
        && is_ours_and_plain(other, school)
        && other.folded() != sender.folded()
    {
        readers.push(other.clone());
    }
    Some(readers)
}

fn is_ours_and_plain(mailbox: &Mailbox, school: &School) -> bool {
    school.owns(mailbox.domain()) && !is_rewritten(mailbox) && mailbox.folded() != school.gate_address.folded()
}

/// SRS (`SRS0=`, `SRS1+`, Exchange's `name+SRS=`), Google's `name+caf_=`, BATV (`prvs=`) and VERP
/// (`list+name=domain`) all carry another address behind an `=`. No school gives out addresses with one.
fn is_rewritten(mailbox: &Mailbox) -> bool {
    let local = mailbox.local_part().to_ascii_lowercase();
    local.contains('=')
        || local.contains("+caf_")
        || ["srs0+", "srs0-", "srs1+", "srs1-"].iter().any(|form| local.starts_with(form))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::message::Source;
    use crate::school::Contact;

    const JUF: &str = "juf@delinde.example";

    fn mailbox(typed: &str) -> Mailbox {
        Mailbox::parse(typed).unwrap()
    }

    fn school() -> School {
        let desk = Contact {
            name: "Helpdesk".to_string(),
            role: "helpdesk".to_string(),
            phone: None,
            mail: None,
            hours: None,
        };
        School {
            id: "linde".to_string(),
            name: "De Linde".to_string(),
            domains: vec!["delinde.example".to_string()],
            gate_address: mailbox("mailpoort@delinde.example"),
            privacy: desk.clone(),
            director: None,
            deputy: None,
            helpdesk: desk,
            fg: None,
            channels: Default::default(),
        }
    }

    fn envelope(sender: Option<&str>) -> Envelope {
        Envelope { sender: sender.map(mailbox), ..Envelope::default() }
    }

    fn headers() -> Headers {
        Headers { from: vec![mailbox(JUF)], ..Headers::default() }
    }

    #[test]
    fn senders_and_their_class() {
        for (sender, class) in [
            (Some(JUF), SenderClass::Person),
            (Some("juf+lijst@delinde.example"), SenderClass::Person),
            (None, SenderClass::Automatic),
            (Some("juf@elders.example"), SenderClass::Outsider),
            (Some("SRS0=ab=cd=post.example=jan@delinde.example"), SenderClass::Forwarded),
            (Some("srs1+ab@delinde.example"), SenderClass::Forwarded),
            (Some("juf+SRS=ab=cd=post.example=jan@delinde.example"), SenderClass::Forwarded),
            (Some("juf+caf_=jan=post.example@delinde.example"), SenderClass::Forwarded),
            (Some("prvs=0123456789=juf@delinde.example"), SenderClass::Forwarded),
            (Some("nieuws+jan=post.example@delinde.example"), SenderClass::Forwarded),
        ] {
            assert_eq!(sender_class(&envelope(sender), &headers(), &school()), class, "{sender:?}");
            let noticed = may_be_noticed(&envelope(sender), &headers(), &school());
            assert_eq!(noticed.is_some(), class == SenderClass::Person, "{sender:?}");
        }
    }

    #[test]
    fn marks_of_the_message_forbid_a_notice() {
        let marked = [
            (Headers { auto_submitted: true, ..headers() }, SenderClass::Automatic),
            (Headers { report: true, ..headers() }, SenderClass::Automatic),
            (Headers { list: true, ..headers() }, SenderClass::List),
            (Headers { from: vec![], ..headers() }, SenderClass::Person),
            (
                Headers { from: vec![mailbox(JUF), mailbox("meester@delinde.example")], ..headers() },
                SenderClass::Person,
            ),
            (Headers { from: vec![mailbox("jan@post.example")], ..headers() }, SenderClass::Person),
        ];
        for (headers, class) in marked {
            assert_eq!(sender_class(&envelope(Some(JUF)), &headers, &school()), class);
            assert_eq!(may_be_noticed(&envelope(Some(JUF)), &headers, &school()), None, "{headers:?}");
        }
        let copier = Envelope { source: Source { program: true, ..Source::default() }, ..envelope(Some(JUF)) };
        assert_eq!(sender_class(&copier, &headers(), &school()), SenderClass::Program);
        assert_eq!(may_be_noticed(&copier, &headers(), &school()), None);
        let own = envelope(Some("Mailpoort@delinde.example"));
        assert_eq!(may_be_noticed(&own, &headers(), &school()), None, "never answers itself");
    }

    #[test]
    fn the_one_who_typed_it_reads_along_when_ours() {
        for (other, readers) in [
            ("administratie@delinde.example", 2),
            ("JUF@delinde.example", 1),
            ("jan@post.example", 1),
            ("nieuws+jan=post.example@delinde.example", 1),
        ] {
            let headers = Headers { sender: Some(mailbox(other)), ..headers() };
            let to = may_be_noticed(&envelope(Some(JUF)), &headers, &school()).unwrap();
            assert_eq!((to.len(), to[0].typed()), (readers, JUF), "{other}");
        }
    }
}
