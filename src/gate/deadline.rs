//! The scan with a deadline and a net under it: a scanner that panics or runs late costs one message a 451, the same
//! message a second time its readability, and nobody else anything.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::decide::Mode;
use crate::extract::{Place, Texts, Unread, Why};
use crate::gate::door::Trip;
use crate::gate::house::{Bench, Tenant};
use crate::gate::watch::Seen;
use crate::gate::{Gate, Read, Scan, begin, judge, read};
use crate::message::{Headers, Mail, header};
use crate::smtp::Reply;
use crate::smtp::budget::Reservation;

/// A mail with what judging it came to.
pub(super) struct Judged {
    /// The mail.
    pub held: Arc<Held>,
    /// The scan.
    pub scan: Scan,
    /// The school.
    pub tenant: Arc<Tenant>,
}

/// A mail and the memory that it takes: a late scan goes on holding both.
pub(super) struct Held {
    /// The mail.
    pub mail: Mail,
    _memory: Reservation,
}

/// A message up to this size and without documents is scanned where it is: the way to another thread costs more than
/// the scan, and a linear scan of so little is never late.
const SMALL: usize = 64 * 1024;

impl Gate {
    pub(super) async fn scan_within_deadline(
        &self,
        trip: &Trip,
        seen: Seen,
        mail: Mail,
        mut memory: Reservation,
    ) -> Result<Judged, Reply> {
        let Seen { tenant, journal_report } = seen;
        if journal_report {
            let scan = Scan::unscanned(&mail);
            return Ok(Judged { held: Arc::new(Held { mail, _memory: memory }), scan, tenant });
        }
        // What is decoded is held beside what came.
        if !memory.grow(mail.raw.len()) {
            return Err(Reply::no_memory());
        }
        let (bench, deadline) = (Arc::clone(&trip.house.bench), trip.house.scan_deadline);
        let held = Arc::new(Held { mail, _memory: memory });
        let (pause, began) = (self.0.pauses.ceiling(&tenant.school.id), Instant::now());
        let scan = self.scan_held(&held, &tenant, &bench, (deadline, pause)).await?;
        if let Some(scan) = scan {
            self.0.counts.judged(&scan.verdict, began.elapsed());
            return Ok(Judged { held, scan, tenant });
        }
        if !self.0.strikes.is_second(key(&held.mail)) {
            tracing::error!(id = trip.id, "the scanner failed on a message; its client will try again");
            return Err(Reply::scanner_failed());
        }
        tracing::error!(id = trip.id, "the scanner failed twice on the same message; policy decides on it as unread");
        let unread = vec![Unread { place: Place::default(), why: Why::ScannerFailed }];
        let texts = Texts { unread, ..Texts::default() };
        let scan = bench.judge(&held.mail, &tenant, pause, (Headers::default(), texts, Vec::new()));
        self.0.counts.judged(&scan.verdict, began.elapsed());
        Ok(Judged { held, scan, tenant })
    }
}

impl Gate {
    /// Scans a mail, and none when the scanner fails on it. What waits for readers waits apart, so that nothing else
    /// waits for it.
    async fn scan_held(
        &self,
        held: &Arc<Held>,
        tenant: &Arc<Tenant>,
        bench: &Arc<Bench>,
        (deadline, pause): (Duration, Mode),
    ) -> Result<Option<Scan>, Reply> {
        let strikes = &self.0.strikes;
        let is_small = held.mail.raw.len() <= SMALL;
        let begun = if is_small {
            caught(|| begin(&held.mail, bench))
        } else {
            let place = turn(&strikes.places, deadline).await?;
            let (held, bench) = (Arc::clone(held), Arc::clone(bench));
            elsewhere(deadline, place, move || begin(&held.mail, &bench)).await
        };
        let Some(begun) = begun else { return Ok(None) };
        let place = match begun.texts.has_more() {
            false if is_small => {
                return Ok(caught(|| {
                    judge(read(begun, &held.mail, tenant, bench).without_pictures(), &held.mail, tenant, bench, pause)
                }));
            }
            false => turn(&strikes.places, deadline).await?,
            true => turn(&strikes.reading, deadline).await?,
        };
        let work = {
            let (held, tenant, bench) = (Arc::clone(held), Arc::clone(tenant), Arc::clone(bench));
            move || match read(begun, &held.mail, &tenant, &bench) {
                read if read.waits(&bench) => Stage::Pictures(read),
                read => Stage::Judged(judge(read.without_pictures(), &held.mail, &tenant, &bench, pause)),
            }
        };
        match elsewhere(deadline, place, work).await {
            Some(Stage::Pictures(read)) => self.recognise_held(read, held, (tenant, bench), (deadline, pause)).await,
            Some(Stage::Judged(scan)) => Ok(Some(scan)),
            None => Ok(None),
        }
    }

