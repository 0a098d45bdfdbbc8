//! The flood brake: a sender that sends far more than a person does is held back for the hour.
//!
//! An account whose password is stolen sends thousands of mails before anybody looks, and the school's name on block
//! lists costs a week. What is over the limit is a 451: the client keeps it, so a letter to all guardians comes late at
//! worst and is never lost. Counted for each envelope sender over a sliding hour, in memory only, and never for more
//! senders than there is room for. Bounces (`<>`) and the senders that the configuration exempts have no brake.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::decide::{Ask, Decision, Route, Verdict};
use crate::gate::house::House;
use crate::message::Mail;
use crate::smtp::Reply;

/// What one sender may send in an hour.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Messages.
    pub messages: usize,
    /// Recipients outside the schools, over all messages.
    pub outside_recipients: usize,
    /// Senders without a brake: folded addresses, or `@domain`.
    pub exempt: Vec<String>,
}

/// What was sent of late, by a keyed hash of the sender.
#[derive(Debug)]
pub(super) struct Brake {
    since: Instant,
    hasher: RandomState,
    senders: Mutex<HashMap<u64, Sent>>,
}

/// The id of the policy line in the journal.
const LINE: &str = "flood";
const HOUR: u64 = 3600;
/// More senders than this in two hours are no school; what is known of them is forgotten then.
const MOST: usize = 20_000;

impl Default for Brake {
    fn default() -> Self {
        Self { since: Instant::now(), hasher: RandomState::new(), senders: Mutex::default() }
    }
}

impl Brake {
    /// Counts a mail that may go on; none when it has no brake.
    ///
    /// # Errors
    /// The reply that holds it back; it is then not counted, so that a client that tries again does not keep the brake on.
    pub fn let_through(&self, mail: &Mail, house: &House) -> Result<Option<Counted>, Reply> {
        let Some(sender) = &mail.envelope.sender else { return Ok(None) };
        let (limits, folded) = (&house.flood, sender.folded());
        let is = |exempt: &String| *exempt == folded || exempt.strip_prefix('@') == Some(sender.domain());
        if limits.exempt.iter().any(is) {
            return Ok(None);
        }
        let is_outside = |domain: &str| !house.schools.iter().any(|tenant| tenant.school.owns(domain));
        let outside = mail.envelope.recipients.iter().filter(|r| is_outside(r.mailbox.domain())).count();
        let (sender, now) = (self.hasher.hash_one(folded), self.since.elapsed());
        let counted = self.count(sender, outside, limits, now).then_some(Counted { sender, outside, now });
        counted.map(Some).ok_or_else(Reply::flood)
    }

    /// A mail went nowhere after all, and comes again: it counts then.
    pub fn take_back(&self, counted: &Counted) {
        let mut senders = self.senders.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sent) = senders.get_mut(&counted.sender) {
            sent.take_back(counted.outside, counted.now.as_secs() / HOUR);
        }
    }

    /// Whether it fits; if so it is counted. `now` is the time since this brake was made.
    fn count(&self, sender: u64, outside: usize, limits: &Limits, now: Duration) -> bool {
        let mut senders = self.senders.lock().unwrap_or_else(PoisonError::into_inner);
        if senders.len() >= MOST {
            senders.retain(|_, sent| sent.hour + 1 >= now.as_secs() / HOUR);
        }
        if senders.len() >= MOST {
            senders.clear();
        }
        senders.entry(sender).or_default().count(outside, limits, now.as_secs())
    }
}

/// A mail that was counted.
#[derive(Debug)]
pub(super) struct Counted {
    sender: u64,
    outside: usize,
    now: Duration,
}

/// What one sender sent in this hour and the one before, messages and outside recipients.
#[derive(Debug, Default, Clone, Copy)]
struct Sent {
    hour: u64,
    now: [usize; 2],
    before: [usize; 2],
}

impl Sent {
    fn count(&mut self, outside: usize, limits: &Limits, seconds: u64) -> bool {
        let hour = seconds / HOUR;
        if hour != self.hour {
            self.before = if hour == self.hour + 1 { self.now } else { [0; 2] };
            (self.hour, self.now) = (hour, [0; 2]);
        }
        let [messages, recipients] = self.in_the_last_hour(seconds % HOUR);
        let fits = messages < limits.messages && recipients.saturating_add(outside) <= limits.outside_recipients;
        if fits {
            self.now = [self.now[0].saturating_add(1), self.now[1].saturating_add(outside)];
        }
        fits
    }

