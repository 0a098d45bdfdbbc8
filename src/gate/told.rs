//! Passwords that mails told, for a while: what a later mail to the same recipient holds on lock is tried with them.
//!
//! In memory alone, and only if the school switches it on (`remember_passwords`): by recipient, as a keyed hash of school
//! and address, so that not even a look at our memory lists who mails whom. A restart forgets. Nothing here can refuse a
//! mail, and nothing of it is ever written.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use aws_lc_rs::{hmac, rand};

use crate::decide::Verdict;
use crate::extract::{Passwords, Texts};
use crate::gate::house::{Bench, Tenant};
use crate::message::{Mail, Mailbox};
use crate::problem::Problem;

/// Recipients that are remembered: as many as a large board mails in a day, and a few megabytes.
const MOST: usize = 20_000;
/// Recipients of one mail: nobody sends a password to more.
const MOST_RECIPIENTS: usize = 50;

type Hash = [u8; 32];

/// What was told to whom. `Debug` shows how many.
pub struct Told {
    key: hmac::Key,
    lasts: Duration,
    told: Mutex<HashMap<Hash, (Instant, Passwords)>>,
}

impl Told {
    /// Remembers for so long.
    ///
    /// # Errors
    /// The machine has no randomness.
    pub fn new(lasts: Duration) -> Result<Self, Problem> {
        let mut key = [0; 32];
        let filled = rand::fill(&mut key);
        filled.map_err(|_| Problem::new("remember_passwords", "this machine has no randomness", "check the system"))?;
        Ok(Self { key: hmac::Key::new(hmac::HMAC_SHA256, &key), lasts, told: Mutex::default() })
    }

    /// How long it remembers.
    pub fn lasts(&self) -> Duration {
        self.lasts
    }

    /// What was told to any of these recipients.
    pub fn recall<'m>(&self, school: &str, to: impl Iterator<Item = &'m Mailbox>, now: Instant) -> Passwords {
        let told = self.lock();
        let hashes = to.take(MOST_RECIPIENTS).map(|mailbox| self.hash(school, mailbox));
        let known = hashes.filter_map(|hash| told.get(&hash)).filter(|(since, _)| self.is_fresh(*since, now));
        known.fold(Passwords::default(), |all, (_, passwords)| all.and(passwords))
    }

    /// Remembers what was told to these recipients, the newest first.
    pub fn remember<'m>(
        &self,
        school: &str,
        to: impl Iterator<Item = &'m Mailbox>,
        passwords: &Passwords,
        now: Instant,
    ) {
        if passwords.iter().next().is_none() {
            return;
        }
        let mut told = self.lock();
        for mailbox in to.take(MOST_RECIPIENTS) {
            let hash = self.hash(school, mailbox);
            if told.len() >= MOST && !told.contains_key(&hash) {
                told.retain(|_, (since, _)| self.is_fresh(*since, now));
                if told.len() >= MOST {
                    return;
                }
            }
            let before = told.remove(&hash).filter(|(since, _)| self.is_fresh(*since, now));
            let all = before.map_or_else(|| passwords.clone(), |(_, before)| passwords.and(&before));
            told.insert(hash, (now, all));
        }
    }

    fn is_fresh(&self, since: Instant, now: Instant) -> bool {
        now.saturating_duration_since(since) < self.lasts
    }

    fn hash(&self, school: &str, mailbox: &Mailbox) -> Hash {
        // No school's id holds a line end.
        let address = mailbox.typed().to_lowercase();
        let tag = hmac::sign(&self.key, format!("{school}\n{address}").as_bytes());
        tag.as_ref().first_chunk().copied().unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Hash, (Instant, Passwords)>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Told({})", self.lock().len())
    }
}

/// What earlier mails to the recipients of this one told.
pub(super) fn recall(bench: &Bench, tenant: &Tenant, mail: &Mail) -> Passwords {
    let Some(told) = &bench.told else { return Passwords::default() };
    let to = mail.envelope.recipients.iter().map(|recipient| &recipient.mailbox);
    told.recall(&tenant.school.id, to, Instant::now())
}

/// Remembers what a mail told to those whom it reached.
pub(super) fn remember(bench: &Bench, tenant: &Tenant, mail: &Mail, verdict: &Verdict, texts: &Texts) {
    let Some(told) = &bench.told else { return };
    let recipients = mail.envelope.recipients.iter().zip(&verdict.decisions);
    let reached = recipients.filter(|(_, decision)| !decision.route.is_stopped());
    let to = reached.map(|(recipient, _)| &recipient.mailbox);
    told.remember(&tenant.school.id, to, &Passwords::told_in(&texts.texts), Instant::now());
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_recipient_is_remembered_for_a_day_by_its_own_school() {
        let told = Told::new(Duration::from_secs(60)).unwrap();
        let [kim, bo] = ["kim@post.example", "bo@post.example"].map(|typed| Mailbox::parse(typed).unwrap());
        let now = Instant::now();
        let recall = |school, to: &Mailbox, seconds| {
            let passwords = told.recall(school, std::iter::once(to), now + Duration::from_secs(seconds));
            passwords.iter().map(str::to_string).collect::<Vec<_>>()
        };
        told.remember("linde", std::iter::once(&kim), &Passwords::from("Zeehond-2014"), now);
        assert_eq!(recall("linde", &Mailbox::parse("Kim@Post.example").unwrap(), 59), ["Zeehond-2014"]);
        assert!(recall("linde", &kim, 60).is_empty() && recall("linde", &bo, 0).is_empty());
        assert!(recall("berk", &kim, 0).is_empty());
        told.remember("linde", std::iter::once(&kim), &Passwords::from("Kastanje-7"), now);
        assert_eq!(recall("linde", &kim, 0), ["Kastanje-7", "Zeehond-2014"]);
        assert_eq!(format!("{told:?}"), "Told(1)");
    }
}
