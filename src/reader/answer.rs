//! What a reader process answers, checked: a hostile document may have taken it over.
//!
//! No length, count, place or range of it is believed. What is no answer is [`Fault::Lied`], and what is more than the
//! limits allow [`Fault::TooMuch`]; what came before either is kept, and the document is unread.

use super::wire::{self, CELL, CUT, End, FRAME, HELLO, Kind, Line, MORE, PICTURE, WHOLE};
use super::{Fault, Seal};
use crate::extract::{Answer, Cell, Document, Picture, Pictured, Place, Receipt, Spot, Text, Unread, Why};
use crate::message::Limits;

/// Texts, unread parts and lines of the receipt of one document, each.
const MOST: usize = 1 << 16;
/// Octets of one place: a few names.
const PLACE: usize = 1 << 18;
/// Octets of everything but texts and cells.
const BESIDE: usize = 1 << 24;
/// Octets of any other frame.
const SMALL: usize = 1 << 12;

/// The answer to one job, as far as it has come.
pub(super) struct Listener<'d> {
    document: &'d Document<'d>,
    limits: &'d Limits,
    /// What came.
    pub answer: Answer,
    /// Whether the process has the whole job: from then on its death is the document's doing.
    pub begun: bool,
    place: Option<Place>,
    cells: Vec<Cell>,
    /// The pictures so far of a part that has more.
    pictures: Vec<Picture>,
    pictures_left: usize,
    text_left: usize,
    cells_left: usize,
    beside_left: usize,
}

impl<'d> Listener<'d> {
    pub(super) fn new(document: &'d Document<'d>, limits: &'d Limits) -> Self {
        Self {
            document,
            limits,
            answer: Answer::default(),
            begun: false,
            place: None,
            cells: Vec::new(),
            pictures: Vec::new(),
            pictures_left: if limits.pictures > 0 { limits.picture_bytes.saturating_add(SMALL) } else { 0 },
            text_left: limits.document_text.min(limits.documents_text),
            cells_left: limits.cells,
            beside_left: BESIDE,
        }
    }

    /// Whether a frame of this kind and length may come.
    ///
    /// # Errors
    /// It may not.
    pub(super) fn allow(&mut self, kind: Kind, length: usize) -> Result<(), Fault> {
        if kind == Kind::Text {
            return if length <= self.text_left { Ok(()) } else { Err(Fault::TooMuch) };
        }
        if kind == Kind::Cells {
            return if length <= self.cells_left.saturating_mul(CELL) { Ok(()) } else { Err(Fault::TooMuch) };
        }
        if kind == Kind::Picture {
            return if length <= self.pictures_left { Ok(()) } else { Err(Fault::TooMuch) };
        }
        if length > if kind == Kind::Place { PLACE } else { SMALL } {
            return Err(Fault::Lied);
        }
        self.beside_left = self.beside_left.checked_sub(length.saturating_add(FRAME)).ok_or(Fault::TooMuch)?;
        Ok(())
    }

