//! The gate: the only file that knows the order of the line.
//!
//!     accept -> parse -> extract -> detect -> decide -> act -> record
//!
//! [`scan`] is its pure half: same mail, same scan, for the daemon, `mailpoort scan`, the golden tests and the
//! fuzzers alike. `Gate::pass` is the other half: it lets a mail through, or tells its sender why not. Unknown
//! trouble is a 451, never a 250 and never a silent pass.

mod acquaintance;
mod around;
mod asked;
mod counts;
mod deadline;
mod desk;
mod door;
pub mod flood;
mod hosts;
pub mod house;
mod later;
pub mod pause;
mod portal;
mod shares;
pub mod told;
mod watch;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use jiff::{Timestamp, Zoned};
use tokio::time::Instant;

use crate::act;
use crate::decide::{Mode, Verdict};
use crate::detect::{self, Finding};
use crate::extract::{self, Texts};
use crate::message::{Day, Headers, Mail, Message};
use crate::outbox::Outbox;
use crate::record::{Entry, Record};
use crate::share::Shares;
use crate::smtp::client::Relay;
use crate::smtp::{Content, Reply};
pub use counts::Counts;
use door::Trip;
use house::{Bench, House, Tenant};
use watch::Seen;

/// What judging one mail came to.
#[derive(Debug, Clone)]
pub struct Scan {
    /// The facts of its header section.
    pub headers: Headers,
    /// What was read, and what was not.
    pub texts: Texts,
    /// What was found in it.
    pub findings: Vec<Finding>,
    /// What was decided.
    pub verdict: Verdict,
}

/// Judges a mail: parse, extract, detect, decide. Pure but for its documents and pictures, which processes of their own
/// read, and linear in the size of the mail.
pub fn scan(mail: &Mail, tenant: &Tenant, bench: &Bench) -> Scan {
    let read = read(begin(mail, bench), mail, tenant, bench);
    judge(read.with_pictures(bench), mail, tenant, bench, Mode::Enforce)
}

/// A mail that is read but for its documents and pictures.
struct Begun {
    headers: Headers,
    texts: extract::Begun,
}

/// The first part, which waits for nobody: parse, and extract all but documents and pictures.
fn begin(mail: &Mail, bench: &Bench) -> Begun {
    let limits = bench.limits.for_message(mail.raw.len());
    let message = Message::parse(&mail.raw, &limits);
    Begun { headers: message.headers().clone(), texts: extract::begin(&message, &limits) }
}

/// A mail that is read but for its pictures.
struct Read {
    headers: Headers,
    texts: extract::Read,
}

/// The second part: extract documents.
fn read(begun: Begun, mail: &Mail, tenant: &Tenant, bench: &Bench) -> Read {
    let told_before = told::recall(bench, tenant, mail);
    Read { headers: begun.headers, texts: begun.texts.finish(bench.documents(), &told_before) }
}

impl Read {
    /// Whether it has pictures, and somebody to recognise text in them.
    fn waits(&self, bench: &Bench) -> bool {
        bench.recognisers.is_some() && self.texts.has_pictures()
    }

    /// The third part, which takes longest: recognise text in pictures.
    fn with_pictures(self, bench: &Bench) -> (Headers, Texts) {
        match &bench.recognisers {
            Some(recognisers) if self.texts.has_pictures() => (self.headers, self.texts.recognise(recognisers)),
            _ => self.without_pictures(),
        }
    }

    /// Its pictures are unread.
    fn without_pictures(self) -> (Headers, Texts) {
        (self.headers, self.texts.without_pictures())
    }
}

/// The last part: detect, decide.
fn judge((headers, texts): (Headers, Texts), mail: &Mail, tenant: &Tenant, bench: &Bench, pause: Mode) -> Scan {
    let codes = bench.share_codes.load();
    let known = (&**codes, tenant.school.id.as_str());
    let findings = detect::findings_with(&texts, &bench.rules.on(mail.day), tenant.names.as_ref(), known);
    bench.judge(mail, tenant, pause, (headers, texts, findings))
}

/// The gate of one installation; clones are the same gate.
#[derive(Clone)]
pub struct Gate(Arc<Inner>);

struct Inner {
    house: ArcSwap<House>,
    strikes: deadline::Strikes,
    incidents: act::Incidents,
    later: later::Later,
    brake: flood::Brake,
    pauses: pause::Watch,
    counts: Counts,
    record: Record,
    outbox: Option<Outbox>,
    shares: OnceLock<Shares>,
}

impl Gate {
    /// A gate that knows this house, writes to this record, and keeps and owes mail in this outbox; without one it keeps
    /// nothing.
    pub fn new(house: House, record: Record, outbox: Option<Outbox>) -> Self {
        Self(Arc::new(Inner {
            house: ArcSwap::from_pointee(house),
            strikes: deadline::Strikes::default(),
            incidents: act::Incidents::default(),
            later: later::Later::default(),
            brake: flood::Brake::default(),
            pauses: pause::Watch::default(),
            counts: Counts::default(),
            record,
            outbox,
            shares: OnceLock::new(),
        }))
    }

