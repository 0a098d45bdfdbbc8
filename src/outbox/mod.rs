//! The outbox: mail that we owe. Taken in one commit, delivered as often as it needs, never lost, never given up in
//! silence.
//!
//! [`Outbox::take`] returns when everything is on the disk: only then may anybody say 250. [`Outbox::run`] claims what is
//! due with a lease, hands it to the next hop, and writes down what came of it; a kill between the next hop's 250 and
//! that commit is a duplicate (RFC 1047), and a kill anywhere else is nothing. Recipients that are refused for good, or
//! for too long, are told to the sender; a notice of ours that is refused makes no other notice. Never decides who may
//! have a mail, never logs an address.

mod around;
mod delivery;
mod forced;
mod lanes;

use std::collections::HashSet;
use std::fmt;
use std::fs::{DirBuilder, File, TryLockError};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

pub use around::{Around, Failure, KeptBack, NotNow, SharedInstead, Unproven, Unreached, Way};
pub use forced::{REQUIRE, Road};
use lanes::{Entry, Lanes, Place};
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;

use crate::kill::Point;
use crate::message::Mailbox;
use crate::problem::Problem;
use crate::seal::{Index, SealKey};
use crate::store::held::{Choice, Held, Taken, Took};
use crate::store::notes::{NewNote, Notes};
use crate::store::owed::{ASKED, Claimed, Closed, Envelope, Kind, NewOwed, To};
use crate::store::{self, Store, StoreError};
use crate::vault::{Item, Vault, VaultError};

/// How mail is tried again.
#[derive(Debug, Clone, Copy)]
pub struct Retry {
    /// After the first failed try; doubled after each further one.
    pub after: Duration,
    /// No longer than this between two tries.
    pub most: Duration,
    /// Given up after this.
    pub give_up: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        Self { after: minutes(1), most: minutes(60), give_up: minutes(2 * 24 * 60) }
    }
}

/// Mail that we owe. Clones are the same outbox.
#[derive(Debug, Clone)]
pub struct Outbox(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    vault: Vault,
    keys: Arc<SealKey>,
    retry: Retry,
    wake: Notify,
    stopping: AtomicBool,
    /// Held for as long as this outbox lives: two gates on one folder would deliver everything twice.
    _lock: Option<File>,
}

/// Why a mail could not be taken, or carried on.
#[derive(Debug)]
pub enum OutboxError {
    /// The tables.
    Store(StoreError),
    /// The sealed mails.
    Vault(VaultError),
}

impl OutboxError {
    /// Whether there is no room on the disk.
    pub fn is_full(&self) -> bool {
        match self {
            Self::Store(error) => *error == StoreError::Full,
            Self::Vault(error) => error.is_full(),
        }
    }
}

impl fmt::Display for OutboxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::Vault(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for OutboxError {}

impl From<StoreError> for OutboxError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<VaultError> for OutboxError {
    fn from(error: VaultError) -> Self {
        Self::Vault(error)
    }
}

/// Deliveries under proven TLS at the same time: each waits for strangers.
const FORCED_AT_ONCE: usize = 16;
/// Other deliveries at the same time; the last quarter of them for ways that have none, see [`Lanes`].
const AT_ONCE: usize = 16;
/// Deliveries to one next hop, or one domain, at the same time: few, since mail that passes goes first on the next hop's
/// connections, and one that answers nobody holds up no other's mail.
const EACH: usize = 4;
/// Who claims a mail has this long to deliver it. Longer than any delivery takes: two at once would be a duplicate.
const LEASE: Duration = Duration::from_secs(900);
/// With nothing due, and nobody who wakes us, we look again after this: a clock may have jumped, or `mailpoort outbox
/// retry` has made something due.
const LOOK: Duration = Duration::from_secs(15);
/// Items that nothing needs any more are looked for this often: it takes a look at all of them.
const SWEEP: Duration = Duration::from_secs(60);
/// With the store or the vault unwritable, that is tried again after this, and nothing is delivered until then: what came
/// of it could not be written down, and it would be delivered twice.
const TROUBLE: Duration = Duration::from_secs(2);
/// The same part of a mail, sent again within this time, is the client's second try: servers wait up to an hour before
/// theirs. What is purged after it: `Aged::TakenMarks`.
const AGAIN: Duration = Duration::from_secs(2 * 3600);

/// The owed mail that is on its way now, by its id: a lease is only as good as the clock, and what is delivered twice at
/// the same time arrives twice.
#[derive(Default)]
struct UnderWay(Arc<Mutex<HashSet<i64>>>);

/// Until it is dropped, nobody else delivers that mail.
struct Alone(Arc<Mutex<HashSet<i64>>>, i64);

impl UnderWay {
    /// None when it is on its way already.
    fn begin(&self, id: i64) -> Option<Alone> {
        let mut ids = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ids.insert(id).then(|| Alone(Arc::clone(&self.0), id))
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.1);
    }
}

