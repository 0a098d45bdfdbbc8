//! The pause: for some hours everything passes, and the journal says what would have happened.
//!
//! Without a safe off-switch IT takes the gate out of the mail's way for good. A pause is a file in `data_dir` that
//! `mailpoort pause` writes, whole and for its owner alone, and that the gate looks at once a second; so it survives a
//! restart and needs no signal. It ends by itself, after 8 hours at most, whatever is done to the clock: by the time on
//! the wall or by the time that went by, whichever is first; and a pause that begins in the future is none. A file that
//! cannot be read is no pause: the gate does what it does without. Journaled at its begin and its end.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::decide::Mode;
use crate::gate::{Gate, Inner};
use crate::problem::Problem;
use crate::seal::write_whole;

/// A pause lasts no longer than a working day.
pub const LONGEST: Duration = Duration::from_secs(8 * 3600);
/// How far a clock may have been set back since a pause began.
const SLACK: SignedDuration = SignedDuration::from_secs(60);
/// How often the gate looks.
const LOOK: Duration = Duration::from_secs(1);

/// A pause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pause {
    /// The school; none is all of them.
    pub school: Option<String>,
    /// When it began, seconds since 1970.
    from: i64,
    /// When it ends.
    until: i64,
    /// Why, in the words of whoever began it.
    pub reason: String,
}

impl Pause {
    /// A pause from now on; no longer than [`LONGEST`].
    pub fn new(school: Option<String>, now: Timestamp, length: Duration, reason: String) -> Self {
        let (from, length) = (now.as_second(), length.min(LONGEST).as_secs());
        Self { school, from, until: from.saturating_add_unsigned(length), reason }
    }

    /// When it ends.
    pub fn until(&self) -> Timestamp {
        Timestamp::from_second(self.until).unwrap_or(Timestamp::MIN)
    }

    /// What is left of it, at most [`LONGEST`]; none when it is over, or begins in the future.
    fn left(&self, now: Timestamp) -> Option<Duration> {
        let begun = now + SLACK >= Timestamp::from_second(self.from).unwrap_or(Timestamp::MAX);
        let left = Duration::try_from(self.until().duration_since(now)).ok()?;
        (begun && !left.is_zero()).then_some(left.min(LONGEST))
    }
}

/// The pauses that a data folder knows.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pauses {
    pause: Vec<Pause>,
}

impl Pauses {
    /// Reads them; no file is no pause.
    ///
    /// # Errors
    /// There is a file, and it cannot be read.
    pub fn read(data_dir: &Path) -> Result<Self, Problem> {
        let file = file(data_dir);
        let trouble = |what: String| Problem::new(&file, what, "end the pause with `mailpoort pause --end`");
        match fs::read(&file) {
            Ok(text) => {
                serde_json::from_slice(&text).map_err(|error| trouble(format!("the pause is not well formed: {error}")))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(trouble(format!("the pause cannot be read: {error}"))),
        }
    }

    /// Writes them; none takes the file away.
    ///
    /// # Errors
    /// What the system says.
    pub fn write(&self, data_dir: &Path) -> Result<(), Problem> {
        let file = file(data_dir);
        let written = match self.pause.as_slice() {
            [] => fs::remove_file(&file).or_else(|e| if e.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(e) }),
            _ => serde_json::to_vec(self).map_err(io::Error::from).and_then(|text| write_whole(&file, &text)),
        };
        written.map_err(|error| {
            let remedy = "run this as root or as the user of mailpoort, and check `data_dir`";
            Problem::new(&file, format!("the pause cannot be written: {error}"), remedy)
        })
    }

    /// Begins a pause, in the place of the one for the same school. What is over is forgotten.
    pub fn begin(&mut self, pause: Pause, now: Timestamp) {
        self.pause.retain(|other| other.school != pause.school && other.left(now).is_some());
        self.pause.push(pause);
    }

    /// Ends the pause of a school, or with none every pause. Returns whether there was one.
    pub fn end(&mut self, school: Option<&str>, now: Timestamp) -> bool {
        let is_meant = |pause: &Pause| school.is_none() || pause.school.as_deref() == school;
        let was = self.pause.iter().any(|pause| is_meant(pause) && pause.left(now).is_some());
        self.pause.retain(|pause| !is_meant(pause));
        was
    }

    /// Those that hold now.
    pub fn holding(&self, now: Timestamp) -> impl Iterator<Item = &Pause> {
        self.pause.iter().filter(move |pause| pause.left(now).is_some())
    }
}

