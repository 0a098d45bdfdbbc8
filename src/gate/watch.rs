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
    if matches!(mail.raw.first(), Some(b' ' | b'\t')) {
        return Err(Reply::begins_folded());
    }
    let mut received = 0;
    let mut journal_mark = false;
    let mut proven: Vec<&Arc<Tenant>> = Vec::new();
    let mut author: Option<&Arc<Tenant>> = None;
    for field in header::fields(&mail.raw) {
        received += usize::from(field.is("Received"));
        journal_mark |= field.is("X-MS-Journal-Report");
        if trip.house.ways.iter().any(|way| way.mark.as_ref().is_some_and(|mark| carries(&field, mark))) {
            return Err(Reply::loop_found());
        }
        proven
            .extend(trip.house.schools.iter().filter(|t| t.secret_header.as_ref().is_some_and(|s| carries(&field, s))));
        if field.is("From") {
            author = author.or_else(|| trip.house.schools.iter().find(|tenant| names_domain(field.value, tenant)));
        }
    }
    if received > MAX_RECEIVED {
        return Err(Reply::loop_found());
    }
    let tenant = match &mail.envelope.sender {
        _ if trip.client.shared_network => proven_tenant(trip, mail, &proven)?,
        Some(_) => trip.tenant(),
        // The null path names no school, and the pupils of the wrong one would not be found: the author's address does.
        None => trip.client.source.school.as_ref().map_or(author, |_| None).unwrap_or(trip.tenant()),
    };
    Ok(Seen { tenant: Arc::clone(tenant), journal_report: journal_mark && goes_to_archive(trip, mail) })
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

/// From the one client that sends journal reports, and to nobody but the archive.
fn goes_to_archive(trip: &Trip, mail: &Mail) -> bool {
    let Some((client, archive)) = &trip.house.journal_archive else { return false };
    trip.client.source.client == *client
        && mail.envelope.recipients.iter().all(|r| archive.iter().any(|a| a.folded() == r.mailbox.folded()))
}

/// Whether an address in one of the school's domains stands in a field's value.
fn names_domain(value: &[u8], tenant: &Tenant) -> bool {
    let value = value.to_ascii_lowercase();
    tenant.school.domains.iter().any(|domain| {
        let wanted = format!("@{domain}");
        memchr::memmem::find_iter(&value, wanted.as_bytes()).any(|at| {
            let behind = value.get(at + wanted.len());
            !behind.is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'))
        })
    })
}

/// Whether a field is this one, with this value. The comparison takes the same time wherever they differ.
fn carries(field: &Field<'_>, (name, value): &(String, Secret<String>)) -> bool {
    field.is(name)
        && aws_lc_rs::constant_time::verify_slices_are_equal(field.value.trim_ascii(), value.expose().as_bytes())
            .is_ok()
}
