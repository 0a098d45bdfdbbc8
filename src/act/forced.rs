//! Proven TLS, or not by mail: take the mail, and owe it to those who may have it only so.
//!
//! Nothing is proven here: the outbox looks for a way, try by try, and what becomes of the mail when there is none is
//! decided now and goes with it. One commit, then 250. Never plain. Fails as a 4xx: then nothing was taken.

use std::collections::BTreeMap;

use crate::act::Incident;
use crate::act::block;
use crate::act::carry::{Case, Keeping};
use crate::act::hold::Composed;
use crate::decide::{self, Route};
use crate::detect::Kind as Found;
use crate::level::Level;
use crate::store::owed::{Envelope, Forced, Kind, NewOwed, Otherwise};
use crate::vault::LinkSecret;

/// What its sender may be told later, when there is no way; none when chance is out of order.
pub(super) fn composed(case: &Case<'_>) -> Option<Composed> {
    let incident = Incident::new(&block::stopped(case), case.id, case.arrived.datetime());
    let readers = decide::may_be_noticed(&case.mail.envelope, case.headers, case.school).unwrap_or_default();
    Some(Composed::new(readers, incident, LinkSecret::new()?))
}

/// What recipients of one row have in common: their domain, what else may become of the mail, whether its sender learns
/// their address, and how it is shared then (level; attachments alone).
type Alike = (String, Otherwise, bool, Level, bool);

/// What is owed of a mail under force: one row for each domain and each thing that may become of it.
pub(super) fn owed(
    case: &Case<'_>,
    keeping: &Keeping<'_>,
    composed: &Composed,
    item: &str,
    envelope: &Envelope,
    now: i64,
) -> Vec<NewOwed> {
    let mut groups: BTreeMap<Alike, Vec<usize>> = BTreeMap::new();
    let decided = case.mail.envelope.recipients.iter().zip(&case.verdict.decisions).enumerate();
    for (place, (recipient, decision)) in decided.filter(|(_, (_, decision))| decision.route == Route::Tls) {
        let otherwise = match decision.otherwise {
            _ if envelope.require_tls && keeping.requiretls_bounces => Otherwise::Bounce,
            Route::Share => Otherwise::Share,
            // Whoever reads no notices chooses nothing.
            _ if composed.readers.is_empty() || keeping.keep.is_zero() => Otherwise::Bounce,
            _ => keeping.unproven,
        };
        groups
            .entry((
                recipient.mailbox.domain().to_lowercase(),
                otherwise,
                decision.discreet,
                decision.level,
                decision.attachments,
            ))
            .or_default()
            .push(place);
    }
    let within = i64::try_from(keeping.prove_within.as_millis()).unwrap_or(i64::MAX);
    let mut kinds = case.verdict.kinds.keys();
    let password = kinds.any(|kind| matches!(kind, Found::Password | Found::LockedWithPassword));
    let open_subject = case.open_subject();
    let one = |((_, otherwise, discreet, level, attachments), places): (Alike, Vec<usize>)| NewOwed {
        kind: Kind::Forced,
        item: item.to_owned(),
        envelope: Envelope {
            recipients: places.into_iter().filter_map(|place| envelope.recipients.get(place).cloned()).collect(),
            forced: Some(Forced {
                otherwise,
                link: composed.link.written(),
                discreet,
                password,
                level,
                attachments,
                open_subject,
            }),
            ..envelope.clone()
        },
        due_at: now,
        give_up_at: now.saturating_add(within),
    };
    groups.into_iter().map(one).collect()
}