    /// What it has counted.
    pub fn counts(&self) -> &Counts {
        &self.0.counts
    }

    /// The mail that it keeps and owes.
    pub fn outbox(&self) -> Option<&Outbox> {
        self.0.outbox.as_ref()
    }

    /// Makes secure shares from now on, with these; the first time counts.
    pub fn share_with(&self, shares: Shares) {
        let _ = self.0.shares.set(shares);
    }

    /// The secure shares; none makes none.
    pub fn shares(&self) -> Option<&Shares> {
        self.0.shares.get()
    }

    /// The house now.
    pub fn house(&self) -> Arc<House> {
        self.0.house.load_full()
    }

    /// Its journal.
    pub fn record(&self) -> &Record {
        &self.0.record
    }

    /// Swaps the house whole, and opens the journal anew. Transactions that are open keep the house they began with.
    /// What went where before stays known, and what was told to whom.
    pub fn reload(&self, mut house: House) {
        self.0.record.reopen();
        if let Some(bench) = Arc::get_mut(&mut house.bench) {
            let before = self.house();
            // Shares begin at a start alone.
            bench.means.share &= self.shares().is_some();
            bench.acquaintance = Arc::clone(&before.bench.acquaintance);
            bench.share_codes = Arc::clone(&before.bench.share_codes);
            let lasts = |told: &Option<Arc<told::Told>>| told.as_ref().map(|told| told.lasts());
            if lasts(&bench.told) == lasts(&before.bench.told) {
                bench.told.clone_from(&before.bench.told);
            }
        }
        self.0.house.store(Arc::new(house));
    }

    /// One mail, from the end of its data to the reply for its client.
    async fn pass(&self, mut trip: Trip, relay: Relay, content: Content) -> Reply {
        let deadline = Instant::now() + ANSWER_WITHIN;
        let arrived = Timestamp::now().to_zoned(trip.house.time_zone.clone());
        let mail = Mail { envelope: trip.envelope(&relay), raw: content.raw, day: day(&arrived) };
        let mut entry = Entry::new(&trip.id, &trip.client, &mail);
        let (octets, mut route, mut counted) = (mail.raw.len(), None, None);
        let judged = match watch::look(&trip, &mail).and_then(|seen| self.not_too_much(&trip, seen, &mail, &mut entry))
        {
            Ok((seen, braked)) => {
                counted = braked;
                hosts::look_up(&trip.house, &mail).await;
                self.scan_within_deadline(&trip, seen, mail, content.memory).await
            }
            Err(refusal) => Err(refusal),
        };
        let reply = match judged {
            Err(refusal) => act::refuse(relay, refusal).await,
            Ok(judged) => {
                let Scan { headers, texts, findings, verdict } = &judged.scan;
                entry.looked_at(&texts.receipts);
                entry.judged(&judged.tenant.school, headers, findings, verdict);
                route = Some(verdict.strictest());
                match trip.take_way_of(&judged.tenant, relay).await {
                    Err(refusal) => refusal,
                    Ok(relay) => {
                        let mut case = trip.case(&judged, &arrived, deadline, (self.outbox(), self.shares()));
                        case.journal = entry.of_taken(verdict, &arrived).map(act::Journal::new);
                        let advice = self.advice(&case);
                        let reply = act::carry_out(&case, relay, &self.0.incidents).await;
                        if case.journal.as_ref().is_some_and(act::Journal::is_kept) {
                            entry.kept();
                        }
                        if reply.is_ok() {
                            self.advise(&case.school.id, advice);
                            acquaintance::remember(&trip.house.bench, &judged.tenant, case.mail, case.verdict);
                            told::remember(&trip.house.bench, &judged.tenant, case.mail, case.verdict, texts);
                        }
                        reply
                    }
                }
            }
        };
        if let Some(counted) = counted.filter(|_| !reply.is_ok() && !reply.is_permanent()) {
            self.0.brake.take_back(&counted);
        }
        self.0.counts.answered(route, octets, reply.code());
        self.0.record.line(entry.done(&reply, &arrived));
        reply
    }

    /// The flood brake, with its line in the journal.
    fn not_too_much(
        &self,
        trip: &Trip,
        seen: Seen,
        mail: &Mail,
        entry: &mut Entry,
    ) -> Result<(Seen, Option<flood::Counted>), Reply> {
        let braked = self.0.brake.let_through(mail, &trip.house);
        if braked.is_err() {
            tracing::warn!(id = trip.id, "a sender sends too much; its client will try again");
            self.0.counts.braked.one();
            entry.judged(&seen.tenant.school, &Headers::default(), &[], &flood::held_back(mail));
        }
        braked.map(|counted| (seen, counted))
    }
}

/// The day of a moment, where the school is.
pub fn day(moment: &Zoned) -> Day {
    let date = moment.date();
    Day::new(date.year().unsigned_abs(), date.month().unsigned_abs(), date.day().unsigned_abs())
}

/// The client has its answer within this time of its final dot: RFC 5321 4.5.3.2.6 lets it wait ten minutes, and a
/// client that gives up sends the message again, which we may have delivered.
const ANSWER_WITHIN: Duration = Duration::from_secs(540);
