//! Whether the gate is well, and what is wrong, in plain words.
//!
//! A reason makes it red: mail does not get on, or will not soon, or nobody could show later what was done. A warning does
//! not: somebody must look, but not tonight.

use std::fs::OpenOptions;
use std::path::Path;
use std::sync::Arc;

use jiff::{Timestamp, Zoned};
use serde::Serialize;

use super::Watched;
use crate::gate::house::{House, Tenant};
use crate::outbox::Outbox;
use crate::roster::age_warning;
use crate::smtp::client::{Last, NextHop, Trouble};
use crate::store;
use crate::tls::{Shown, days_left};

/// How the gate is.
#[derive(Debug, Serialize)]
pub struct Health {
    /// "green" or "red".
    status: &'static str,
    /// What makes it red.
    reasons: Vec<String>,
    /// What somebody must look at.
    warnings: Vec<String>,
}

/// A next hop of which nothing good is known is tried again when somebody asks, and so many seconds went by: else it
/// would be red until the next mail comes.
const TRY_AGAIN: u64 = 15;
/// Minutes that mail may be owed before somebody must look.
const LONG_OWED: i64 = 4 * 60;
/// Days before the end of a certificate from which it is no warning any more.
const NOW: i64 = 3;

impl Health {
    /// How it is now.
    pub(super) async fn of(watched: &Watched) -> Self {
        let house = watched.gate.house();
        let (mut reasons, mut warnings) = (Vec::new(), Vec::new());
        reasons.extend(house.ways.iter().filter_map(|way| next_hop(&way.next_hop)));
        let journal = watched.journal.clone();
        let unwritable = tokio::task::spawn_blocking(move || journal.as_deref().and_then(unwritable)).await;
        reasons.extend(unwritable.ok().flatten());
        reasons.extend(watched.gate.record().condition().trouble().map(str::to_owned));
        if let Some(outbox) = watched.gate.outbox() {
            reasons.extend(outbox.trouble().map(|what| format!("{what}: no mail can be stopped or owed")));
            warnings.extend(backlog(outbox).await);
        }
        reasons.extend(readers(&house));
        for (what, shown) in house.certificates.all() {
            let (reason, warning) = certificate(&what, shown);
            reasons.extend(reason);
            warnings.extend(warning);
        }
        warnings.extend(watched.acme.as_ref().and_then(|acme| acme.trouble()).map(|trouble| trouble.to_string()));
        warnings.extend(house.schools.iter().filter_map(|tenant| roster(tenant, &house)));
        warnings.extend(watched.gate.pauses().iter().map(|pause| {
            let school = pause.school.as_deref().map_or("all schools".to_string(), |id| format!("the school {id}"));
            format!("paused for {school} until {}: everything passes", pause.until())
        }));
        Self { status: if reasons.is_empty() { "green" } else { "red" }, reasons, warnings }
    }

    /// Whether nothing is wrong.
    pub fn is_green(&self) -> bool {
        self.reasons.is_empty()
    }
}

fn next_hop(hop: &Arc<NextHop>) -> Option<String> {
    let (last, ago) = hop.met().last();
    if last != Last::Reached && ago >= TRY_AGAIN {
        let hop = Arc::clone(hop);
        tokio::spawn(async move { hop.probe().await });
    }
    let Last::Trouble(trouble) = last else { return None };
    let what = match trouble {
        Trouble::NoTls | Trouble::Tls => "does not show the TLS that is demanded",
        Trouble::RefusesUs => "refuses this gate's sign-in",
        _ => "cannot be reached",
    };
    Some(format!("the next hop {} {what} (seen {ago} s ago)", hop.name()))
}

/// Mail that is owed for long: its next hop refuses it, or nobody can be told of it.
async fn backlog(outbox: &Outbox) -> Option<String> {
    let backlog = outbox.store().backlog().await.ok()?;
    let minutes = store::now().saturating_sub(backlog.oldest?) / 60_000;
    let number: u64 = backlog.owed.iter().map(|(_, number)| number).sum();
    (minutes >= LONG_OWED).then(|| format!("{number} mails are owed, the oldest for {} h", minutes / 60))
}

fn unwritable(journal: &Path) -> Option<String> {
    let opened = OpenOptions::new().append(true).open(journal);
    opened.err().map(|error| format!("the journal cannot be written: {error}"))
}

fn readers(house: &House) -> Option<String> {
    let readers = house.bench.readers.as_ref()?;
    (!readers.are_had()).then(|| "documents cannot be read: no reader process can be started".into())
}

/// What is wrong with a certificate of ours, and what soon will be.
fn certificate(what: &str, shown: &Shown) -> (Option<String>, Option<String>) {
    let now = Timestamp::now();
    let Some(until) = shown.until() else { return (Some(format!("there is no certificate for {what} yet")), None) };
    match days_left(until, now) {
        left if left < 0 => (Some(format!("the certificate for {what} has ended")), None),
        _ if shown.warning(now).is_none() => (None, None),
        left if left <= NOW => (Some(format!("the certificate for {what} ends in {left} days")), None),
        left => (None, Some(format!("the certificate for {what} ends in {left} days"))),
    }
}

fn roster(tenant: &Tenant, house: &House) -> Option<String> {
    let today = Zoned::now().with_time_zone(house.time_zone.clone()).date();
    let imported = tenant.roster_of?;
    age_warning(imported, today)?;
    Some(format!("the roster of the school {} is of {imported}: import it anew", tenant.school.id))
}
