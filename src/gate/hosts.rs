//! Where recipients' mail hosts stand, for a policy that asks for it (`host_outside_eea`): looked up before a mail is
//! judged, since judging itself asks nobody. For any other policy nothing is looked up and nobody waits.
//!
//! What cannot be found out within the time of a posture is not known, and the fact does not hold then.

use std::collections::BTreeSet;

use futures_util::future::join_all;

use super::house::House;
use crate::decide::{Fact, MailHosts};
use crate::message::Mail;
use crate::tls::posture::{MxHost, Postures};

/// Domains of one mail that are looked up: as many as may be under way at all.
const DOMAINS: usize = 256;

/// Finds out where the hosts of a mail's recipients stand, when the policy asks for it.
pub(super) async fn look_up(house: &House, mail: &Mail) {
    let Some(postures) = house.postures.as_ref().filter(|_| house.bench.policy.asks_for(Fact::HostOutsideEea)) else {
        return;
    };
    let domains: BTreeSet<&str> = mail.envelope.recipients.iter().map(|to| to.mailbox.domain()).collect();
    let outside = domains.into_iter().filter(|domain| !house.schools.iter().any(|t| t.school.owns(domain)));
    join_all(outside.take(DOMAINS).map(|domain| postures.of(domain))).await;
}

impl MailHosts for Postures {
    fn outside_eea(&self, domain: &str) -> bool {
        self.known_of(domain).is_some_and(|posture| posture.hosts.iter().any(MxHost::is_outside_eea))
    }
}
