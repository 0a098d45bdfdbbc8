//! A parent of readers and the reader that it has now, as the gate holds them: three pipes, and no wait without an end.
//!
//! Two of the pipes are the reader's, for the documents of one message. The third is its parent's, on which no reader can
//! write: what comes there says that a reader is gone and the next is there. A parent is kept for the next message only
//! if its reader was killed by us, after it had answered everything, and left nothing in its pipes; so nothing of one
//! message is there when the next comes.

use std::io::{self, Read, Write};
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, ioctl_fionbio, ioctl_fionread};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::answer::{self, Listener};
use super::child::SIGNALLED;
use super::seal::ENVIRONMENT;
use super::wire::{self, FRAME, Kind};
use super::{Fault, Seal, Settings};
use crate::extract::Document;
use crate::message::Limits;

/// A parent and its reader; dropped, they are killed and waited for.
pub(super) struct Process {
    parent: Child,
    /// The reader; none while its successor is not born, or where it is only known to its parent.
    reader: Option<OwnedFd>,
    /// Its successor is on the way.
    is_renewed: bool,
    /// Readers so far.
    births: usize,
    stays: bool,
    /// None when it has to end.
    jobs: Option<ChildStdin>,
    answers: ChildStdout,
    word: ChildStderr,
    /// Octets that came and are not yet looked at: these of the buffer.
    buffer: Vec<u8>,
    here: Range<usize>,
}

/// Octets that are read at a time: a pipe holds no more.
const CHUNK: usize = 1 << 16;
/// Readers of one parent: so many share the places of things in memory.
const MOST_BIRTHS: usize = 256;
/// Time for a reader to be gone and the next to be there. It is milliseconds.
const PATIENCE: Duration = Duration::from_secs(2);

impl Process {
    /// Starts a parent.
    ///
    /// # Errors
    /// The system gives no process.
    pub(super) fn start(settings: &Settings) -> io::Result<Self> {
        let mut parent = Command::new(&settings.program)
            .arg("read-documents")
            .arg(settings.bounds.memory.to_string())
            .arg(settings.bounds.seconds.to_string())
            .env_clear()
            .envs(ENVIRONMENT)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let pipes = parent.stdin.take().zip(parent.stdout.take()).zip(parent.stderr.take());
        let ((jobs, answers), word) = pipes.ok_or_else(|| io::Error::other("a process without pipes"))?;
        ioctl_fionbio(&jobs, true)?;
        ioctl_fionbio(&answers, true)?;
        ioctl_fionbio(&word, true)?;
        Ok(Self {
            parent,
            reader: None,
            is_renewed: false,
            births: 0,
            stays: false,
            jobs: Some(jobs),
            answers,
            word,
            buffer: Vec::new(),
            here: 0..0,
        })
    }

    /// The process id of the parent.
    pub(super) fn id(&self) -> u32 {
        self.parent.id()
    }

    /// Waits until there is a reader.
    ///
    /// # Errors
    /// There is none.
    pub(super) fn born(&mut self, until: Instant) -> Result<Seal, Fault> {
        let mut word = wire::born(Seal::from_octet(0), 0);
        let mut told = 0;
        while let Some(rest) = word.get_mut(told..).filter(|rest| !rest.is_empty()) {
            match self.word.read(rest) {
                Ok(0) => return Err(Fault::Died),
                Ok(length) => told += length,
                Err(error) if is_busy(&error) => {
                    wait(&mut [PollFd::new(&self.word, PollFlags::IN)], until)?;
                }
                Err(_) => return Err(Fault::Died),
            }
        }
        let (seal, reader) = answer::born(&word)?;
        self.reader = Some(reader)
            .filter(|reader| *reader > 0)
            .and_then(Pid::from_raw)
            .and_then(|reader| pidfd_open(reader, PidfdFlags::empty()).ok());
        self.births += 1;
        Ok(seal)
    }

    /// It will not die with this thread, and may be renewed.
    pub(super) fn stay(&mut self) {
        self.stays = true;
    }

    /// Ends a reader that has answered, so that the next is born. False when there will be none.
    pub(super) fn renew(&mut self) -> bool {
        let may = self.stays && self.births < MOST_BIRTHS && self.here.is_empty();
        self.is_renewed =
            may && self.reader.take().is_some_and(|reader| pidfd_send_signal(reader, Signal::KILL).is_ok());
        self.is_renewed
    }

    /// Whether there is a reader that has seen nothing. Waits for one that is on the way.
    pub(super) fn is_fresh(&mut self) -> bool {
        if std::mem::take(&mut self.is_renewed) {
            let is_born = self.born(Instant::now() + PATIENCE).is_ok();
            // The one that could have put something there is gone.
            let is_empty = |left: rustix::io::Result<u64>| left == Ok(0);
            let jobs = self.jobs.as_ref().is_some_and(|jobs| is_empty(ioctl_fionread(jobs)));
            if !is_born || !jobs || !is_empty(ioctl_fionread(&self.answers)) {
                return false;
            }
        }
        matches!(self.parent.try_wait(), Ok(None)) && !is_told(&mut [PollFd::new(&self.word, PollFlags::IN)])
    }

    /// Has it read a document.
    ///
    /// # Errors
    /// It did not come to the end; the listener has what came.
    pub(super) fn ask(
        &mut self,
        document: &Document<'_>,
        limits: &Limits,
        until: Instant,
        listener: &mut Listener<'_>,
    ) -> Result<(), Fault> {
        let mut head = wire::job(document, limits).ok_or(Fault::Died)?;
        // A small document goes with its head: the reader wakes once.
        let small = if document.octets.len() < CHUNK { document.octets } else { &[] };
        head.extend_from_slice(small);
        self.send(&head, until)?;
        self.send(document.octets.get(small.len()..).unwrap_or_default(), until)?;
        loop {
            let (kind, length) = self.head(until)?;
            listener.allow(kind, length)?;
            let content = self.content(length, until)?;
            if listener.frame(kind, content)? {
                return Ok(());
            }
        }
    }