fn file(data_dir: &Path) -> PathBuf {
    data_dir.join("pause.json")
}

/// What a running gate knows of pauses.
#[derive(Debug, Default)]
pub(super) struct Watch {
    running: ArcSwap<Vec<Running>>,
    seen: Mutex<Option<Stamp>>,
}

/// A pause, and when it ends by a clock that nobody can set.
#[derive(Debug, Clone)]
struct Running {
    pause: Pause,
    ends: Instant,
}

/// A file as it was last read: another one, or one that was changed, differs.
#[derive(Debug, PartialEq, Eq)]
struct Stamp(Option<(u64, i64, i64, u64)>);

impl Running {
    fn holds(&self, now: (Instant, Timestamp)) -> bool {
        now.0 < self.ends && self.pause.left(now.1).is_some()
    }
}

impl Watch {
    /// The ceiling that a pause puts over a school's mail now: `enforce` is none.
    pub fn ceiling(&self, school: &str) -> Mode {
        let running = self.running.load();
        if running.is_empty() {
            return Mode::Enforce;
        }
        let (now, concerns) = (clocks(), |pause: &Pause| pause.school.as_deref().is_none_or(|one| one == school));
        let paused = running.iter().any(|running| concerns(&running.pause) && running.holds(now));
        if paused { Mode::Observe } else { Mode::Enforce }
    }

    /// The pauses that hold now.
    pub fn holding(&self) -> Vec<Pause> {
        let now = clocks();
        self.running.load().iter().filter(|running| running.holds(now)).map(|running| running.pause.clone()).collect()
    }

    /// Looks whether a pause began or ended. Reads the disk.
    pub fn look(&self, data_dir: &Path) {
        self.look_at(data_dir, clocks());
    }

    fn look_at(&self, data_dir: &Path, now: (Instant, Timestamp)) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.running.load_full();
        let stamp = stamp(data_dir);
        let read = if seen.as_ref() == Some(&stamp) {
            before.as_ref().clone()
        } else {
            // Told once: what cannot be read now is looked at again when it has changed.
            let read = Pauses::read(data_dir)
                .inspect_err(|problem| tracing::error!(%problem, "no pause can be read, so there is none"))
                .unwrap_or_default();
            *seen = Some(stamp);
            read.pause.into_iter().filter_map(|pause| self.run(pause, &before, now)).collect()
        };
        let after: Vec<Running> = read.into_iter().filter(|running| running.holds(now)).collect();
        let is_in = |all: &[Running], one: &Running| all.iter().any(|running| running.pause == one.pause);
        before.iter().filter(|one| !is_in(&after, one)).for_each(|one| told("end", &one.pause, now.1));
        after.iter().filter(|one| !is_in(&before, one)).for_each(|one| told("begin", &one.pause, now.1));
        self.running.store(Arc::new(after));
    }

    /// A pause that runs already goes on by the time that it had left.
    fn run(&self, pause: Pause, before: &[Running], now: (Instant, Timestamp)) -> Option<Running> {
        let same = before.iter().find(|running| running.pause == pause);
        let ends = now.0 + pause.left(now.1)?;
        Some(Running { ends: same.map_or(ends, |same| same.ends.min(ends)), pause })
    }
}

fn clocks() -> (Instant, Timestamp) {
    (Instant::now(), Timestamp::now())
}

fn stamp(data_dir: &Path) -> Stamp {
    let metadata = fs::metadata(file(data_dir)).ok();
    Stamp(metadata.map(|file| (file.ino(), file.mtime(), file.mtime_nsec(), file.len())))
}

/// One line in the journal of the log, and one for people.
fn told(what: &str, pause: &Pause, now: Timestamp) {
    let line = serde_json::json!({
        "time": now.to_string(), "event": format!("pause_{what}"), "school": pause.school,
        "until": pause.until().to_string(), "reason": pause.reason,
    });
    tracing::info!(target: "mailpoort::journal", "{line}");
    let school = pause.school.as_deref().unwrap_or("all");
    match what {
        "begin" => tracing::warn!(school, until = %pause.until(), "the gate is paused: everything passes"),
        _ => tracing::warn!(school, "the pause is over: mail is judged as configured"),
    }
}

impl Gate {
    /// The pauses that hold now.
    pub fn pauses(&self) -> Vec<Pause> {
        self.0.pauses.holding()
    }

    /// Looks whether a pause began or ended, now.
    pub async fn look_for_pause(&self) {
        let gate = Arc::clone(&self.0);
        let _ = tokio::task::spawn_blocking(move || gate.look_for_pause()).await;
    }

