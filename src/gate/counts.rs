//! What the gate counts: messages, what was found and unread in them, notices, and the time it took.

use std::time::Duration;

use crate::decide::{CONFIDENTIAL, Route, Verdict};
use crate::detect::Kind;
use crate::extract::Why;
use crate::meter::{Counter, Histogram, OCTETS, Replies, SECONDS};

/// The counters of a gate; they outlive reloads.
#[derive(Debug)]
pub struct Counts {
    /// Messages by what was done with them ([`OUTCOMES`]), and the reply that their client got.
    messages: [Replies; OUTCOMES.len()],
    findings: [Counter; Kind::ALL.len()],
    unread: [Counter; Why::ALL.len()],
    /// Messages that the flood brake held back.
    pub braked: Counter,
    /// Notes that nobody could be told for a month, and that are erased.
    pub untold: Counter,
    /// From the end of the data to the verdict, readers and turns included.
    pub scan_time: Histogram,
    /// Octets as they came.
    pub size: Histogram,
    reloads: [Counter; 2],
}

/// What becomes of a message; `refused` is before anything was decided.
const OUTCOMES: [&str; 6] = ["pass", "tls", "share", "defer", "block", "refused"];

impl Default for Counts {
    fn default() -> Self {
        Self {
            messages: Default::default(),
            findings: Default::default(),
            unread: Default::default(),
            braked: Counter::default(),
            untold: Counter::default(),
            scan_time: Histogram::new(SECONDS),
            size: Histogram::new(OCTETS),
            reloads: Default::default(),
        }
    }
}

impl Counts {
    /// A message was judged.
    pub(super) fn judged(&self, verdict: &Verdict, took: Duration) {
        self.scan_time.time(took);
        // Of mail to a confidential adviser only that it went: on a quiet day a number tells whose it was.
        if verdict.decisions.iter().any(|decision| &*decision.class == CONFIDENTIAL) {
            return;
        }
        for (kind, count) in &verdict.kinds {
            Kind::ALL.iter().zip(&self.findings).filter(|(known, _)| *known == kind).for_each(|(_, c)| c.add(*count));
        }
        for why in &verdict.unread {
            Why::ALL.iter().zip(&self.unread).filter(|(known, _)| *known == why).for_each(|(_, c)| c.one());
        }
    }

    /// A message was answered; no route when it was refused before anything was decided.
    pub(super) fn answered(&self, route: Option<Route>, octets: usize, code: u16) {
        self.size.note(octets as f64);
        let outcome = match route {
            Some(Route::Pass) => 0,
            Some(Route::Tls) => 1,
            Some(Route::Share) => 2,
            Some(Route::Defer) => 3,
            Some(Route::Block) => 4,
            None => 5,
        };
        self.messages[outcome].one(code);
    }

    /// Everything was read anew, and was good or was not.
    pub fn reloaded(&self, is_good: bool) {
        self.reloads[usize::from(!is_good)].one();
    }

    /// Messages: outcome, class of the reply, number.
    pub fn messages(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
        OUTCOMES
            .into_iter()
            .zip(&self.messages)
            .flat_map(|(outcome, replies)| replies.all().map(move |(class, number)| (outcome, class, number)))
    }

    /// How the senders of blocked mail were told, and how many: by a notice (a client that sends the same again counts
    /// again), in the session, or not yet.
    pub fn told(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let blocked = self.messages().filter(|(outcome, ..)| *outcome == "block").map(|(.., number)| number);
        ["notice", "not_yet", "in_session"].into_iter().zip(blocked)
    }

    /// Findings that count, by kind.
    pub fn findings(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Kind::ALL.into_iter().map(Kind::word).zip(self.findings.iter().map(Counter::get))
    }

    /// Messages with something unread, by reason.
    pub fn unread(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Why::ALL.into_iter().map(Why::word).zip(self.unread.iter().map(Counter::get))
    }

    /// Reloads, good and bad.
    pub fn reloads(&self) -> impl Iterator<Item = (&'static str, u64)> {
        ["good", "bad"].into_iter().zip(self.reloads.iter().map(Counter::get))
    }
}
