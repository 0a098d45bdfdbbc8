//! A reader process: seals itself, then reads jobs and writes answers until there are no more.
//!
//! Does nothing before the seal, so that it starts quickly and nothing of it is reachable. Writes nothing but answers:
//! a panic has no words here, since they may quote a mail. Whatever goes wrong ends the process, and the gate knows
//! what that means.

use std::io::{self, BufWriter, Read, Write};

use rustix::stdio::{stdin, stdout};

use super::seal::{Bounds, Seal, seal};
use super::wire::{self, End, HELLO, Job, Kind, Line};
use crate::extract::{Found, Place, document};

/// Runs until standard input ends.
///
/// # Errors
/// A pipe broke, or what came is no job.
pub fn run(bounds: Bounds) -> io::Result<()> {
    std::panic::set_hook(Box::new(|_| ()));
    let seal = seal(bounds);
    let mut answer = Writer { out: BufWriter::with_capacity(1 << 16, Pipe), place: None };
    answer.ready(seal)?;
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
    fn ready(&mut self, seal: Seal) -> io::Result<()> {
        wire::frame(&mut self.out, Kind::Ready, &[HELLO, &[seal.octet()]].concat())?;
        self.out.flush()
    }

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

    /// Goes out at once: the next moment may be the last.
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
