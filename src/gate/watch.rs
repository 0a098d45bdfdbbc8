//! What is looked at before the scan: loops, proof of the school on shared networks, journal reports.

use std::sync::Arc;

use crate::gate::door::Trip;
use crate::gate::house::Tenant;
use crate::message::header::{self, Field};
use crate::message::{MAX_RECEIVED, Mail};
use crate::secret::Secret;
use crate::smtp::Reply;

/// A message that may go on to the scan.
pub(super) struct Seen {
    /// The school it belongs to.
    pub tenant: Arc<Tenant>,
    /// A journal report to the configured archive: passes unscanned, since compliance would break on the first BSN.
    pub journal_report: bool,
}

/// Looks at the raw header section, once.
///
/// # Errors
/// The reply that refuses the message before anything of it goes on.
pub(super) fn look(trip: &Trip, mail: &Mail) -> Result<Seen, Reply> {
    let mut received = 0;
    let mut proven: Vec<&Arc<Tenant>> = Vec::new();
    for field in header::fields(&mail.raw) {
        received += usize::from(field.is("Received"));
        if trip.house.ways.iter().any(|way| way.mark.as_ref().is_some_and(|mark| carries(&field, mark))) {
            return Err(Reply::loop_found());
        }
        proven
            .extend(trip.house.schools.iter().filter(|t| t.secret_header.as_ref().is_some_and(|s| carries(&field, s))));
    }
    if received > MAX_RECEIVED {
        return Err(Reply::loop_found());
    }
    let tenant = if trip.client.shared_network { proven_tenant(trip, mail, &proven)? } else { trip.tenant() };
    Ok(Seen { tenant: Arc::clone(tenant), journal_report: is_journal_report(trip, mail) })
}

/// On a network that a provider shares among its customers only the secret header says whose mail it is. The sender
/// must be of that same school, or null.
fn proven_tenant<'t>(trip: &'t Trip, mail: &Mail, proven: &[&'t Arc<Tenant>]) -> Result<&'t Arc<Tenant>, Reply> {
    let fits = |tenant: &&&Arc<Tenant>| match &mail.envelope.sender {
        None => true,
        Some(_) => tenant.school.id == trip.tenant().school.id,
    };
    proven.iter().find(fits).copied().ok_or_else(Reply::relay_denied)
}

fn is_journal_report(trip: &Trip, mail: &Mail) -> bool {
    let Some((client, archive)) = &trip.house.journal_archive else { return false };
    trip.client.source.client == *client
        && mail.envelope.recipients.iter().all(|r| archive.iter().any(|a| a.folded() == r.mailbox.folded()))
}

/// Whether a field is this one, with this value. The comparison takes the same time wherever they differ.
fn carries(field: &Field<'_>, (name, value): &(String, Secret<String>)) -> bool {
    field.is(name)
        && aws_lc_rs::constant_time::verify_slices_are_equal(field.value.trim_ascii(), value.expose().as_bytes())
            .is_ok()
}
