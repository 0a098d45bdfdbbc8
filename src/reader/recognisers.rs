//! The gate's side of text recognition: a process for each picture, as many at a time as there may be, and no wait
//! without an end.
//!
//! A page whose first reading is doubtful may lie on its side or its head: it is read once more by a manner that looks
//! for that. What a process says is words in boxes, and nothing of it is believed beyond that. Cannot fail: a picture whose
//! process dies, runs late, says too much or nothing that makes sense is not read. Never logs a word of a picture.

use std::io::{self, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};
use rustix::io::ioctl_fionbio;

use super::process::{is_busy, wait};
use super::{Bounds, Fault, Sandbox};
use crate::extract::{Picture, Rank, Recognition, Word, is_sure};

/// How text is recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// This program, which seals itself and becomes the other.
    pub own: PathBuf,
    /// The other: Tesseract 5.
    pub program: PathBuf,
    /// Its languages, the likeliest first.
    pub languages: Vec<String>,
    /// Processes at the same time.
    pub processes: usize,
    /// What each may take.
    pub bounds: Bounds,
    /// Time for one picture. On a machine with much else to do it is far more than what the picture takes of it.
    pub per_picture: Duration,
    /// Time for all pictures of a message; those that are photos by their looks begin in the first half of it only.
    pub per_message: Duration,
    /// What becomes of a machine that cannot seal them.
    pub sandbox: Sandbox,
}

impl Settings {
    /// The bounds of the documented sample.
    pub fn new(program: PathBuf) -> Self {
        let per_picture = Duration::from_secs(20);
        Self {
            // Also when the file was replaced since we started.
            own: PathBuf::from("/proc/self/exe"),
            program,
            languages: ["nld", "eng"].map(String::from).to_vec(),
            processes: thread::available_parallelism().map_or(2, usize::from),
            bounds: Bounds { memory: 640 << 20, seconds: per_picture.as_secs() / 2 },
            per_picture,
            per_message: Duration::from_secs(40),
            sandbox: Sandbox::default(),
        }
    }
}

/// A program by its whole path, or by its name in the folders where systems have programs: the PATH of whoever runs a
/// check may be another than the service's.
pub fn installed(program: &Path) -> Option<PathBuf> {
    if program.is_absolute() {
        return program.is_file().then(|| program.to_path_buf());
    }
    let folders = ["/usr/bin", "/usr/local/bin", "/bin"];
    folders.iter().map(|folder| Path::new(folder).join(program)).find(|path| path.is_file())
}

/// Octets that a process may answer: a page of 50,000 words.
const ANSWER: usize = 4 << 20;
/// Time for the list of languages.
const LIST: Duration = Duration::from_secs(10);

/// Processes that recognise text; clones share their number.
#[derive(Debug, Clone)]
pub struct Recognisers(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    settings: Settings,
    running: Mutex<usize>,
    ended: Condvar,
}

impl Recognisers {
    /// Processes of this kind. None is started before the first picture, or [`Self::check`].
    pub fn new(settings: Settings) -> Self {
        Self(Arc::new(Shared { settings, running: Mutex::default(), ended: Condvar::new() }))
    }

    /// How text is recognised.
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// The languages that are asked for and not there.
    ///
    /// # Errors
    /// The program does not run, or not with the seal that is asked for.
    pub fn check(&self) -> Result<Vec<String>, String> {
        let until = Instant::now() + LIST;
        let (status, said) = self
            .0
            .start(&["--list-langs".to_string()])
            .map_err(|error| error.to_string())
            .and_then(|child| exchange(child, &[], until).map_err(|fault| format!("{fault:?}")))?;
        if !status.success() {
            return Err(status.to_string());
        }
        let said = String::from_utf8_lossy(&said).into_owned();
        let there = |language: &&String| !said.lines().any(|line| line.trim() == language.as_str());
        Ok(self.settings().languages.iter().filter(there).cloned().collect())
    }
}

impl Recognition for Recognisers {
    fn recognise(&self, pictures: &[&Picture]) -> Vec<Option<Vec<Word>>> {
        let settings = self.settings();
        let message = Pictures {
            shared: &self.0,
            pictures,
            since: Instant::now(),
            next: AtomicUsize::new(0),
            answers: pictures.iter().map(|_| Mutex::default()).collect(),
        };
        thread::scope(|scope| {
            for _ in 1..settings.processes.min(pictures.len()) {
                // Without a thread the others do its work.
                let _ = thread::Builder::new().spawn_scoped(scope, || message.serve());
            }
            message.serve();
        });
        message.answers.into_iter().map(|answer| answer.into_inner().unwrap_or_else(PoisonError::into_inner)).collect()
    }
}

