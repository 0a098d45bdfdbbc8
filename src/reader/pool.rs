//! The reader processes of a gate: as many at a time as it may have, and some ready before they are needed.
//!
//! A message's documents share one process, or more where they are large and processes are free; no message waits for
//! another's. A process whose document kills it takes that document's rest along, and the next one gets a new process.
//! One that served its message is ended, and its parent, which starts a process far quicker than we do, waits with the
//! next one ([`process`](super::process)).
//! What cannot be started at all is tried again later and later, and until then documents are unread at once.

use std::collections::VecDeque;
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::Fault;
use super::answer::Listener;
use super::process::Process;
use super::seal::{Bounds, Seal};
use crate::extract::{Answer, Document, Documents, Unread, Why};
use crate::message::Limits;
use crate::meter::Counter;

/// How reader processes are had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The program: this one.
    pub program: PathBuf,
    /// Processes at the same time. A message always gets one, so for a moment there may be one more for each message
    /// that is scanned at the same time.
    pub processes: usize,
    /// Processes that wait, sealed, for the next message.
    pub spares: usize,
    /// What each may take.
    pub bounds: Bounds,
    /// Time for one document.
    pub per_document: Duration,
    /// Time for all documents of a message.
    pub per_message: Duration,
    /// What becomes of a machine that cannot seal them.
    pub sandbox: Sandbox,
}

/// What becomes of a machine whose kernel lacks a layer of the seal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sandbox {
    /// The layers that it has.
    #[default]
    Best,
    /// No document is read without all of them.
    Require,
}

impl Settings {
    /// Processes of this program: as many as there are cores, within these bounds.
    pub fn new(bounds: Bounds, per_document: Duration, per_message: Duration) -> Self {
        let processes = thread::available_parallelism().map_or(2, usize::from);
        Self {
            // Also when the file was replaced since we started: both ends are the same program.
            program: PathBuf::from("/proc/self/exe"),
            processes,
            spares: processes.min(MOST_SPARES),
            bounds,
            per_document,
            per_message,
            sandbox: Sandbox::default(),
        }
    }
}

impl Default for Settings {
    /// The bounds of the documented sample.
    fn default() -> Self {
        let bounds = Bounds { memory: 256 << 20, seconds: 17 };
        Self::new(bounds, Duration::from_secs(10), Duration::from_secs(15))
    }
}

/// More of them wait for nothing: a process starts in milliseconds.
const MOST_SPARES: usize = 4;
/// A process that has not sealed itself by then never will.
const START: Duration = Duration::from_secs(5);
/// The first and the longest pause after processes could not be started.
const PAUSE: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(30));
/// Octets of documents for which one more process is worth its start.
const WORTH_A_PROCESS: usize = 64 * 1024;

/// The reader processes; clones are the same ones. The last one that is dropped ends them all.
#[derive(Clone)]
pub struct Readers(Arc<Pool>);

struct Pool {
    shared: Arc<Shared>,
    keeper: OnceLock<Option<Keeper>>,
}

struct Shared {
    settings: Settings,
    state: Mutex<State>,
    counts: Counts,
}

/// What became of the processes.
#[derive(Debug, Default)]
pub struct Counts {
    /// Started and sealed.
    pub started: Counter,
    /// Could not be started, or not be sealed.
    pub not_started: Counter,
    /// Ended by us: their document took too long.
    pub late: Counter,
    /// Ended by us: their document holds more than the limits.
    pub too_much: Counter,
    /// Ended by us: they said what cannot be.
    pub lied: Counter,
    /// Died on their document.
    pub died: Counter,
}

#[derive(Default)]
struct State {
    spares: VecDeque<Process>,
    /// Spare ones that serve a message, and come back.
    away: usize,
    /// Processes that serve a message.
    running: usize,
    /// Failed starts in a row, and when the next is worth a try.
    failures: u32,
    not_before: Option<Instant>,
}

/// The thread that buries processes and starts spare ones. They die with the thread that started them, so it has to be
/// one that lives as long as the pool.
struct Keeper {
    orders: Option<Sender<Order>>,
    thread: Option<JoinHandle<()>>,
}

enum Order {
    Bury(Process),
    Fill,
}

/// Why no process could be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoReader(String);

impl fmt::Display for NoReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Readers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Readers").field(&self.0.shared.settings).finish()
    }
}

impl Readers {
    /// Reader processes of this kind. None is started before the first document, or [`Self::check`].
    pub fn new(settings: Settings) -> Self {
        let shared = Arc::new(Shared { settings, state: Mutex::default(), counts: Counts::default() });
        Self(Arc::new(Pool { shared, keeper: OnceLock::new() }))
    }

    /// How they are had.
    pub fn settings(&self) -> &Settings {
        &self.0.shared.settings
    }

    /// What became of them.
    pub fn counts(&self) -> &Counts {
        &self.0.shared.counts
    }

