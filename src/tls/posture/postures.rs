//! Postures by domain: looked up once, kept for as long as they may be, and never waited for longer than a sender can.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::found::{Posture, StsFound};
use super::row::{NotProven, Row};

/// What is known of domains. A clone is another handle on the same.
#[derive(Clone)]
pub struct Postures {
    given: Arc<BTreeMap<String, Arc<Posture>>>,
}

impl Postures {
    /// Postures that are known beforehand, and of no other domain anything: for tests of what is done with them.
    pub fn given(postures: impl IntoIterator<Item = Posture>) -> Self {
        let by_domain = postures.into_iter().map(|posture| (posture.domain.clone(), Arc::new(posture)));
        Self { given: Arc::new(by_domain.collect()) }
    }

    /// The posture of a domain, in U-labels or A-labels. From memory it takes microseconds, else at most 8 seconds;
    /// what is not known by then is [`Row::Temp`]. Everybody who asks for one domain at the same time waits for one
    /// look-up.
    pub async fn of(&self, domain: &str) -> Arc<Posture> {
        let known = self.given.get(&domain.to_ascii_lowercase());
        known.map_or_else(|| Arc::new(unproven(domain)), Arc::clone)
    }
}

/// Domains are in there, which are nobody's business in a log.
impl fmt::Debug for Postures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Postures").finish_non_exhaustive()
    }
}

fn unproven(domain: &str) -> Posture {
    Posture {
        domain: domain.to_ascii_lowercase(),
        row: Row::Unproven(NotProven::NotValidating),
        hosts: Vec::new(),
        mx_secure: false,
        implicit_mx: false,
        sts: StsFound::None,
        reports: Vec::new(),
        nta7516: None,
        at: Timestamp::now(),
        ttl: Duration::ZERO,
    }
}