/// The pictures of one message.
struct Pictures<'m> {
    shared: &'m Shared,
    pictures: &'m [&'m Picture],
    since: Instant,
    next: AtomicUsize,
    answers: Vec<Mutex<Option<Vec<Word>>>>,
}

/// How Tesseract looks at a page (its option `--psm`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// As one column, so that rows of a list stay rows: 4.
    Column,
    /// Looks for blocks, and which side is up: 1.
    Any,
}

impl Pictures<'_> {
    fn serve(&self) {
        loop {
            let index = self.next.fetch_add(1, Ordering::Relaxed);
            let (Some(picture), Some(answer)) = (self.pictures.get(index), self.answers.get(index)) else { return };
            let read = self.picture(picture);
            *answer.lock().unwrap_or_else(PoisonError::into_inner) = read;
        }
    }

    fn picture(&self, picture: &Picture) -> Option<Vec<Word>> {
        let settings = &self.shared.settings;
        let end = self.since + settings.per_message;
        let start = if picture.rank() == Rank::Photo { self.since + settings.per_message / 2 } else { end };
        let place = self.shared.place(start)?;
        let until = end.min(Instant::now() + settings.per_picture);
        let first = if picture.rank() == Rank::Photo { Manner::Any } else { Manner::Column };
        let read = self.shared.read(picture, first, until);
        let words = match read {
            Ok(words) if first == Manner::Column && !words.is_empty() && !is_sure(&words) => {
                // Late or dead, the first one stands.
                let again = self.shared.read(picture, Manner::Any, until).ok();
                Some(again.filter(|again| is_sure(again)).unwrap_or(words))
            }
            Ok(words) if first == Manner::Column && words.is_empty() => {
                Some(self.shared.read(picture, Manner::Any, until).unwrap_or(words))
            }
            Ok(words) => Some(words),
            Err(fault) => {
                told(fault, picture);
                None
            }
        };
        drop(place);
        words
    }
}

/// Says that a picture was not read, without a word of it.
fn told(fault: Fault, picture: &Picture) {
    let octets = picture.octets().len();
    match fault {
        Fault::Late => tracing::warn!(octets, "text recognition took too long on a picture; it is unread"),
        Fault::Died => tracing::warn!(octets, "text recognition died of a picture; it is unread"),
        Fault::Lied | Fault::TooMuch => {
            tracing::warn!(octets, "text recognition said what cannot be; a picture is unread")
        }
    }
}

/// A place among the processes that run.
struct Running<'s>(&'s Shared);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        *self.0.running.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.0.ended.notify_one();
    }
}

impl Shared {
    /// Waits for a place, until a moment.
    fn place(&self, until: Instant) -> Option<Running<'_>> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        while *running >= self.settings.processes {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            running = self.ended.wait_timeout(running, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        *running += 1;
        Some(Running(self))
    }

    fn read(&self, picture: &Picture, manner: Manner, until: Instant) -> Result<Vec<Word>, Fault> {
        let manner = if manner == Manner::Column { "4" } else { "1" };
        let (languages, density) = (self.settings.languages.join("+"), picture.density().to_string());
        // Without a density it guesses one from its letters, and loses the lines of a table.
        let arguments = ["stdin", "stdout", "-l", &languages, "--psm", manner, "--dpi", &density, "tsv"];
        let child = self.start(&arguments.map(String::from)).map_err(|_| Fault::Died)?;
        let (status, said) = exchange(child, picture.octets(), until)?;
        if !status.success() {
            return Err(Fault::Died);
        }
        words(&String::from_utf8(said).map_err(|_| Fault::Lied)?).ok_or(Fault::Lied)
    }

    fn start(&self, arguments: &[String]) -> io::Result<Child> {
        let Bounds { memory, seconds } = self.settings.bounds;
        Command::new(&self.settings.own)
            .arg("recognise-text")
            .args([memory.to_string(), seconds.to_string()])
            .arg(if self.settings.sandbox == Sandbox::Require { "require" } else { "best" })
            .arg(&self.settings.program)
            .args(arguments)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // It may quote the picture.
            .stderr(Stdio::null())
            .spawn()
    }
}

