//! Whether somebody may have what was shared with others: judged as at the door, as if he had been a recipient then.

use super::{judged as judged_again, stopped, tenant};
use crate::act::{self, Incident};
use crate::decide::{Ask, INSIDE, Route};
use crate::gate::house::House;
use crate::message::Mailbox;
use crate::secret::Secret;
use crate::share::{NewRecipient, Overview};
use crate::store::owed::{Envelope, To};
use crate::web::desk::{Late, LateMail};

/// None when it cannot be told.
pub(super) fn judged(house: &House, share: &Overview, to: &Mailbox, held: LateMail) -> Option<Late> {
    let school = tenant(house, &share.school)?;
    let raw = match held {
        LateMail::Whole(raw) => raw,
        LateMail::Files(files) => act::share::as_mail(&files)?,
    };
    let recipient = To { address: to.typed().to_owned(), parameters: String::new(), place: None };
    let sender = Some(share.sender.expose().clone());
    let envelope = Envelope { sender, recipients: vec![recipient], ..Envelope::default() };
    let (mail, scan) = judged_again(house, &share.school, &envelope, raw)?;
    let decision = scan.verdict.decisions.first()?;
    if school.school.owns(to.domain()) || &*decision.class == INSIDE {
        return Some(Late::Inside);
    }
    // What it is for was said when it was shared.
    let is_said = decision.asked == Ask::ShareWithPurpose && share.purpose.is_some();
    if matches!(decision.route, Route::Block | Route::Defer) && !is_said {
        let incident = Incident::new(&stopped(&scan, &mail, house), "", jiff::civil::DateTime::default());
        return Some(Late::MayNot(house.texts.why(&incident, &school.school)));
    }
    let household = school.household(to);
    Some(Late::May(Box::new(NewRecipient {
        mailbox: to.clone(),
        family: Secret::new(household.family.unwrap_or_else(|| to.folded())),
        phones: household.phones,
        line: decision.line.to_string(),
        // Never less than those had for whom it was made: a part of it may be gone by now.
        level: share.recipients.iter().map(|one| one.level).fold(decision.level, Ord::max),
    })))
}
