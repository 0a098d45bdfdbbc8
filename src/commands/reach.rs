//! What share of the school's real recipients a proven route reaches: reads the journal, asks DNS.

use std::collections::HashMap;

use futures_util::StreamExt;
use futures_util::stream;

use crate::config::Config;
use crate::record::reach::{Reach, Report, Way};
use crate::store::journal::find::Which;
use crate::store::{Store, StoreError};
use crate::tls::posture::{Forced, Postures};

/// Domains that are looked up, those with most recipients first, and how many at the same time.
const DOMAINS: usize = 500;
const AT_ONCE: usize = 16;
/// Lines that are had at a time.
const PAGE: usize = 1000;

/// Counts the recipients in these lines of the journal, and looks their domains up.
pub(super) async fn reach(
    store: &Store,
    which: &Which,
    config: &Config,
    postures: &Postures,
) -> Result<Report, StoreError> {
    let is_own = |domain: &str| config.schools.iter().any(|school| school.school.owns(domain));
    let (mut reach, mut behind) = (Reach::default(), 0);
    loop {
        let lines = store.journal_lines(which, behind, PAGE).await?;
        let Some(last) = lines.last() else { break };
        behind = last.number;
        for line in &lines {
            reach.add(&store.people_of(line)?.recipients, is_own);
        }
    }
    let domains = reach.domains().into_iter().take(DOMAINS);
    let looked = stream::iter(domains).map(|domain| async move {
        let posture = postures.of(&domain).await;
        let way = match posture.forced() {
            Forced::Deliver => Way::Proven,
            Forced::Defer => Way::Unknown,
            Forced::Fallback => Way::Unproven,
            Forced::Undeliverable => Way::Nowhere,
        };
        (domain, (way, posture.row.code()))
    });
    let known: HashMap<String, (Way, &'static str)> = looked.buffer_unordered(AT_ONCE).collect().await;
    Ok(reach.report(|domain| known.get(domain).copied().unwrap_or((Way::Unknown, "not-looked-up"))))
}