    /// Whether the last one that was asked for could be had.
    pub fn are_had(&self) -> bool {
        self.0.shared.lock().failures == 0
    }

    /// Tries whether one can be had, and has the spare ones started before there are documents.
    ///
    /// # Errors
    /// None can be had, or not with the seal that is asked for.
    pub fn check(&self) -> Result<Seal, NoReader> {
        let (process, seal) = self.0.shared.start()?;
        // Not kept: it would die with the thread that calls this.
        self.0.order(Order::Bury(process));
        Ok(seal)
    }
}

impl Documents for Readers {
    fn read(&self, documents: &[Document<'_>], limits: &Limits) -> Vec<Answer> {
        self.within(self.settings().per_message, documents, limits)
    }

    fn read_again(&self, documents: &[Document<'_>], limits: &Limits) -> Vec<Answer> {
        self.within(self.settings().per_message / 4, documents, limits)
    }
}

impl Readers {
    fn within(&self, time: Duration, documents: &[Document<'_>], limits: &Limits) -> Vec<Answer> {
        let settings = self.settings();
        let octets = documents.iter().map(|document| document.octets.len()).fold(0, usize::saturating_add);
        let workers = documents.len().min(settings.processes).min(1 + octets / WORTH_A_PROCESS);
        let message = Documented {
            pool: &self.0,
            documents,
            limits,
            until: Instant::now() + time,
            next: AtomicUsize::new(0),
            answers: documents.iter().map(|_| Mutex::default()).collect(),
        };
        thread::scope(|scope| {
            for _ in 1..workers {
                // Without a thread the others do its work.
                let _ = thread::Builder::new().spawn_scoped(scope, || message.serve(false));
            }
            message.serve(true);
        });
        message.answers.into_iter().map(|answer| answer.into_inner().unwrap_or_else(PoisonError::into_inner)).collect()
    }
}

/// The documents of one message, on their way through one process or more.
struct Documented<'m> {
    pool: &'m Pool,
    documents: &'m [Document<'m>],
    limits: &'m Limits,
    until: Instant,
    next: AtomicUsize,
    answers: Vec<Mutex<Answer>>,
}

impl Documented<'_> {
    /// Has documents read until there are no more. The first worker always gets a process; a further one only if one
    /// is free.
    fn serve(&self, is_first: bool) {
        let mut held = None;
        loop {
            if held.is_none() {
                held = self.pool.take(is_first);
            }
            if held.is_none() && !is_first {
                return;
            }
            let index = self.next.fetch_add(1, Ordering::Relaxed);
            let (Some(document), Some(answer)) = (self.documents.get(index), self.answers.get(index)) else { return };
            let read = self.document(document, &mut held, is_first);
            *answer.lock().unwrap_or_else(PoisonError::into_inner) = read;
        }
    }

    fn document<'p>(&'p self, document: &Document<'_>, held: &mut Option<Held<'p>>, is_first: bool) -> Answer {
        let mut listener = Listener::new(document, self.limits);
        let until = self.until.min(Instant::now() + self.pool.shared.settings.per_document);
        let mut result = Err(Fault::Died);
        // A process that died before it had the job did not die of it.
        for _ in 0..2 {
            if Instant::now() >= until {
                result = Err(Fault::Late);
                break;
            }
            if held.is_none() {
                *held = self.pool.take(is_first);
            }
            let Some(process) = held.as_mut().and_then(|held| held.process.as_mut()) else { break };
            result = process.ask(document, self.limits, until, &mut listener);
            let Err(fault) = result else { break };
            self.pool.shared.counts.of(fault).one();
            if let Some(process) = held.take().and_then(Held::release) {
                told(fault, process, document.octets.len());
            }
            if fault != Fault::Died || listener.begun {
                break;
            }
        }
        let mut answer = listener.answer;
        if let Err(fault) = result {
            let why = match fault {
                Fault::Late | Fault::TooMuch => Why::OverLimit,
                Fault::Died | Fault::Lied => Why::ReaderDied,
            };
            answer.texts.unread.push(Unread { place: document.place.clone(), why });
        }
        answer
    }
}

impl Counts {
    fn of(&self, fault: Fault) -> &Counter {
        match fault {
            Fault::Late => &self.late,
            Fault::TooMuch => &self.too_much,
            Fault::Lied => &self.lied,
            Fault::Died => &self.died,
        }
    }
}

/// Ends a process that did not answer, and says so without a word of the document.
fn told(fault: Fault, process: Process, octets: usize) {
    let process_id = process.id();
    let end = process.end();
    match fault {
        Fault::Late => {
            tracing::warn!(process_id, octets, "a document took too long to read and is unread from there on")
        }
        Fault::TooMuch => {
            tracing::warn!(process_id, octets, "a document holds more than the limits and is unread from there on")
        }
        Fault::Died => {
            tracing::warn!(process_id, octets, end, "a reader process died; its document is unread from there on")
        }
        Fault::Lied => {
            tracing::error!(process_id, octets, "a reader process said what cannot be; its document is unread")
        }
    }
}

