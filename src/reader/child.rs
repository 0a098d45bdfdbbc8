//! Reader processes as they are inside: one of which readers are born, and the readers, each for one message.
//!
//! A program of this size takes milliseconds to start and a copy of it a fraction of one. So the gate starts a parent,
//! which seals itself, and from then on bears one reader at a time: it never sees a document of anybody, reads nothing
//! but a few lines of our own, and says on standard error who was born, which no reader can say. A reader closes what is
//! left open in the seal, then reads jobs and writes answers until there are no more. Each is a copy of a parent that has
//! read nothing else, so no reader has anything of another's message; and one that died of its document is the last of
//! its parent (unless it was killed, which is how the gate ends one that did well), so that nobody learns by trying where
//! things are in memory.
//!
//! Before the seal are those few lines and nothing else, so that it starts quickly and nothing of it is reachable. Writes
//! nothing but answers: a panic has no words here, since they may quote a mail. Whatever goes wrong ends the process, and
//! the gate knows what that means.

use std::io::{self, BufWriter, Read, Write};

use fork::{Fork, fork};
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, waitpid};
use rustix::stdio::{stderr, stdin, stdout};

use super::seal::{self, Bounds, Closure, Seal};
use super::wire::{self, End, Job, Kind, Line};
use crate::extract::{Document, Found, Passwords, Place, document};
use crate::message::Limits;

/// Bears readers, one after another, until one of them has no more jobs or died of one; its exit code, or its signal
/// and [`SIGNALLED`].
///
/// # Errors
/// No process could be made; in a reader: a pipe broke, or what came is no job.
pub fn run(bounds: Bounds) -> io::Result<u8> {
    std::panic::set_hook(Box::new(|_| ()));
    warm_up();
    let (seal, closure) = seal::seal(bounds);
    loop {
        // There is one thread: no reading starts another.
        match fork()? {
            Fork::Child => return read(seal, &closure).map(|()| 0),
            Fork::Parent(child) => {
                rustix::io::write(stderr(), &wire::born(seal, child))?;
                let end = waitpid(Pid::from_raw(child), WaitOptions::empty())?.map(|(_, end)| end);
                let signal = end.and_then(WaitStatus::terminating_signal);
                if signal != Some(Signal::KILL.as_raw()) {
                    let code = signal.map(|signal| signal + SIGNALLED).or(end.and_then(WaitStatus::exit_status));
                    return code.and_then(|code| code.try_into().ok()).ok_or_else(|| io::Error::other("no end"));
                }
            }
        }
    }
}

/// Reads lines of our own before there is a seal, so that what every reader would find out anew (what the processor can
/// do, which under a hypervisor takes as long as a small document) or take (memory for small pieces) is there when it is
/// born. So readers of one parent also share the keys of their hash tables, as they share where things lie in memory.
pub(super) fn warm_up() {
    for octets in WARM {
        let place = Place::default();
        let document =
            Document { octets, essence: "", name: "", place: &place, depth: 0, passwords: Passwords::none() };
        let _ = document::read(&document, &Limits::default());
    }
}

/// A line in rich text, one in a page, and an archive without a file.
const WARM: [&[u8]; 3] = [
    br"{\rtf1\ansi een regel\par}",
    b"<html><p>een regel</p></html>",
    b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
];

/// Added to the number of a signal, it is the exit code that says so, as shells have it.
pub(super) const SIGNALLED: i32 = 128;

/// Octets of an answer that are gathered before they are written; a longer text goes as it is.
const GATHERED: usize = 1 << 13;

/// A reader: until standard input ends.
fn read(inherited: Seal, closure: &Closure) -> io::Result<()> {
    if !seal::close(inherited, closure) {
        return Err(io::Error::other("no seal"));
    }
    let mut answer = Writer { out: BufWriter::with_capacity(GATHERED, Pipe), place: None };
    while let Some(job) = Job::read(&mut Pipe)? {
        answer.job(&job)?;
    }
    Ok(())
}

/// Standard input and output, without the buffers and locks of `std`.
struct Pipe;

impl Read for Pipe {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        Ok(rustix::io::read(stdin(), into)?)
    }
}

impl Write for Pipe {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        Ok(rustix::io::write(stdout(), octets)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Writer {
    out: BufWriter<Pipe>,
    /// The place that was written last.
    place: Option<Place>,
}

impl Writer {
    fn job(&mut self, job: &Job) -> io::Result<()> {
        self.place = None;
        wire::frame(&mut self.out, Kind::Begun, &[])?;
        self.out.flush()?;
        let mut broken = None;
        let mut listener = |found: Found<'_>| {
            if broken.is_none() {
                broken = self.found(found).err();
            }
        };
        let answer = document::read_aloud(&job.document(), job.limits(), Some(&mut listener));
        if let Some(error) = broken {
            return Err(error);
        }
        wire::value(&mut self.out, Kind::Done, &End { entries: answer.entries, unpacked: answer.unpacked })?;
        self.out.flush()
    }

    /// Goes out at once: the next moment may be the last. A line of the receipt waits for what comes next, since who loses it
    /// loses no word; but for one that says what was opened with a password, without which its words do not count.
    fn found(&mut self, found: Found<'_>) -> io::Result<()> {
        match found {
            Found::Text(text) => {
                self.place(&text.place)?;
                if !text.cells.is_empty() {
                    wire::frame(&mut self.out, Kind::Cells, &wire::cells(&text.cells))?;
                }
                wire::frame(&mut self.out, Kind::Text, text.text.as_bytes())?;
            }
            Found::Unread(unread) => {
                self.place(&unread.place)?;
                wire::frame(&mut self.out, Kind::Unread, &[wire::reason(unread.why)])?;
            }
            Found::Pictured(part) => {
                self.place(&part.place)?;
                for (index, picture) in part.pictures.iter().enumerate() {
                    let is_last = index + 1 == part.pictures.len();
                    let end = if part.whole { wire::WHOLE } else { wire::CUT };
                    let head = [wire::reason(part.why), if is_last { end } else { wire::MORE }];
                    wire::two(&mut self.out, Kind::Picture, &head, picture.octets())?;
                }
            }
            Found::Receipt(receipt) => {
                self.place(&receipt.place)?;
                let line = Line {
                    format: receipt.format.clone(),
                    octets: receipt.octets,
                    read: receipt.read,
                    unread: receipt.unread.clone(),
                    opened: receipt.opened,
                };
                wire::value(&mut self.out, Kind::Receipt, &line)?;
                if receipt.opened.is_none() {
                    return Ok(());
                }
            }
        }
        self.out.flush()
    }

    fn place(&mut self, place: &Place) -> io::Result<()> {
        if self.place.as_ref() != Some(place) {
            wire::value(&mut self.out, Kind::Place, place)?;
            self.place = Some(place.clone());
        }
        Ok(())
    }
}