    /// Takes a frame; true for the last one.
    ///
    /// # Errors
    /// It is not true, or too much.
    pub(super) fn frame(&mut self, kind: Kind, content: Vec<u8>) -> Result<bool, Fault> {
        if self.begun == (kind == Kind::Begun) {
            return Err(Fault::Lied);
        }
        match kind {
            Kind::Ready => return Err(Fault::Lied),
            Kind::Begun => self.begun = true,
            Kind::Place => self.place = Some(self.placed(&content)?),
            Kind::Cells => self.cells = cells(&content)?,
            Kind::Text => self.text(content)?,
            Kind::Picture => self.picture(content)?,
            Kind::Unread => {
                let unread = Unread { place: self.here()?, why: reason(&content)? };
                room(&mut self.answer.texts.unread)?.push(unread);
            }
            Kind::Receipt => self.receipt(&content)?,
            Kind::Done => {
                let End { entries, unpacked } = postcard::from_bytes(&content).map_err(|_| Fault::Lied)?;
                self.answer.entries = entries.min(self.limits.entries);
                self.answer.unpacked = unpacked.min(self.limits.unpacked_bytes);
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn text(&mut self, content: Vec<u8>) -> Result<(), Fault> {
        let place = self.here()?;
        let text = String::from_utf8(content).map_err(|_| Fault::Lied)?;
        let mut cells = std::mem::take(&mut self.cells);
        let fits = |cell: &Cell| text.get(cell.range.clone()).is_some();
        if memchr::memchr(b'\r', text.as_bytes()).is_some() || !cells.iter().all(fits) {
            return Err(Fault::Lied);
        }
        cells.sort_by_key(|cell| cell.range.start);
        self.text_left = self.text_left.checked_sub(text.len()).ok_or(Fault::TooMuch)?;
        self.cells_left = self.cells_left.checked_sub(cells.len()).ok_or(Fault::TooMuch)?;
        room(&mut self.answer.texts.texts)?.push(Text { place, text, cells });
        Ok(())
    }

    /// A picture, whose header has to say what it is: what else is in it is found out by others in processes of theirs.
    fn picture(&mut self, mut content: Vec<u8>) -> Result<(), Fault> {
        let (place, why) = (self.here()?, reason(&content)?);
        self.pictures_left = self.pictures_left.checked_sub(content.len()).ok_or(Fault::TooMuch)?;
        let end = *content.get(1).ok_or(Fault::Lied)?;
        content.drain(..PICTURE);
        let picture = Picture::new(content, why, self.limits).ok_or(Fault::Lied)?;
        room(&mut self.pictures)?.push(picture);
        match end {
            MORE => {}
            CUT | WHOLE => {
                let part = Pictured { place, why, pictures: std::mem::take(&mut self.pictures), whole: end == WHOLE };
                room(&mut self.answer.pictured)?.push(part);
            }
            _ => return Err(Fault::Lied),
        }
        Ok(())
    }

    fn receipt(&mut self, content: &[u8]) -> Result<(), Fault> {
        let place = self.here()?;
        let Line { format, octets, read, unread, opened } = postcard::from_bytes(content).map_err(|_| Fault::Lied)?;
        if !is_format(&format) || unread.len() > SMALL {
            return Err(Fault::Lied);
        }
        // Of the document itself the gate knows the size.
        let octets = if place == *self.document.place { self.document.octets.len() } else { octets };
        room(&mut self.answer.texts.receipts)?.push(Receipt { place, format, octets, read, unread, opened });
        Ok(())
    }

    fn here(&self) -> Result<Place, Fault> {
        self.place.clone().ok_or(Fault::Lied)
    }

    /// A place, which is the document's own or in it.
    fn placed(&self, content: &[u8]) -> Result<Place, Fault> {
        let place: Place = postcard::from_bytes(content).map_err(|_| Fault::Lied)?;
        let own = self.document.place;
        let itself = place.within == own.within && place.spot == own.spot;
        let around = own.within.len();
        let inside = place.within.starts_with(&own.within)
            && place.within.get(around).is_some_and(|name| name == self.document.name)
            && place.within.len() - around <= self.limits.archives.saturating_add(1);
        let named = match &place.spot {
            Spot::Header(name) => name.len() <= 100 && name.is_ascii(),
            _ => true,
        };
        if (itself || inside) && named { Ok(place) } else { Err(Fault::Lied) }
    }
}

/// The layers of the seal, from the first frame.
///
/// # Errors
/// Who speaks is no reader process of ours.
pub(super) fn born(word: &[u8]) -> Result<(Seal, i32), Fault> {
    let head = wire::born(Seal::from_octet(0), 0);
    let told = head.get(..FRAME + HELLO.len()).and_then(|head| word.strip_prefix(head)).ok_or(Fault::Lied)?;
    let (seal, child) = told.split_first().ok_or(Fault::Lied)?;
    Ok((Seal::from_octet(*seal), child.try_into().map(i32::from_le_bytes).map_err(|_| Fault::Lied)?))
}

fn reason(content: &[u8]) -> Result<Why, Fault> {
    content.first().and_then(|index| Why::ALL.get(usize::from(*index))).copied().ok_or(Fault::Lied)
}

fn room<T>(list: &mut Vec<T>) -> Result<&mut Vec<T>, Fault> {
    if list.len() < MOST { Ok(list) } else { Err(Fault::TooMuch) }
}

/// A word for the journal, which no name or number of a mail fits in by chance.
fn is_format(word: &str) -> bool {
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    (1..=16).contains(&word.len())
        && digits <= 2
        && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_'))
}

fn cells(content: &[u8]) -> Result<Vec<Cell>, Fault> {
    let (cells, rest) = content.as_chunks::<CELL>();
    if !rest.is_empty() {
        return Err(Fault::Lied);
    }
    Ok(cells
        .iter()
        .map(|cell| {
            let mut numbers = cell.as_chunks::<4>().0.iter().map(|number| u32::from_le_bytes(*number));
            let mut next = || numbers.next().unwrap_or_default();
            let (table, row, column) = (next(), next(), next());
            Cell { table, row, column, range: next() as usize..next() as usize }
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::extract::Passwords;

    proptest! {
        /// Whatever is said: no panic, and what is kept holds together.
        #[test]
        fn any_frames_are_kept_or_refused(
            frames in proptest::collection::vec((2u8..=8, 0usize..8, proptest::collection::vec(0u8..8, 0..60)), 0..40)
        ) {
            let own = Place { within: Vec::new(), spot: Spot::Attachment("a.zip".into()), ..Place::default() };
            let document = Document { octets: b"PK", essence: "x/y", name: "a.zip", place: &own, depth: 1, passwords: Passwords::none() };
            let limits = Limits { document_text: 100, cells: 10, entries: 5, unpacked_bytes: 50, ..Limits::default() };
            let mut listener = Listener::new(&document, &limits);
            listener.begun = true;
            listener.place = Some(own.clone());
            for (kind, cells, mut content) in frames {
                let kind = Kind::of(kind).unwrap_or(Kind::Text);
                if kind == Kind::Cells {
                    content = (0..cells).flat_map(|n| [0, 0, 0, n as u32, content.len() as u32 % 9]).flat_map(u32::to_le_bytes).collect();
                }
                if listener.allow(kind, content.len()).and_then(|()| listener.frame(kind, content)).is_err() {
                    break;
                }
            }
            let found = listener.answer.texts.texts;
            prop_assert!(found.iter().map(|text| text.text.len()).sum::<usize>() <= 100);
            prop_assert!(found.iter().map(|text| text.cells.len()).sum::<usize>() <= 10);
            for text in &found {
                prop_assert!(text.cells.iter().all(|cell| text.text.get(cell.range.clone()).is_some()));
                prop_assert!(text.place == own || text.place.within.first().is_some_and(|name| name == "a.zip"));
            }
            prop_assert!(listener.answer.entries <= 5 && listener.answer.unpacked <= 50);
        }
    }

    #[test]
    fn formats_are_words() {
        for word in ["docx", "7z", "smime_pgp", "signature_image", "gzip"] {
            assert!(is_format(word), "{word}");
        }
        for word in ["", "Kim", "kim vos", "123456782", "een-heel-lang-verhaal"] {
            assert!(!is_format(word), "{word}");
        }
    }
}
