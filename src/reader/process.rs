//! One reader process as the gate holds it: two pipes, and no wait without an end.

use std::io::{self, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, ioctl_fionbio};

use super::answer::{self, Listener};
use super::seal::ENVIRONMENT;
use super::wire::{self, FRAME, Kind};
use super::{Fault, Seal, Settings};
use crate::extract::Document;
use crate::message::Limits;

/// A process; dropped, it is killed and waited for.
pub(super) struct Process {
    child: Child,
    jobs: ChildStdin,
    answers: ChildStdout,
    /// Octets that came and are not yet looked at, from `read` on.
    buffer: Vec<u8>,
    read: usize,
}

/// Octets that are read at a time: a pipe holds no more.
const CHUNK: usize = 1 << 16;

impl Process {
    /// Starts one.
    ///
    /// # Errors
    /// The system gives no process.
    pub(super) fn start(settings: &Settings) -> io::Result<Self> {
        let mut child = Command::new(&settings.program)
            .arg("read-documents")
            .arg(settings.bounds.memory.to_string())
            .arg(settings.bounds.seconds.to_string())
            .env_clear()
            .envs(ENVIRONMENT)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // It would be content.
            .stderr(Stdio::null())
            .spawn()?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (jobs, answers) = pipes.ok_or_else(|| io::Error::other("a process without pipes"))?;
        let process = Self { child, jobs, answers, buffer: Vec::new(), read: 0 };
        ioctl_fionbio(&process.jobs, true)?;
        ioctl_fionbio(&process.answers, true)?;
        Ok(process)
    }

    /// The process id.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it is sealed.
    ///
    /// # Errors
    /// It is not.
    pub(super) fn ready(&mut self, until: Instant) -> Result<Seal, Fault> {
        let (kind, length) = self.head(until)?;
        if length > CHUNK {
            return Err(Fault::Lied);
        }
        let content = self.content(length, until)?;
        answer::ready(kind, &content)
    }

    /// Whether it is still there.
    pub(super) fn lives(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
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
        let head = wire::job(document, limits).ok_or(Fault::Died)?;
        self.send(&head, until)?;
        self.send(document.octets, until)?;
        loop {
            let (kind, length) = self.head(until)?;
            listener.allow(kind, length)?;
            let content = self.content(length, until)?;
            if listener.frame(kind, content)? {
                return Ok(());
            }
        }
    }

    /// What it ended by, for the log: the number of a signal, or of its exit.
    pub(super) fn end(mut self) -> String {
        let _ = self.child.kill();
        match self.child.wait() {
            Ok(status) => match (status.signal(), status.code()) {
                (Some(signal), _) => format!("signal {signal}"),
                (None, Some(code)) => format!("exit {code}"),
                (None, None) => String::new(),
            },
            Err(error) => error.kind().to_string(),
        }
    }

    fn send(&mut self, mut octets: &[u8], until: Instant) -> Result<(), Fault> {
        while !octets.is_empty() {
            match self.jobs.write(octets) {
                Ok(0) => return Err(Fault::Died),
                Ok(written) => octets = octets.get(written..).unwrap_or_default(),
                Err(error) if is_busy(&error) => wait(PollFd::new(&self.jobs, PollFlags::OUT), until)?,
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
            let here = self.buffer.get(self.read..).unwrap_or_default();
            let taken = here.get(..length - content.len()).unwrap_or(here);
            content.extend_from_slice(taken);
            self.read += taken.len();
            if content.len() == length {
                return Ok(content);
            }
            self.more(until)?;
        }
    }

    fn more(&mut self, until: Instant) -> Result<(), Fault> {
        self.buffer.resize(CHUNK, 0);
        self.read = CHUNK;
        loop {
            match self.answers.read(&mut self.buffer) {
                Ok(0) => return Err(Fault::Died),
                Ok(length) => {
                    self.buffer.truncate(length);
                    self.read = 0;
                    return Ok(());
                }
                Err(error) if is_busy(&error) => wait(PollFd::new(&self.answers, PollFlags::IN), until)?,
                Err(_) => return Err(Fault::Died),
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether a pipe has nothing to give or take now.
pub(super) fn is_busy(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

/// Waits for a pipe, but not beyond a moment.
///
/// # Errors
/// The moment came, or the pipe broke.
pub(super) fn wait(pipe: PollFd<'_>, until: Instant) -> Result<(), Fault> {
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(Fault::Late);
    }
    // Rounded up, so that the last poll does not come back early and often.
    let left = left + Duration::from_millis(1);
    let left = Timespec { tv_sec: left.as_secs().try_into().unwrap_or(i64::MAX), tv_nsec: left.subsec_nanos().into() };
    match poll(&mut [pipe], Some(&left)) {
        Ok(_) | Err(Errno::INTR | Errno::AGAIN) => Ok(()),
        Err(_) => Err(Fault::Died),
    }
}