/// A process while it serves a message.
struct Held<'p> {
    pool: &'p Pool,
    process: Option<Process>,
    /// It was a spare one.
    was_spare: bool,
}

impl Held<'_> {
    /// The process, to be ended by somebody else.
    fn release(mut self) -> Option<Process> {
        self.process.take()
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let mut process = self.process.take();
        let is_renewed = process.as_mut().is_some_and(Process::renew);
        let mut state = self.pool.shared.lock();
        state.running -= 1;
        state.away -= usize::from(self.was_spare);
        if is_renewed {
            state.spares.extend(process);
            return;
        }
        drop(state);
        self.pool.order(process.map_or(Order::Fill, Order::Bury));
    }
}

impl Pool {
    /// A process for a message: a spare one, or a new one.
    fn take(&self, is_first: bool) -> Option<Held<'_>> {
        let mut state = self.shared.lock();
        if !is_first && state.running >= self.shared.settings.processes {
            return None;
        }
        state.running += 1;
        drop(state);
        let mut held = Held { pool: self, process: None, was_spare: false };
        while held.process.is_none()
            && let Some(mut spare) = self.shared.spare()
        {
            held.was_spare = spare.is_fresh();
            if held.was_spare {
                held.process = Some(spare);
            } else {
                self.shared.lock().away -= 1;
                self.order(Order::Bury(spare));
            }
        }
        if held.process.is_none() {
            // There was none, so there are too few.
            self.order(Order::Fill);
            held.process = Some(self.shared.start().ok()?.0);
        }
        Some(held)
    }

    fn order(&self, order: Order) {
        let keeper = self.keeper.get_or_init(|| Keeper::start(&self.shared));
        // Without a keeper there are no spares, and a process is buried here.
        if let Some(orders) = keeper.as_ref().and_then(|keeper| keeper.orders.as_ref()) {
            let _ = orders.send(order);
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        if let Some(Some(mut keeper)) = self.keeper.take() {
            keeper.orders = None;
            let _ = keeper.thread.take().map(JoinHandle::join);
        }
    }
}

impl Keeper {
    fn start(shared: &Arc<Shared>) -> Option<Self> {
        let (orders, waiting) = channel();
        let shared = Arc::clone(shared);
        let thread = thread::Builder::new().name("readers".into()).spawn(move || shared.keep(&waiting)).ok()?;
        Some(Self { orders: Some(orders), thread: Some(thread) })
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has_too_few(&self) -> bool {
        let state = self.lock();
        state.spares.len() + state.away < self.settings.spares
    }

    /// The spare process that waits longest: the one whose reader was born longest ago.
    fn spare(&self) -> Option<Process> {
        let mut state = self.lock();
        let spare = state.spares.pop_front();
        state.away += usize::from(spare.is_some());
        spare
    }

    fn keep(&self, orders: &Receiver<Order>) {
        while let Ok(order) = orders.recv() {
            match order {
                Order::Bury(process) => drop(process),
                Order::Fill => {}
            }
            while self.has_too_few() {
                let Ok((mut spare, _)) = self.start() else { break };
                spare.stay();
                self.lock().spares.push_back(spare);
            }
        }
        // Here, since they would die with this thread anyway.
        let spares = std::mem::take(&mut self.lock().spares);
        drop(spares);
    }

    /// A new process, sealed.
    ///
    /// # Errors
    /// None can be had now. After a second failure in a row this is said without a try for a while.
    fn start(&self) -> Result<(Process, Seal), NoReader> {
        if self.lock().not_before.is_some_and(|moment| Instant::now() < moment) {
            return Err(NoReader("reader processes could not be started; a next try waits".into()));
        }
        let started = self.sealed();
        let mut state = self.lock();
        match &started {
            Ok(_) => {
                self.counts.started.one();
                (state.failures, state.not_before) = (0, None);
            }
            Err(failure) => {
                self.counts.not_started.one();
                state.failures = state.failures.saturating_add(1);
                let pause = PAUSE.0.saturating_mul(1 << state.failures.min(10)).min(PAUSE.1);
                state.not_before = (state.failures > 1).then(|| Instant::now() + pause);
                tracing::error!(%failure, "no reader process for documents; they are unread until there is one");
            }
        }
        started
    }

    fn sealed(&self) -> Result<(Process, Seal), NoReader> {
        let mut process = Process::start(&self.settings)
            .map_err(|error| NoReader(format!("a reader process could not be started: {error}")))?;
        match process.born(Instant::now() + START) {
            Ok(seal) if self.settings.sandbox == Sandbox::Require && !seal.is_whole() => {
                Err(NoReader(format!("this machine cannot seal reader processes whole ({seal})")))
            }
            Ok(seal) => Ok((process, seal)),
            Err(fault) => {
                Err(NoReader(format!("a reader process did not come to its seal: {fault:?}, {}", process.end())))
            }
        }
    }
}