impl Outbox {
    /// The outbox of a data folder, for a gate that serves: nobody else serves it at the same time. Folder, key and
    /// tables are made when there are none.
    ///
    /// # Errors
    /// A [`Problem`] when one of these cannot be had, or another gate has the folder.
    pub fn open(data_dir: &Path, retry: Retry) -> Result<Self, Problem> {
        let unusable = |error: std::io::Error| {
            let what = format!("the data folder cannot be used: {error}");
            Problem::new(data_dir, what, "give mailpoort a `data_dir` that it may write to")
        };
        DirBuilder::new().recursive(true).mode(0o700).create(data_dir).map_err(unusable)?;
        let lock = Self::lock(data_dir)?;
        Self::on(data_dir, retry, Some(lock))
    }

    /// Keeps every gate from serving with a data folder for as long as the file lives.
    ///
    /// # Errors
    /// A [`Problem`] when one serves.
    pub fn lock(data_dir: &Path) -> Result<File, Problem> {
        let file = data_dir.join("lock");
        let unusable = |error: std::io::Error| {
            Problem::new(&file, format!("it cannot be locked: {error}"), "check the owner and rights of the folder")
        };
        let lock = File::create(&file).map_err(unusable)?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => Problem::new(
                data_dir,
                "another mailpoort serves with this data folder",
                "stop that one, or give this one a `data_dir` of its own",
            ),
            TryLockError::Error(error) => unusable(error),
        })?;
        Ok(lock)
    }

    /// The outbox of a data folder, to look into beside the gate that serves it.
    ///
    /// # Errors
    /// A [`Problem`] when there is none, or it cannot be read.
    pub fn beside(data_dir: &Path) -> Result<Self, Problem> {
        if !data_dir.join(store::FILE).is_file() {
            let remedy = "give the configuration of the gate with --config, and start that gate once";
            return Err(Problem::new(data_dir, "there is no store in this folder", remedy));
        }
        Self::on(data_dir, Retry::default(), None)
    }

    fn on(data_dir: &Path, retry: Retry, lock: Option<File>) -> Result<Self, Problem> {
        let keys = Arc::new(SealKey::load_or_make(&data_dir.join(SealKey::FILE))?);
        let (store, vault) = (Store::open(data_dir, Arc::clone(&keys))?, Vault::open(data_dir, Arc::clone(&keys))?);
        let (wake, stopping) = (Notify::new(), AtomicBool::new(false));
        Ok(Self(Arc::new(Inner { store, vault, keys, retry, wake, stopping, _lock: lock })))
    }

    /// The tables.
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    /// The sealed mails.
    pub fn vault(&self) -> &Vault {
        &self.0.vault
    }

    /// Why nothing can be taken now, in words for the operator that hold no path or value; none when it can.
    pub fn trouble(&self) -> Option<&'static str> {
        let of_store = self.0.store.trouble().map(|error| match error {
            StoreError::Full => "the disk of the store is full",
            StoreError::Busy => "the store is locked by another process",
            _ => "the store cannot be written",
        });
        of_store.or_else(|| self.0.vault.trouble().map(|_| "the files of the vault cannot be written"))
    }

    /// The keys of the data folder.
    pub fn keys(&self) -> &SealKey {
        &self.0.keys
    }

    /// When mail that is owed from now on is given up, milliseconds.
    pub fn gives_up_at(&self, now: i64) -> i64 {
        now.saturating_add(millis(self.0.retry.give_up))
    }

    /// Takes a mail. When this returns it is sealed and on the disk, with all that is owed because of it.
    ///
    /// # Errors
    /// [`OutboxError`]; nothing was taken then.
    pub async fn take(&self, taken: Taken) -> Result<Took, OutboxError> {
        let files: Vec<String> =
            taken.items.iter().filter(|item| item.sealed.is_none()).map(|i| i.id.clone()).collect();
        let owes = !taken.owed.is_empty() || taken.share.is_some();
        let took = self.0.store.take(taken, store::now(), millis(AGAIN)).await;
        // What a part that joined another has put there for nothing goes with the next sweep.
        if !matches!(took, Ok(Took::New | Took::Joined { .. })) {
            self.forget(&files).await;
        }
        Point::Taken.reached();
        if owes {
            self.0.wake.notify_one();
        }
        Ok(took?)
    }

    /// Under which number these recipients have a mail already that its client sends again; see
    /// [`Once`](crate::store::held::Once).
    ///
    /// # Errors
    /// [`OutboxError`].
    pub async fn taken_before(&self, keys: &[Index]) -> Result<Vec<Option<String>>, OutboxError> {
        Ok(self.0.store.taken_since(keys, store::now().saturating_sub(millis(AGAIN))).await?)
    }

    /// Owes a message that we wrote, to one reader or some.
    ///
    /// # Errors
    /// [`OutboxError`]; nothing is owed then.
    pub async fn owe(&self, school: &str, raw: Vec<u8>, readers: &[Mailbox]) -> Result<(), OutboxError> {
        let (now, item) = (store::now(), self.0.vault.put(Arc::new(raw)).await?);
        let file = item.sealed.is_none().then(|| item.id.clone());
        let new = self.message(Kind::Message, &item, readers, now);
        let owed = self.0.store.owe(school, item, new, now).await;
        if owed.is_err() {
            self.forget(file.as_slice()).await;
        }
        self.0.wake.notify_one();
        Ok(owed?)
    }

    /// Writes down what somebody is told later.
    ///
    /// # Errors
    /// [`OutboxError`]; nobody is told then.
    pub async fn note(&self, school: &str, note: NewNote) -> Result<(), OutboxError> {
        Ok(self.0.store.note(school, note, store::now()).await?)
    }

    /// Owes the message that tells some notes; without one they are forgotten, since nobody is there to read it.
    ///
    /// # Errors
    /// [`OutboxError`]; they are still to be told then.
    pub async fn tell(&self, notes: Notes, message: Option<(Vec<u8>, Vec<Mailbox>)>) -> Result<(), OutboxError> {
        let now = store::now();
        let (owed, file) = match message {
            Some((raw, readers)) => {
                let item = self.0.vault.put(Arc::new(raw)).await?;
                let (file, new) =
                    (item.sealed.is_none().then(|| item.id.clone()), self.message(Kind::Message, &item, &readers, now));
                (Some((item, new)), file)
            }
            None => (None, None),
        };
        let told = self.0.store.told_notes(notes, owed, now).await;
        if told.is_err() {
            self.forget(file.as_slice()).await;
        }
        self.0.wake.notify_one();
        Ok(told?)
    }

    /// What is owed when a message of ours goes to these readers, MAIL FROM `<>`.
    pub fn message(&self, kind: Kind, item: &Item, readers: &[Mailbox], now: i64) -> NewOwed {
        let to = |reader: &Mailbox| To { address: reader.typed().to_owned(), parameters: String::new(), place: None };
        let envelope = Envelope {
            smtputf8: readers.iter().any(Mailbox::is_international),
            recipients: readers.iter().map(to).collect(),
            ..Envelope::default()
        };
        NewOwed { kind, item: item.id.clone(), envelope, due_at: now, give_up_at: self.gives_up_at(now) }
    }

    /// Carries out a choice about held mail; see [`Store::choose`].
    ///
    /// # Errors
    /// [`OutboxError`]; nothing was done then.
    pub async fn choose(&self, held: &Held, choice: Choice) -> Result<Vec<usize>, OutboxError> {
        let files: Vec<String> =
            choice.items.iter().filter(|item| item.sealed.is_none()).map(|i| i.id.clone()).collect();
        let chosen = self.0.store.choose(held, choice, store::now()).await;
        if chosen.as_ref().map_or(true, Vec::is_empty) {
            self.forget(&files).await;
        }
        self.0.wake.notify_one();
        Ok(chosen?)
    }

    /// Seals everything anew with the key that seals now: files first, then all rows in one commit. Gives how many.
    ///
    /// # Errors
    /// [`OutboxError`]; what was not sealed anew still opens with the old key.
    pub async fn seal_anew(&self) -> Result<usize, OutboxError> {
        let files = self.0.vault.seal_anew().await?;
        Ok(files + self.0.store.seal_anew().await?)
    }

    /// Sets right what a kill left behind, before anything else is done: leases of who died, and files of mails that
    /// were never taken.
    ///
    /// # Errors
    /// [`OutboxError`].
    pub async fn recover(&self) -> Result<(), OutboxError> {
        let (store, vault) = (&self.0.store, &self.0.vault);
        store.free_leases().await?;
        Point::Freed.reached();
        vault.sweep()?;
        let known: HashSet<String> = store.items_in_files().await?.into_iter().collect();
        for orphan in vault.files().await?.iter().filter(|id| !known.contains(*id)) {
            vault.delete(orphan).await?;
        }
        Ok(())
    }

    /// Has what is due go out now.
    pub fn wake(&self) {
        self.0.wake.notify_one();
    }

    /// No more mail is tried; [`Outbox::run`] ends when what is on its way has arrived.
    pub fn stop(&self) {
        self.0.stopping.store(true, Ordering::Release);
        self.0.wake.notify_one();
    }

    /// Delivers what is due, until [`Outbox::stop`].
    pub async fn run(&self, around: Arc<dyn Around>) {
        let ways = Ways { lanes: Lanes::new(AT_ONCE, EACH), forced: Lanes::new(FORCED_AT_ONCE, EACH) };
        let (mut running, mut swept) = (JoinSet::new(), Instant::now());
        let under_way = UnderWay::default();
        let last_tries = Arc::new(Semaphore::new(EACH));
        while !self.is_stopping() {
            while running.try_join_next().is_some() {}
            if self.trouble().is_some() && !self.try_writing().await {
                tokio::time::sleep(TROUBLE).await;
                continue;
            }
            let claimed = match self.claim(&ways, &*around).await {
                Ok(claimed) => claimed,
                Err(error) => {
                    tracing::error!(%error, "the outbox cannot be read; what is owed waits");
                    tokio::time::sleep(TROUBLE).await;
                    continue;
                }
            };
            if claimed.is_empty() {
                if swept.elapsed() > SWEEP {
                    self.sweep().await;
                    // A disk that is full is better known before the next mail comes.
                    self.try_writing().await;
                    swept = Instant::now();
                }
                self.rest(&mut running, &ways).await;
                continue;
            }
            Point::Claimed.reached();
            let mut waiting = Vec::new();
            for mut one in claimed {
                // The clock jumped, or a next hop took longer than the lease: it is still on its way.
                let Some(alone) = under_way.begin(one.id) else { continue };
                let (lane, now) = (self.lane(&*around, &one), store::now());
                if one.lane == Some(ASKED) {
                    ways.of(one.kind).open_again(lane, now);
                }
                one.lane = Some(lane);
                // Mail under proven TLS is tried once more at its end, so that takes its turn as well.
                let last = || match one.kind {
                    Kind::Forced => Arc::clone(&last_tries).try_acquire_owned().ok().map(Some),
                    _ => Some(None),
                };
                let mut turn = None;
                let place = match ways.of(one.kind).enter(lane, now) {
                    Entry::In(place) => Some(place),
                    // What waits for a way that is down is not kept longer than any other.
                    Entry::Down
                        if one.give_up_at <= now
                            && let Some(its_turn) = last() =>
                    {
                        turn = its_turn;
                        None
                    }
                    Entry::Full | Entry::Down => {
                        waiting.push((one.id, lane));
                        continue;
                    }
                };
                let (outbox, around) = (self.clone(), Arc::clone(&around));
                running.spawn(async move {
                    outbox.deliver(one, &*around, place.as_ref()).await;
                    drop((place, turn, alone));
                });
            }
            if !waiting.is_empty()
                && let Err(error) = self.0.store.put_aside(waiting).await
            {
                tracing::warn!(%error, "mail that waits for its way is looked at again when its lease is over");
            }
        }
        running.join_all().await;
    }

    async fn claim(&self, ways: &Ways, around: &dyn Around) -> Result<Vec<Claimed>, StoreError> {
        let (store, longest) = (&self.0.store, millis(self.0.retry.most));
        let (now, lease, longest_forced) = (store::now(), millis(LEASE), longest.max(millis(forced::LONGEST_PAUSE)));
        let hops: Vec<i64> = around.next_hops().iter().map(|name| self.lane_of("next hop", name)).collect();
        let ([closed, closed_forced], _) = ways.closed(now);
        let most = if hops.is_empty() { ways.lanes.free_anywhere() } else { ways.lanes.free(&hops, now) };
        // Both at once, so that they go with one transaction.
        let (claimed, forced) = tokio::join!(
            store.claim_open((now, lease, longest), most, &closed),
            store.claim_forced((now, lease, longest_forced), ways.forced.free_anywhere(), &closed_forced)
        );
        let mut claimed = claimed?;
        claimed.extend(forced?);
        Ok(claimed)
    }

    /// Which way a mail goes: that of a next hop, or straight to a domain.
    fn lane(&self, around: &dyn Around, claimed: &Claimed) -> i64 {
        let sender = claimed.envelope.sender.as_deref().and_then(|typed| Mailbox::parse(typed).ok());
        let way = match claimed.kind {
            Kind::Forced => match around.road(&claimed.school, sender.as_ref()) {
                Road::Attested(way) => Some(way),
                Road::Direct(..) | Road::None => None,
            },
            _ => around.way(&claimed.school, sender.as_ref()),
        };
        if let Some(way) = way {
            return self.lane_of("next hop", way.next_hop.name());
        }
        let first = claimed.envelope.recipients.first().and_then(|to| Mailbox::parse(&to.address).ok());
        self.lane_of("domain", &first.map(|mailbox| mailbox.domain().to_lowercase()).unwrap_or_default())
    }

    fn lane_of(&self, sort: &str, name: &str) -> i64 {
        let index = self.0.store.index("lane", &[sort.as_bytes(), name.as_bytes()]);
        index.first_chunk().map_or(0, |octets| i64::from_be_bytes(*octets))
    }

    /// Whether mail can be taken and written off.
    async fn try_writing(&self) -> bool {
        let before = self.trouble();
        let tried = match self.0.store.try_writing().await {
            Ok(()) => self.0.vault.try_writing().await.map_err(OutboxError::from),
            Err(error) => Err(error.into()),
        };
        match (&tried, before) {
            (Ok(()), Some(_)) => tracing::info!("mail can be kept again"),
            (Err(error), None) => tracing::error!(%error, "no mail can be kept; it is tried again and again"),
            _ => {}
        }
        tried.is_ok()
    }

    fn is_stopping(&self) -> bool {
        self.0.stopping.load(Ordering::Acquire)
    }

    /// Until there may be something to do: a delivery ended, somebody woke us, or the next mail is due.
    async fn rest(&self, running: &mut JoinSet<()>, ways: &Ways) {
        let now = store::now();
        let (closed, opens) = ways.closed(now);
        let due = self.0.store.next_due(now, &closed).await.ok().flatten().into_iter().chain(opens).min();
        let until = due.map_or(LOOK, |due| Duration::from_millis(u64::try_from(due - now).unwrap_or(0)));
        // Something that is due and was not claimed is being delivered, or all places are taken.
        let until = until.clamp(Duration::from_millis(20), LOOK);
        tokio::select! {
            () = self.0.wake.notified() => {}
            Some(_) = running.join_next() => {}
            () = tokio::time::sleep(until) => {}
        }
    }

    /// The items of what was delivered go, files included.
    async fn sweep(&self) {
        match self.0.store.drop_unused_items().await {
            Ok(files) => self.forget(&files).await,
            Err(error) => tracing::warn!(%error, "items that are not needed any more could not be dropped"),
        }
    }

    /// Takes files away that no row knows. One that stays is taken away at the next start.
    async fn forget(&self, files: &[String]) {
        for id in files {
            if let Err(error) = self.0.vault.delete(id).await {
                tracing::warn!(%error, "a file of the vault could not be taken away yet");
            }
        }
    }

    /// Tries a mail; one without a place goes a way that is down, and its time is over.
    async fn deliver(&self, claimed: Claimed, around: &dyn Around, place: Option<&Place>) {
        let (id, kind) = (claimed.id, claimed.kind.word());
        let (settled, kept) = match (claimed.kind, place) {
            (Kind::Forced, place) => {
                let (settled, kept, reached) = forced::deliver(self, &claimed, around).await;
                if let Some((place, reached)) = place.zip(reached) {
                    place.came(reached, store::now(), millis(self.0.retry.after));
                }
                (settled, kept)
            }
            (_, None) => (delivery::give_up(self, &claimed, around).await, None),
            (_, Some(place)) => {
                let (settled, reached) = delivery::deliver(self, &claimed, around).await;
                if let Some(reached) = reached {
                    place.came(reached, store::now(), millis(self.0.retry.after));
                }
                (settled, None)
            }
        };
        tracing::info!(
            owed = id,
            kind,
            mail = claimed.held.as_deref(),
            code = settled.code,
            rest = settled.rest.is_some(),
            "owed mail was tried"
        );
        Point::Answered.reached();
        let mut written = true;
        while let Err(error) = self.0.store.settle(&claimed, settled.clone(), store::now()).await {
            tracing::error!(owed = id, %error, "what came of it cannot be written down; that is tried again");
            if self.is_stopping() {
                written = false;
                break;
            }
            // Forgotten, it would be delivered once more.
            tokio::time::sleep(TROUBLE).await;
        }
        Point::Settled.reached();
        if let Some(kept) = kept.filter(|_| written) {
            kept();
        }
    }
}

/// The places of all deliveries.
struct Ways {
    lanes: Lanes,
    /// Of mail that travels under proven TLS.
    forced: Lanes,
}

impl Ways {
    fn of(&self, kind: Kind) -> &Lanes {
        if kind == Kind::Forced { &self.forced } else { &self.lanes }
    }

    /// The ways on which nothing can be tried, of both sorts, and when the first of them opens.
    fn closed(&self, now: i64) -> ([Closed; 2], Option<i64>) {
        let ((closed, opens), (forced, forced_opens)) = (self.lanes.closed(now), self.forced.closed(now));
        ([closed, forced], opens.into_iter().chain(forced_opens).min())
    }
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_on_its_way_is_not_sent_once_more() {
        let under_way = UnderWay::default();
        let first = under_way.begin(7);
        assert!(first.is_some() && under_way.begin(7).is_none() && under_way.begin(8).is_some());
        drop(first);
        assert!(under_way.begin(7).is_some());
    }
}