    /// What it ended by, for the log: the number of a signal, or of an exit.
    pub(super) fn end(mut self) -> String {
        self.stop();
        match self.parent.wait() {
            Ok(status) => match (status.signal(), status.code()) {
                (Some(signal), _) => format!("signal {signal}"),
                (None, Some(code)) if code > SIGNALLED => format!("signal {}", code - SIGNALLED),
                (None, Some(code)) => format!("exit {code}"),
                (None, None) => String::new(),
            },
            Err(error) => error.kind().to_string(),
        }
    }

    /// Ends the reader and its parent, which buries it; one that was born meanwhile finds that there are no jobs.
    fn stop(&mut self) {
        drop(self.jobs.take());
        let reader = self.reader.take();
        let is_bearing = std::mem::take(&mut self.is_renewed) || reader.is_some();
        if let Some(reader) = reader {
            let _ = pidfd_send_signal(reader, Signal::KILL);
        }
        if is_bearing {
            self.hear_out(Instant::now() + PATIENCE);
        }
        let _ = self.parent.kill();
        let _ = self.parent.wait();
    }

    /// Hears what its parent still has to say, until that is gone, or the moment comes.
    fn hear_out(&mut self, until: Instant) {
        loop {
            match self.word.read(&mut [0; 64]) {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) if is_busy(&error) => {
                    if wait(&mut [PollFd::new(&self.word, PollFlags::IN)], until).is_err() {
                        return;
                    }
                }
                Err(_) => return,
            }
        }
    }

    fn send(&mut self, mut octets: &[u8], until: Instant) -> Result<(), Fault> {
        let jobs = self.jobs.as_mut().ok_or(Fault::Died)?;
        while !octets.is_empty() {
            match jobs.write(octets) {
                Ok(0) => return Err(Fault::Died),
                Ok(written) => octets = octets.get(written..).unwrap_or_default(),
                Err(error) if is_busy(&error) => {
                    let word = PollFd::new(&self.word, PollFlags::IN);
                    let mut pipes = [word, PollFd::new(&*jobs, PollFlags::OUT)];
                    wait(&mut pipes, until)?;
                    if is_ready(pipes.first()) {
                        return Err(Fault::Died);
                    }
                }
                Err(_) => return Err(Fault::Died),
            }
        }
        Ok(())
    }

    fn head(&mut self, until: Instant) -> Result<(Kind, usize), Fault> {
        // Who never stops talking never waits.
        if Instant::now() >= until {
            return Err(Fault::Late);
        }
        let head = self.content(FRAME, until)?;
        let (kind, length) = head.split_first().ok_or(Fault::Died)?;
        let length = length.try_into().map(u32::from_le_bytes).map_err(|_| Fault::Died)?;
        Ok((Kind::of(*kind).ok_or(Fault::Lied)?, length as usize))
    }

    /// So many octets. Memory is taken as they come.
    fn content(&mut self, length: usize, until: Instant) -> Result<Vec<u8>, Fault> {
        let mut content = Vec::new();
        loop {
            let here = self.buffer.get(self.here.clone()).unwrap_or_default();
            let taken = here.get(..length - content.len()).unwrap_or(here);
            content.extend_from_slice(taken);
            self.here.start += taken.len();
            if content.len() == length {
                return Ok(content);
            }
            self.more(until)?;
        }
    }

    fn more(&mut self, until: Instant) -> Result<(), Fault> {
        self.buffer.resize(CHUNK, 0);
        self.here = 0..0;
        loop {
            match self.answers.read(&mut self.buffer) {
                Ok(0) => return Err(Fault::Died),
                Ok(length) => {
                    self.here = 0..length;
                    return Ok(());
                }
                Err(error) if is_busy(&error) => {
                    let word = PollFd::new(&self.word, PollFlags::IN);
                    let mut pipes = [word, PollFd::new(&self.answers, PollFlags::IN)];
                    wait(&mut pipes, until)?;
                    // What it said before it died comes first.
                    if is_ready(pipes.first()) && !is_ready(pipes.last()) {
                        return Err(Fault::Died);
                    }
                }
                Err(_) => return Err(Fault::Died),
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop();
    }
}

fn is_ready(pipe: Option<&PollFd<'_>>) -> bool {
    pipe.is_some_and(|pipe| !pipe.revents().is_empty())
}

/// Whether something is there now.
fn is_told(pipe: &mut [PollFd<'_>]) -> bool {
    !matches!(poll(pipe, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })), Ok(0))
}

/// Whether a pipe has nothing to give or take now.
pub(super) fn is_busy(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

/// Waits for one of these pipes, but not beyond a moment.
///
/// # Errors
/// The moment came, or a pipe broke.
pub(super) fn wait(pipes: &mut [PollFd<'_>], until: Instant) -> Result<(), Fault> {
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(Fault::Late);
    }
    // Rounded up, so that the last poll does not come back early and often.
    let left = left + Duration::from_millis(1);
    let left = Timespec { tv_sec: left.as_secs().try_into().unwrap_or(i64::MAX), tv_nsec: left.subsec_nanos().into() };
    match poll(pipes, Some(&left)) {
        Ok(_) | Err(Errno::INTR | Errno::AGAIN) => Ok(()),
        Err(_) => Err(Fault::Died),
    }
}
