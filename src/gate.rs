//! The gate: the only file that knows the order of the line.
//!
//!     accept -> parse -> extract -> detect -> decide -> act -> record
//!
//! [`scan`] is its pure half: same mail, same scan, for the daemon, `mailpoort scan`, the golden tests and the
//! fuzzers alike. `Gate::pass` is the other half: it lets a mail through, or tells its sender why not. Unknown
//! trouble is a 451, never a 250 and never a silent pass.

mod acquaintance;
mod around;
mod deadline;
mod door;
pub mod house;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use jiff::{Timestamp, Zoned};
use tokio::time::Instant;

use crate::act;
use crate::decide::Verdict;
use crate::detect::{self, Finding};
use crate::extract::{self, Texts};
use crate::message::{Day, Headers, Mail, Message};
use crate::outbox::Outbox;
use crate::record::{Entry, Record};
use crate::smtp::client::Relay;
use crate::smtp::{Content, Reply};
use door::Trip;
use house::{Bench, House, Tenant};

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

/// Judges a mail: parse, extract, detect, decide. Pure but for its documents, which reader processes read, and linear
/// in the size of the mail.
pub fn scan(mail: &Mail, tenant: &Tenant, bench: &Bench) -> Scan {
    judge(begin(mail, bench), mail, tenant, bench)
}

/// A mail that is read but for its documents.
struct Begun {
    headers: Headers,
    texts: extract::Begun,
}

/// The first half, which waits for nobody: parse, and extract all but documents.
fn begin(mail: &Mail, bench: &Bench) -> Begun {
    let limits = bench.limits.for_message(mail.raw.len());
    let message = Message::parse(&mail.raw, &limits);
    Begun { headers: message.headers().clone(), texts: extract::begin(&message, &limits) }
}

/// The other half: extract documents, detect, decide.
fn judge(begun: Begun, mail: &Mail, tenant: &Tenant, bench: &Bench) -> Scan {
    let texts = begun.texts.finish(bench.documents());
    let findings = detect::findings(&texts, &bench.rules.on(mail.day), tenant.names.as_ref());
    bench.judge(mail, tenant, begun.headers, texts, findings)
}

/// The gate of one installation; clones are the same gate.
#[derive(Clone)]
pub struct Gate(Arc<Inner>);

struct Inner {
    house: ArcSwap<House>,
    strikes: deadline::Strikes,
    incidents: act::Incidents,
    record: Record,
    outbox: Option<Outbox>,
}

impl Gate {
    /// A gate that knows this house, writes to this record, and keeps and owes mail in this outbox; without one it keeps
    /// nothing.
    pub fn new(house: House, record: Record, outbox: Option<Outbox>) -> Self {
        let (strikes, incidents) = (deadline::Strikes::default(), act::Incidents::default());
        Self(Arc::new(Inner { house: ArcSwap::from_pointee(house), strikes, incidents, record, outbox }))
    }

    /// The mail that it keeps and owes.
    pub fn outbox(&self) -> Option<&Outbox> {
        self.0.outbox.as_ref()
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
    /// What went where before stays known.
    pub fn reload(&self, mut house: House) {
        self.0.record.reopen();
        if let Some(bench) = Arc::get_mut(&mut house.bench) {
            bench.acquaintance = Arc::clone(&self.house().bench.acquaintance);
        }
        self.0.house.store(Arc::new(house));
    }

    /// One mail, from the end of its data to the reply for its client.
    async fn pass(&self, mut trip: Trip, relay: Relay, content: Content) -> Reply {
        let deadline = Instant::now() + ANSWER_WITHIN;
        let arrived = Timestamp::now().to_zoned(trip.house.time_zone.clone());
        let mail = Mail { envelope: trip.envelope(&relay), raw: content.raw, day: day(&arrived) };
        let mut entry = Entry::new(&trip.id, &trip.client, &mail);
        let judged = match watch::look(&trip, &mail) {
            Ok(seen) => self.scan_within_deadline(&trip, seen, mail, content.memory).await,
            Err(refusal) => Err(refusal),
        };
        let reply = match judged {
            Err(refusal) => act::refuse(relay, refusal).await,
            Ok(judged) => {
                let Scan { headers, texts, findings, verdict } = &judged.scan;
                entry.looked_at(&texts.receipts);
                entry.judged(&judged.tenant.school, headers, findings, verdict);
                match trip.take_way_of(&judged.tenant, relay).await {
                    Err(refusal) => refusal,
                    Ok(relay) => {
                        let mut case = trip.case(&judged, &arrived, deadline, self.outbox());
                        case.journal = entry.of_taken(verdict, &arrived).map(act::Journal::new);
                        let reply = act::carry_out(&case, relay, &self.0.incidents).await;
                        if case.journal.as_ref().is_some_and(act::Journal::is_kept) {
                            entry.kept();
                        }
                        if reply.is_ok() {
                            acquaintance::remember(&trip.house.bench, &judged.tenant, case.mail, case.verdict);
                        }
                        reply
                    }
                }
            }
        };
        self.0.record.line(entry.done(&reply, &arrived));
        reply
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
