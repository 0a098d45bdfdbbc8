//! What goes through the pipes between the gate and its reader processes.
//!
//! A parent of readers says who was born: a frame with [`HELLO`], an octet that says which layers of the seal hold, and
//! the process id (four octets, little endian). Everything else is between the gate and a reader.
//! A job: the length of its description (four octets, little endian), the length of the document (eight), the
//! description (postcard), the document. An answer is a row of frames: a kind (one octet), a length (four), a content. A place
//! belongs to what follows it, cells to the text that follows them. The gate's side of it, which believes nothing, is in
//! [`answer`](super::answer).

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};

use super::Seal;
use crate::extract::{Cell, Document, Passwords, Place, Why};
use crate::message::Limits;

/// The kind of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A reader was born.
    Ready = 1,
    /// A job has come whole.
    Begun,
    /// Where what follows stands.
    Place,
    /// The cells of the text that follows.
    Cells,
    /// A text, in UTF-8.
    Text,
    /// An unread part: an octet, the place of its reason in [`Why::ALL`].
    Unread,
    /// A line of the receipt.
    Receipt,
    /// The end of a job.
    Done,
    /// A picture of what is unread: the place of its reason in [`Why::ALL`], one of [`MORE`] to [`WHOLE`], and the file.
    Picture,
}

impl Kind {
    pub(super) fn of(octet: u8) -> Option<Self> {
        use Kind::{Begun, Cells, Done, Picture, Place, Ready, Receipt, Text, Unread};
        [Ready, Begun, Place, Cells, Text, Unread, Receipt, Done, Picture].into_iter().find(|kind| *kind as u8 == octet)
    }
}

/// Both ends are the same program; this says that they are.
pub(super) const HELLO: &[u8] = b"mailpoort reader 2";
/// Octets before the content of a frame.
pub(super) const FRAME: usize = 5;
/// Behind a picture comes another one of the same part; it is the last, and there were more; it is the last of all.
pub(super) const MORE: u8 = 0;
pub(super) const CUT: u8 = 1;
pub(super) const WHOLE: u8 = 2;
/// Octets before the file of a picture.
pub(super) const PICTURE: usize = 2;
/// Octets of a cell: table, row, column, start and end, four each.
pub(super) const CELL: usize = 20;

/// A line of the receipt, without its place.
#[derive(Serialize, Deserialize)]
pub(super) struct Line {
    pub format: String,
    pub octets: usize,
    pub read: bool,
    pub unread: Vec<Why>,
    pub opened: Option<usize>,
}

/// The end of a job: files that were in the document, octets that were unpacked.
#[derive(Serialize, Deserialize)]
pub(super) struct End {
    pub entries: usize,
    pub unpacked: usize,
}

/// A job without its document.
#[derive(Serialize, Deserialize)]
struct Description {
    essence: String,
    name: String,
    place: Place,
    depth: usize,
    passwords: Passwords,
    limits: Limits,
}

/// A job, as the reader process has it.
pub(super) struct Job {
    description: Description,
    octets: Vec<u8>,
}

impl Job {
    pub(super) fn document(&self) -> Document<'_> {
        let Description { essence, name, place, depth, passwords, .. } = &self.description;
        Document { octets: &self.octets, essence, name, place, depth: *depth, passwords }
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.description.limits
    }

    /// The next job; none when the gate has no more.
    ///
    /// # Errors
    /// The pipe broke, or what came is no job.
    pub(super) fn read(from: &mut impl Read) -> io::Result<Option<Self>> {
        let (mut description, mut octets) = ([0; 4], [0; 8]);
        match from.read_exact(&mut description) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            other => other?,
        }
        from.read_exact(&mut octets)?;
        let (description, octets) = (u32::from_le_bytes(description) as usize, u64::from_le_bytes(octets) as usize);
        let description = postcard::from_bytes(&exactly(from, description)?).map_err(io::Error::other)?;
        Ok(Some(Self { description, octets: exactly(from, octets)? }))
    }
}

/// The head of a job; the document's octets follow it. None when its names are longer than any.
pub(super) fn job(document: &Document<'_>, limits: &Limits) -> Option<Vec<u8>> {
    let description = postcard::to_allocvec(&Description {
        essence: document.essence.to_string(),
        name: document.name.to_string(),
        place: document.place.clone(),
        depth: document.depth,
        passwords: document.passwords.clone(),
        limits: limits.clone(),
    })
    .ok()?;
    let mut head = u32::try_from(description.len()).ok()?.to_le_bytes().to_vec();
    head.extend_from_slice(&(document.octets.len() as u64).to_le_bytes());
    head.extend_from_slice(&description);
    Some(head)
}

fn exactly(from: &mut impl Read, length: usize) -> io::Result<Vec<u8>> {
    let mut octets = vec![0; length];
    from.read_exact(&mut octets)?;
    Ok(octets)
}

/// Octets of a word of a parent, as a frame.
pub(super) fn born(seal: Seal, child: i32) -> Vec<u8> {
    let content = [HELLO, &[seal.octet()], &child.to_le_bytes()].concat();
    let mut word = Vec::new();
    // Memory takes what it is given.
    let _ = frame(&mut word, Kind::Ready, &content);
    word
}

/// Writes a frame.
///
/// # Errors
/// The pipe broke.
pub(super) fn frame(to: &mut impl Write, kind: Kind, content: &[u8]) -> io::Result<()> {
    two(to, kind, &[], content)
}

/// Writes a frame of two pieces.
///
/// # Errors
/// The pipe broke.
pub(super) fn two(to: &mut impl Write, kind: Kind, head: &[u8], content: &[u8]) -> io::Result<()> {
    let length = u32::try_from(head.len().saturating_add(content.len())).map_err(io::Error::other)?;
    to.write_all(&[kind as u8])?;
    to.write_all(&length.to_le_bytes())?;
    to.write_all(head)?;
    to.write_all(content)
}

/// A reason as an octet.
pub(super) fn reason(why: Why) -> u8 {
    Why::ALL.iter().position(|known| *known == why).and_then(|place| u8::try_from(place).ok()).unwrap_or_default()
}

/// Writes a frame with a value in it.
///
/// # Errors
/// The pipe broke.
pub(super) fn value(to: &mut impl Write, kind: Kind, value: &impl Serialize) -> io::Result<()> {
    frame(to, kind, &postcard::to_allocvec(value).map_err(io::Error::other)?)
}

/// Cells as octets. A text that is too long for them does not come through the limits.
pub(super) fn cells(cells: &[Cell]) -> Vec<u8> {
    let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    cells
        .iter()
        .flat_map(|cell| [cell.table, cell.row, cell.column, number(cell.range.start), number(cell.range.end)])
        .flat_map(u32::to_le_bytes)
        .collect()
}
