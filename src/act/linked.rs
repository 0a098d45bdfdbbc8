//! Mail of a listed program whose content may not go: each recipient gets a link to where that content comes from instead,
//! and what the program sent is kept sealed. The system that it comes from knows who may see it, and asks who is there.
//!
//! All or nothing: with one letter that cannot be composed there is none, and the program is refused as any other. A letter
//! holds nothing of the mail, and names no other recipient. Source: IPROX and the AVG ("store only in the database").

use crate::act::block;
use crate::act::carry::Case;
use crate::act::hold::{self, Composed};
use crate::act::incident::Incident;
use crate::act::notice::Stamp;
use crate::decide::Route;
use crate::vault::LinkSecret;

/// The letters in place of a mail, and what is kept with them; none when the program has no such link, or nothing is kept.
pub(super) fn linked(case: &Case<'_>) -> Option<Composed> {
    let (owner, link) = (case.program?.owner.clone(), case.program?.link.as_ref()?);
    let program = case.mail.envelope.sender.as_ref()?;
    let keeping = case.keeping.as_ref().filter(|keeping| !keeping.keep.is_zero())?;
    let decided = || case.mail.envelope.recipients.iter().zip(&case.verdict.decisions);
    // A share takes a person who hands its codes on.
    if decided().any(|(_, decision)| decision.route == Route::Share) {
        return None;
    }
    let mut letters = Vec::new();
    for (number, (recipient, _)) in decided().enumerate().filter(|(_, (_, decision))| decision.route == Route::Block) {
        let stamp = Stamp {
            date: case.arrived.timestamp(),
            message_id: format!("mailpoort.{}.{number}@{}", case.id, case.school.gate_address.domain()),
        };
        let letter = case.notices.linked(link, program, &recipient.mailbox, case.school, case.language, &stamp);
        let letter = letter.inspect_err(|error| tracing::error!(id = case.id, %error, "no link in place of a mail"));
        letters.push(letter.ok()?);
    }
    if letters.is_empty() {
        return None;
    }
    let secret = LinkSecret::new()?;
    let mut incident = Incident::new(&block::stopped(case), case.id, case.arrived.datetime());
    hold::kept(&mut incident, case, (&case.mail.envelope.recipients, case.verdict), keeping, &secret);
    Some(Composed { letters, ..Composed::new(vec![owner], incident, secret) })
}
