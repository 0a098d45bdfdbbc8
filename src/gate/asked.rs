//! A sender asks for a secure share himself: by a tag in the subject, or by a header that a mail program's button sets. And
//! he answers what a recipient wrote him on the portal: what began as a share does not go on as a mail.
//!
//! Who asks, gets it, whatever was found and however far the policy may go: for all who are not inside and would get the
//! mail as it is. What is blocked stays blocked. The tag and the header leave the mail on the way. Cannot fail.

use std::sync::Arc;

use crate::act::share::{ANSWER_ID, Why};
use crate::decide::{Ask, INSIDE, Route, Verdict};
use crate::message::{Headers, Mail, header};

/// The header by which a mail program asks.
pub(super) const HEADER: &str = "X-Mailpoort-Share";
/// The line that stands with such a decision, in journal and share.
const LINE: &str = "asked_by_sender";
/// The same, for what answers a recipient of a share.
const THREAD: &str = "answer_to_share";

/// Whether the sender asks.
fn by_sender(mail: &Mail, headers: &Headers, tag: &str) -> bool {
    let subject = headers.subject.as_ref().map(|subject| subject.expose().to_lowercase()).unwrap_or_default();
    let tagged = !tag.is_empty() && subject.contains(&tag.to_lowercase());
    tagged || header::value_of(&mail.raw, HEADER).is_some_and(|value| !value.trim_ascii().eq_ignore_ascii_case(b"no"))
}

/// Whether it answers what somebody wrote on the portal: by the Message-ID of our mail with that (RFC 5322, 3.6.4).
fn is_answer(mail: &Mail) -> bool {
    let names = |field| header::value_of(&mail.raw, field).is_some_and(names_answer);
    names("In-Reply-To") || names("References")
}

fn names_answer(ids: &[u8]) -> bool {
    let begins = format!("<{ANSWER_ID}");
    ids.windows(begins.len()).any(|window| window == begins.as_bytes())
}

/// Makes a share of it where its sender wants that: with this tag, or where `answers` go on as shares.
pub(super) fn look(verdict: &mut Verdict, (mail, headers): (&Mail, &Headers), tag: &str, answers: bool) {
    if by_sender(mail, headers, tag) {
        share(verdict, LINE);
    } else if answers && is_answer(mail) {
        share(verdict, THREAD);
    }
}

/// Why it is a share, when not for what was found in it.
pub(super) fn why(verdict: &Verdict) -> Option<Why> {
    let stands = |line: &str| verdict.decisions.iter().any(|decision| &*decision.line == line);
    if stands(LINE) { Some(Why::Asked) } else { stands(THREAD).then_some(Why::Answers) }
}

/// Makes a share of it for whoever would get it by mail.
fn share(verdict: &mut Verdict, line: &str) {
    let by_mail = |route| matches!(route, Route::Pass | Route::Tls);
    // All of it: also for whom policy would have shared its attachments alone.
    for decision in verdict.decisions.iter_mut().filter(|one| &*one.class != INSIDE) {
        decision.attachments = false;
    }
    for decision in verdict.decisions.iter_mut().filter(|one| &*one.class != INSIDE && by_mail(one.route)) {
        (decision.route, decision.asked, decision.line) = (Route::Share, Ask::Share, Arc::from(line));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_known_by_our_own_mail_alone() {
        for (ids, expected) in [
            (&b"<mailpoort.antwoord.0123@delinde.example>"[..], true),
            (b"<1@werkplek.example>\r\n <mailpoort.antwoord.0123@delinde.example> <2@x.example>", true),
            (b"<mailpoort.0123@delinde.example>", false),
            (b"mailpoort.antwoord.0123@delinde.example", false),
            (b"", false),
        ] {
            assert_eq!(names_answer(ids), expected, "{}", String::from_utf8_lossy(ids));
        }
    }
}