/// A process that is killed and waited for when it is dropped.
struct Held(Child);

impl Drop for Held {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Gives a process its input, and takes its answer.
fn exchange(child: Child, mut input: &[u8], until: Instant) -> Result<(ExitStatus, Vec<u8>), Fault> {
    let mut child = Held(child);
    let (mut to, mut from) = child.0.stdin.take().zip(child.0.stdout.take()).ok_or(Fault::Died)?;
    ioctl_fionbio(&to, true).and_then(|()| ioctl_fionbio(&from, true)).map_err(|_| Fault::Died)?;
    while !input.is_empty() {
        match to.write(input) {
            Ok(0) => break,
            Ok(written) => input = input.get(written..).unwrap_or_default(),
            Err(error) if is_busy(&error) => wait(&mut [PollFd::new(&to, PollFlags::OUT)], until)?,
            // What it ends by tells more.
            Err(_) => break,
        }
    }
    drop(to);
    let (mut said, mut buffer) = (Vec::new(), [0; 1 << 14]);
    loop {
        match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => said.extend_from_slice(buffer.get(..length).unwrap_or_default()),
            Err(error) if is_busy(&error) => wait(&mut [PollFd::new(&from, PollFlags::IN)], until)?,
            Err(_) => return Err(Fault::Died),
        }
        if said.len() > ANSWER {
            return Err(Fault::TooMuch);
        }
        // Who never stops talking never waits.
        if Instant::now() >= until {
            return Err(Fault::Late);
        }
    }
    // It has closed its output, so it is at its end, or is made to be.
    while Instant::now() < until {
        match child.0.try_wait() {
            Ok(Some(status)) if status.signal().is_some() => return Err(Fault::Died),
            Ok(Some(status)) => return Ok((status, said)),
            Ok(None) => thread::sleep(Duration::from_millis(1)),
            Err(_) => return Err(Fault::Died),
        }
    }
    Err(Fault::Late)
}

/// The columns of Tesseract's tables, and the level of words in them.
const COLUMNS: &str = "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext";
const WORD: u32 = 5;

/// The words of an answer; none when it is no table of words.
fn words(said: &str) -> Option<Vec<Word>> {
    let mut lines = said.lines();
    if lines.next()?.trim_end() != COLUMNS {
        return None;
    }
    let mut words = Vec::new();
    let (mut line, mut last) = (0u32, None);
    for row in lines {
        let mut fields = row.splitn(12, '\t');
        let mut numbers = [0i32; 10];
        for number in &mut numbers {
            *number = fields.next()?.parse().ok()?;
        }
        let confidence: f32 = fields.next()?.parse().ok()?;
        let [level, page, block, paragraph, own, _, left, top, width, height] = numbers;
        if u32::try_from(level).ok()? != WORD || !confidence.is_finite() || confidence < 0.0 {
            continue;
        }
        if last.replace((page, block, paragraph, own)) != Some((page, block, paragraph, own)) {
            line += 1;
        }
        let page = u32::try_from(page).ok()?;
        let text = fields.next().unwrap_or_default().to_string();
        words.push(Word { text, confidence, page, line, left, top, width, height });
    }
    Some(words)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn answers_are_tables_of_words() {
        let row = "\n5\t1\t1\t1\t1\t1\t10\t20\t30\t40\t96.5\tBSN";
        let read = |rows: &str| words(&format!("{COLUMNS}{rows}\n"));
        let found =
            read(&format!("\n1\t1\t0\t0\t0\t0\t0\t0\t9\t9\t-1\t{row}\n5\t1\t1\t1\t2\t1\t1\t1\t1\t1\t3\t")).unwrap();
        assert_eq!((found.len(), found[0].text.as_str(), found[0].left, found[1].line), (2, "BSN", 10, 2));
        assert_eq!(read("").unwrap().len(), 0);
        for lie in [
            "\nhallo",
            "\n5\t1\t1",
            "\n5\t1\t1\t1\t1\t1\t10\t20\t30\t40\tzeer\tBSN",
            "\n5\t-1\t1\t1\t1\t1\t1\t1\t1\t1\t9\tx",
        ] {
            assert!(read(lie).is_none(), "{lie}");
        }
        assert!(words("").is_none() && words("hallo").is_none());
        assert_eq!(read("\n5\t1\t1\t1\t1\t1\t1\t1\t1\t1\tNaN\tx").unwrap().len(), 0);
    }
}
