//! A sender asks for a secure share himself: by a tag in the subject, or by a header that a mail program's button sets.
//!
//! Who asks, gets it, whatever was found and however far the policy may go: for all who are not inside and would get the
//! mail as it is. What is blocked stays blocked. The tag and the header leave the mail on the way. Cannot fail.

use std::sync::Arc;

use crate::decide::{Ask, INSIDE, Route, Verdict};
use crate::message::{Headers, Mail, header};

/// The header by which a mail program asks.
pub(super) const HEADER: &str = "X-Mailpoort-Share";
/// The line that stands with such a decision, in journal and share.
pub(super) const LINE: &str = "asked_by_sender";

/// Whether the sender asks.
pub(super) fn by_sender(mail: &Mail, headers: &Headers, tag: &str) -> bool {
    let subject = headers.subject.as_ref().map(|subject| subject.expose().to_lowercase()).unwrap_or_default();
    let tagged = !tag.is_empty() && subject.contains(&tag.to_lowercase());
    tagged || header::value_of(&mail.raw, HEADER).is_some_and(|value| !value.trim_ascii().eq_ignore_ascii_case(b"no"))
}

/// Makes a share of it for whoever would get it by mail.
pub(super) fn share(verdict: &mut Verdict) {
    let by_mail = |route| matches!(route, Route::Pass | Route::Tls);
    for decision in verdict.decisions.iter_mut().filter(|one| &*one.class != INSIDE && by_mail(one.route)) {
        (decision.route, decision.asked, decision.line) = (Route::Share, Ask::Share, Arc::from(LINE));
    }
}