    /// The rest of a mail with pictures, which take as long as all else together: they wait for one another, and no
    /// other mail for them. Where only photos wait, the mail does not: they are let through unread anyway.
    async fn recognise_held(
        &self,
        read: Read,
        held: &Arc<Held>,
        (tenant, bench): (&Arc<Tenant>, &Arc<Bench>),
        (deadline, pause): (Duration, Mode),
    ) -> Result<Option<Scan>, Reply> {
        let (held, tenant, bench) = (Arc::clone(held), Arc::clone(tenant), Arc::clone(bench));
        let time = bench.recognisers.as_ref().map_or(deadline, |all| deadline + all.settings().per_message);
        match turn(&self.0.strikes.recognising, deadline).await {
            Ok(place) => {
                let work = move || judge(read.with_pictures(&bench), &held.mail, &tenant, &bench, pause);
                Ok(elsewhere(time, place, work).await)
            }
            Err(busy) if read.texts.has_scans() => Err(busy),
            Err(_) => Ok(caught(|| judge(read.without_pictures(), &held.mail, &tenant, &bench, pause))),
        }
    }
}

/// How far a mail has come whose documents are read.
enum Stage {
    /// To the end.
    Judged(Scan),
    /// To its pictures.
    Pictures(Read),
}

/// A place among the scans that run at the same time. A turn that does not come is no fault of the mail.
async fn turn(places: &Arc<Semaphore>, deadline: Duration) -> Result<OwnedSemaphorePermit, Reply> {
    match timeout(deadline, Arc::clone(places).acquire_owned()).await {
        Ok(Ok(place)) => Ok(place),
        Ok(Err(_)) | Err(_) => Err(Reply::scanner_busy()),
    }
}

/// Works on a thread of its own. Work that runs late keeps its thread, its memory and its place until it ends, so that
/// late scans can't pile up.
async fn elsewhere<T: Send + 'static>(
    deadline: Duration,
    place: OwnedSemaphorePermit,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let working = tokio::task::spawn_blocking(move || {
        let _place = place;
        caught(work)
    });
    timeout(deadline, working).await.ok()?.ok()?
}

impl Scan {
    /// A journal report: nothing was looked at, and it passes.
    fn unscanned(mail: &Mail) -> Self {
        let decision = crate::decide::Decision {
            route: crate::decide::Route::Pass,
            otherwise: crate::decide::Route::Pass,
            asked: crate::decide::Ask::Pass,
            class: "archive".into(),
            line: "journal_archive".into(),
            advice: None,
            advise: false,
            discreet: false,
            next: Vec::new(),
            level: crate::level::Level::default(),
            attachments: false,
        };
        let verdict =
            crate::decide::Verdict { decisions: vec![decision; mail.envelope.recipients.len()], ..Default::default() };
        Self { headers: Headers::default(), texts: Texts::default(), findings: Vec::new(), verdict }
    }
}

fn caught<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}

/// Which messages the scanner failed on, in memory only.
#[derive(Debug)]
pub(super) struct Strikes {
    seen: Mutex<HashMap<u64, Instant>>,
    /// Scans of large messages at the same time.
    places: Arc<Semaphore>,
    /// Scans of messages with documents at the same time.
    reading: Arc<Semaphore>,
    /// Scans of messages with pictures in which text is recognised, at the same time.
    recognising: Arc<Semaphore>,
}

/// A client comes back within hours, if not minutes.
const REMEMBERED: Duration = Duration::from_secs(6 * 3600);
/// More failing messages than this and the scanner has another problem.
const MOST: usize = 10_000;

impl Default for Strikes {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let places = || Arc::new(Semaphore::new(cores.max(2)));
        Self { seen: Mutex::default(), places: places(), reading: places(), recognising: places() }
    }
}

impl Strikes {
    /// Notes a failure; whether it is not the first on this message.
    fn is_second(&self, key: u64) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.retain(|_, since| since.elapsed() < REMEMBERED);
        if seen.len() >= MOST {
            seen.clear();
        }
        seen.insert(key, Instant::now()).is_some()
    }
}

/// Sender and Message-ID, or the content where there is none.
fn key(mail: &Mail) -> u64 {
    let mut hasher = DefaultHasher::new();
    mail.envelope.sender.as_ref().map(|sender| sender.folded()).hash(&mut hasher);
    match header::value_of(&mail.raw, "Message-ID") {
        Some(id) => id.hash(&mut hasher),
        None => mail.raw.hash(&mut hasher),
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_failure_on_a_message_counts() {
        let strikes = Strikes::default();
        assert!(!strikes.is_second(1));
        assert!(!strikes.is_second(2));
        assert!(strikes.is_second(1));
    }
}