    fn take_back(&mut self, outside: usize, hour: u64) {
        let of_then = match self.hour.checked_sub(hour) {
            Some(0) => &mut self.now,
            Some(1) => &mut self.before,
            _ => return,
        };
        *of_then = [of_then[0].saturating_sub(1), of_then[1].saturating_sub(outside)];
    }

    /// The hour before counts for the part of it that is less than an hour ago.
    fn in_the_last_hour(&self, into_this: u64) -> [usize; 2] {
        let left = |before: usize| (before as u64).saturating_mul(HOUR.saturating_sub(into_this)) / HOUR;
        [0, 1].map(|n| self.now[n].saturating_add(usize::try_from(left(self.before[n])).unwrap_or(usize::MAX)))
    }
}

/// What the journal says of a mail that is held back: nothing of it was looked at.
pub(super) fn held_back(mail: &Mail) -> Verdict {
    let decision = Decision {
        route: Route::Defer,
        otherwise: Route::Defer,
        asked: Ask::Defer,
        class: "unjudged".into(),
        line: LINE.into(),
        advice: None,
        advise: false,
        discreet: false,
        next: Vec::new(),
        level: crate::level::Level::default(),
        attachments: false,
    };
    Verdict { decisions: vec![decision; mail.envelope.recipients.len()], ..Verdict::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits { messages: 10, outside_recipients: 100, exempt: Vec::new() }
    }

    fn minutes(number: u64) -> Duration {
        Duration::from_secs(number * 60)
    }

    #[test]
    fn a_sender_is_held_back_over_a_sliding_hour_and_others_are_not() {
        let brake = Brake::default();
        let sends = |sender, at| brake.count(sender, 1, &limits(), minutes(at));
        assert!((0..10).all(|_| sends(1, 50)));
        assert!(!sends(1, 59), "the eleventh in an hour");
        assert!(sends(2, 59), "somebody else");
        assert!(!sends(1, 60), "the new hour on the clock is not a new hour");
        // Half of the hour before counts: five, and so five more may go.
        assert!((0..5).all(|_| sends(1, 90)));
        assert!(!sends(1, 90));
        assert!(sends(1, 300), "hours later all is forgotten");
    }

    #[test]
    fn outside_recipients_count_and_what_is_held_back_does_not() {
        let brake = Brake::default();
        let sends = |outside| brake.count(1, outside, &limits(), minutes(1));
        assert!(sends(60));
        assert!(!sends(60) && !sends(60), "a client that tries again");
        assert!(sends(40), "what fits still fits");
        assert!(sends(0), "colleagues can be written to");
        assert!(!sends(1));
    }

    #[test]
    fn what_its_client_sends_again_counts_once() {
        let brake = Brake::default();
        let sends = |at| brake.count(1, 5, &limits(), minutes(at));
        let failed = |at| brake.take_back(&Counted { sender: 1, outside: 5, now: minutes(at) });
        for _ in 0..100 {
            assert!(sends(1));
            failed(1);
        }
        assert!((0..10).all(|_| sends(58)) && !sends(59));
        // Its hour is over when the answer comes: then it is taken from that hour, which counts for the part of it.
        assert!(!sends(60));
        failed(59);
        assert!(sends(60) && !sends(60));
        failed(59 + 180);
    }

    #[test]
    fn there_is_room_for_so_many_senders_and_no_more() {
        let brake = Brake::default();
        for sender in 0..MOST as u64 * 3 {
            assert!(brake.count(sender, 1, &limits(), minutes(1)));
        }
        assert!(brake.senders.lock().map_or(0, |senders| senders.len()) <= MOST);
        // Those of hours ago make room first.
        let brake = Brake::default();
        for sender in 0..MOST as u64 - 1 {
            brake.count(sender, 1, &limits(), minutes(1));
        }
        assert!((0..10).all(|_| brake.count(u64::MAX, 1, &limits(), minutes(200))));
        for sender in 0..10 {
            brake.count(sender, 1, &limits(), minutes(201));
        }
        assert!(!brake.count(u64::MAX, 1, &limits(), minutes(202)), "a full house lets nobody start anew");
    }
}