    /// Looks whether a pause began or ended, once a second, as long as there is this gate.
    pub async fn watch_for_pauses(self) {
        let gate: Weak<Inner> = Arc::downgrade(&self.0);
        drop(self);
        loop {
            tokio::time::sleep(LOOK).await;
            let Some(gate) = gate.upgrade() else { return };
            Self(gate).look_for_pause().await;
        }
    }
}

impl Inner {
    fn look_for_pause(&self) {
        if let Some(data_dir) = &self.house.load().data_dir {
            self.pauses.look(data_dir);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn pause(school: Option<&str>, from: Timestamp, hours: u32) -> Pause {
        Pause::new(school.map(str::to_string), from, HOUR * hours, "storing bij de provider".into())
    }

    /// A whole second, as the file has it.
    fn start() -> (Instant, Timestamp) {
        (Instant::now(), Timestamp::from_second(Timestamp::now().as_second()).unwrap())
    }

    fn later(from: Timestamp, hours: i64) -> Timestamp {
        from + SignedDuration::from_hours(hours)
    }

    #[test]
    fn a_pause_ends_by_either_clock_and_after_eight_hours_at_most() {
        let (start, wall) = start();
        let long = pause(None, wall, 24);
        assert_eq!(long.left(wall), Some(LONGEST));
        let two = Running { pause: pause(None, wall, 2), ends: start + HOUR * 2 };
        for (went_by, on_the_wall, holds) in [
            (HOUR, later(wall, 1), true),
            (HOUR * 2, later(wall, 2), false),
            (HOUR, later(wall, 3), false),
            // Somebody sets the clock back: the time that went by counts.
            (HOUR * 2, wall, false),
            // So far back that it has not begun.
            (HOUR, later(wall, -5), false),
        ] {
            assert_eq!(two.holds((start + went_by, on_the_wall)), holds, "{went_by:?} {on_the_wall}");
        }
    }

    #[test]
    fn the_gate_sees_it_begin_and_end_and_knows_it_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let (start, wall) = start();
        let watch = Watch::default();
        watch.look_at(folder.path(), (start, wall));
        assert_eq!(watch.ceiling("linde"), Mode::Enforce);
        let mut pauses = Pauses::default();
        pauses.begin(pause(Some("linde"), wall, 2), wall);
        pauses.write(folder.path()).unwrap();
        assert_eq!(fs::metadata(file(folder.path())).unwrap().mode() & 0o777, 0o600);
        watch.look_at(folder.path(), (start, wall));
        assert_eq!((watch.ceiling("linde"), watch.ceiling("eik")), (Mode::Observe, Mode::Enforce));
        let restarted = Watch::default();
        restarted.look_at(folder.path(), (start, later(wall, 1)));
        assert_eq!((restarted.holding().len(), restarted.ceiling("linde")), (1, Mode::Observe));
        restarted.look_at(folder.path(), (start + HOUR, later(wall, 2)));
        assert!(restarted.running.load().is_empty(), "it has ended by itself");
        assert!(pauses.end(None, wall) && !pauses.end(None, wall));
        pauses.write(folder.path()).unwrap();
        watch.look_at(folder.path(), (start, wall));
        assert_eq!((watch.ceiling("linde"), file(folder.path()).exists()), (Mode::Enforce, false));
    }

    #[test]
    fn schools_are_paused_one_by_one_or_all_together() {
        let now = start().1;
        let mut pauses = Pauses::default();
        pauses.begin(pause(Some("linde"), now, 1), now);
        pauses.begin(pause(Some("eik"), now, 1), now);
        pauses.begin(pause(Some("linde"), now, 3), now);
        assert_eq!(pauses.holding(now).map(|p| p.left(now).unwrap() / 3600).sum::<Duration>().as_secs(), 4);
        assert!(pauses.end(Some("eik"), now) && !pauses.end(Some("berk"), now));
        assert_eq!(pauses.holding(later(now, 4)).count(), 0);
    }

    #[test]
    fn what_cannot_be_read_is_no_pause() {
        let folder = tempfile::tempdir().unwrap();
        for text in ["", "{\"pause\":[{\"school\":null,\"from\":0,\"until\":9223372036854775807,\"reason\":\"\"}]}"] {
            fs::write(file(folder.path()), text).unwrap();
            let watch = Watch::default();
            watch.look(folder.path());
            let left = watch.running.load().iter().map(|running| running.ends - Instant::now()).max();
            assert!(left.is_none_or(|left| left <= LONGEST), "{text}");
        }
    }
}
