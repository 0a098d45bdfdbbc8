//! A PDF file as numbered objects (ISO 32000-1 section 7.5): cross-reference tables and streams, object streams,
//! incremental updates, and what can be found without any of them.
//!
//! Objects are parsed when they are asked for. A table that lies about one object costs that object a search through
//! the file, once for all. References and lengths may lead in circles: every way ends after a few steps in null.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::ops::Deref;
use std::rc::Rc;

use memchr::memmem;

use super::crypt::{Crypt, Locked};
use super::filter::Budget;
use super::lexer::{Lexer, Token, is_space};
use super::object::{self, Dict, Object, Stream};

/// Objects, with all that is in them, that are kept parsed.
const KEPT: usize = 300_000;
/// Octets of unpacked object streams that are kept.
const PACKED: usize = 32 << 20;
/// Octets that are parsed beside sixteen times the file.
const PARSED: usize = 64 << 20;
/// Objects that may be in the making at the same time: a length within a stream within an object stream.
const NESTED: usize = 8;

/// Where an object stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Entry {
    Free,
    /// At this offset.
    At(usize),
    /// In this object stream, at this index.
    In(u32, usize),
}

/// An object stream, unpacked.
pub(super) struct Pack {
    pub(super) octets: Vec<u8>,
    /// Number and offset of each object in it.
    pub(super) objects: Vec<(u32, usize)>,
}

/// An opened file.
pub(super) struct File<'d> {
    pub(super) data: &'d [u8],
    /// Octets before the header; some programs count offsets from there.
    pub(super) shift: usize,
    pub(super) entries: HashMap<u32, Entry>,
    pub(super) trailer: Dict,
    pub(super) crypt: Option<Crypt>,
    /// Offsets of the older cross-reference sections, newest first.
    pub(super) older: Vec<usize>,
    pub(super) kept: RefCell<(usize, HashMap<u32, Rc<Object>>)>,
    pub(super) packs: RefCell<(usize, HashMap<u32, Rc<Pack>>)>,
    /// All objects found by looking for them; the last of each number.
    pub(super) salvaged: OnceCell<HashMap<u32, Entry>>,
    /// Where `endstream` stands.
    pub(super) ends: OnceCell<Vec<usize>>,
    pub(super) nested: Cell<usize>,
    /// Octets that were parsed: an object that is asked for over and over is parsed over and over.
    parsed: Cell<usize>,
    pub(super) budget: Rc<Budget>,
}

/// An object, borrowed or from the store.
pub(super) enum Held<'o> {
    Here(&'o Object),
    Kept(Rc<Object>),
}

impl Deref for Held<'_> {
    type Target = Object;
    fn deref(&self) -> &Object {
        match self {
            Self::Here(object) => object,
            Self::Kept(object) => object,
        }
    }
}

impl<'d> File<'d> {
    /// Opens a file in its newest state. `Err` when it is locked and none of the passwords opens it.
    pub(super) fn open(data: &'d [u8], passwords: &[&[u8]], budget: Rc<Budget>) -> Result<Self, Locked> {
        let start = memmem::rfind(data, b"startxref")
            .and_then(|at| match Lexer::new(data, at + 9).next() {
                Some(Token::Int(offset)) => usize::try_from(offset).ok(),
                _ => None,
            })
            .unwrap_or(usize::MAX);
        let mut file = Self::empty(data, budget);
        file.sections(start);
        // The pages may stand in a locked object stream: first the lock.
        let opened = file.unlock(passwords);
        if opened.is_err() || !file.has_pages() {
            file.rebuild(passwords)?;
        }
        Ok(file)
    }

    /// Opens it as it was when this cross-reference section was the last.
    pub(super) fn open_older(&self, section: usize, passwords: &[&[u8]]) -> Option<Self> {
        let mut file = Self::empty(self.data, Rc::clone(&self.budget));
        file.sections(section);
        file.unlock(passwords).ok()?;
        file.has_pages().then_some(file)
    }

    fn empty(data: &'d [u8], budget: Rc<Budget>) -> Self {
        let start = data.get(..4096).unwrap_or(data);
        Self {
            data,
            shift: memmem::find(start, b"%PDF-").unwrap_or(0),
            entries: HashMap::new(),
            trailer: Dict::default(),
            crypt: None,
            older: Vec::new(),
            kept: RefCell::default(),
            packs: RefCell::default(),
            salvaged: OnceCell::new(),
            ends: OnceCell::new(),
            nested: Cell::new(0),
            parsed: Cell::new(0),
            budget,
        }
    }

    fn has_pages(&self) -> bool {
        let root = self.at(&self.trailer, b"Root");
        root.dict().is_some_and(|root| self.at(root, b"Pages").dict().is_some())
    }

    pub(super) fn unlock(&mut self, passwords: &[&[u8]]) -> Result<(), Locked> {
        let lock = self.at(&self.trailer, b"Encrypt");
        let Some(lock) = lock.dict() else { return Ok(()) };
        let id = self.at(&self.trailer, b"ID");
        let id = id.array().and_then(|id| id.first()).map(|first| self.resolve(first).octets().map(<[u8]>::to_vec));
        let crypt = Crypt::open(self, lock, &id.flatten().unwrap_or_default(), passwords)?;
        self.crypt = Some(crypt);
        // What was read so far was read with its strings locked.
        self.kept = RefCell::default();
        self.packs = RefCell::default();
        Ok(())
    }

    /// The object of a number; null when there is none.
    pub(super) fn get(&self, number: u32) -> Rc<Object> {
        if let Some(object) = self.kept.borrow().1.get(&number) {
            return Rc::clone(object);
        }
        if self.nested.get() >= NESTED {
            return Rc::default();
        }
        if self.parsed.get() > PARSED + 16 * self.data.len() {
            self.budget.exceed();
            return Rc::default();
        }
        self.nested.set(self.nested.get() + 1);
        let object = Rc::new(self.read(number).unwrap_or_default());
        self.nested.set(self.nested.get() - 1);
        let weight = object.weight();
        let mut kept = self.kept.borrow_mut();
        if kept.0 + weight > KEPT {
            *kept = Default::default();
        }
        kept.0 += weight;
        kept.1.insert(number, Rc::clone(&object));
        object
    }

    fn count(&self, parsed: usize) {
        self.parsed.set(self.parsed.get() + parsed);
    }

    /// What a reference leads to; the object itself when it is none.
    pub(super) fn resolve<'o>(&self, object: &'o Object) -> Held<'o> {
        let Object::Ref(number) = object else { return Held::Here(object) };
        let mut found = self.get(*number);
        for _ in 0..8 {
            let Object::Ref(next) = *found else { break };
            found = self.get(next);
        }
        Held::Kept(found)
    }

    /// The value of a key, resolved.
    pub(super) fn at<'o>(&self, dict: &'o Dict, key: &[u8]) -> Held<'o> {
        self.resolve(dict.get(key))
    }

    /// The numbers of all objects, ascending.
    pub(super) fn numbers(&self) -> Vec<u32> {
        let mut numbers: Vec<u32> = self.entries.iter().filter(|(_, e)| **e != Entry::Free).map(|(n, _)| *n).collect();
        numbers.sort_unstable();
        numbers
    }

    fn read(&self, number: u32) -> Option<Object> {
        match self.entries.get(&number) {
            Some(Entry::Free) => None,
            Some(Entry::In(pack, index)) => self.packed(*pack, *index, number).or_else(|| self.read_salvaged(number)),
            Some(Entry::At(offset)) => self
                .parse_numbered(*offset, number)
                .or_else(|| self.parse_numbered(offset.checked_add(self.shift)?, number))
                .or_else(|| self.read_salvaged(number)),
            None => None,
        }
    }

    fn read_salvaged(&self, number: u32) -> Option<Object> {
        match self.salvaged.get_or_init(|| self.salvage()).get(&number)? {
            Entry::At(offset) => self.parse_numbered(*offset, number),
            _ => None,
        }
    }

    fn parse_numbered(&self, offset: usize, number: u32) -> Option<Object> {
        let (id, mut object) = self.parse_at(offset, Some(number))?;
        if let Some(crypt) = &self.crypt {
            object.each_text(&mut |text| *text = crypt.text(id, text));
        }
        Some(object)
    }

    /// Parses `12 0 obj ...` that begins here, its strings as they stand.
    pub(super) fn parse_at(&self, offset: usize, number: Option<u32>) -> Option<((u32, u32), Object)> {
        let mut lexer = Lexer::new(self.data, offset);
        let (Token::Int(found), Token::Int(generation), Token::Word(b"obj")) =
            (lexer.next()?, lexer.next()?, lexer.next()?)
        else {
            return None;
        };
        let found = u32::try_from(found).ok()?;
        if number.is_some_and(|number| number != found) {
            return None;
        }
        let id = (found, u32::try_from(generation).unwrap_or(0));
        let object = object::parse(&mut lexer).unwrap_or_default();
        self.count(lexer.at.saturating_sub(offset));
        let Object::Dict(dict) = object else { return Some((id, object)) };
        if lexer.next() != Some(Token::Word(b"stream")) {
            return Some((id, Object::Dict(dict)));
        }
        let start = lexer.at
            + match lexer.rest() {
                [b'\r', b'\n', ..] => 2,
                [b'\n' | b'\r', ..] => 1,
                // Spaces before the line end, which some programs write.
                [b' ', b'\r', b'\n', ..] => 3,
                [b' ', b'\n', ..] => 2,
                _ => 0,
            };
        let range = start..self.stream_end(start, &dict);
        Some((id, Object::Stream(Stream { dict, range, id })))
    }

    /// Where a stream ends: by its length if `endstream` follows, else at the next `endstream`.
    fn stream_end(&self, start: usize, dict: &Dict) -> usize {
        let length = self.at(dict, b"Length").int().and_then(|length| usize::try_from(length).ok());
        if let Some(end) = length.and_then(|length| start.checked_add(length))
            && let Some(rest) = self.data.get(end..)
        {
            let spaces = rest.iter().take(4).take_while(|octet| is_space(**octet)).count();
            if rest.get(spaces..).is_some_and(|rest| rest.starts_with(b"endstream") || rest.starts_with(b"endobj")) {
                return end;
            }
        }
        let ends = self.ends.get_or_init(|| memmem::find_iter(self.data, b"endstream").collect());
        let end = ends.get(ends.partition_point(|end| *end < start)).copied().unwrap_or(self.data.len());
        // The line end before it is not the stream's.
        let before = self.data.get(start..end).unwrap_or_default();
        let line_end = if before.ends_with(b"\r\n") { 2 } else { usize::from(before.ends_with(b"\n")) };
        end.saturating_sub(line_end).max(start)
    }

    /// An object of an object stream (section 7.5.7).
    fn packed(&self, number: u32, index: usize, wanted: u32) -> Option<Object> {
        let pack = self.pack(number)?;
        let here = pack.objects.get(index).filter(|(number, _)| *number == wanted);
        let (_, offset) = here.or_else(|| pack.objects.iter().find(|(number, _)| *number == wanted))?;
        let mut lexer = Lexer::new(&pack.octets, *offset);
        let object = object::parse(&mut lexer);
        self.count(lexer.at.saturating_sub(*offset));
        object
    }

    pub(super) fn pack(&self, number: u32) -> Option<Rc<Pack>> {
        if let Some(pack) = self.packs.borrow().1.get(&number) {
            return Some(Rc::clone(pack));
        }
        // An object stream never stands in another.
        if matches!(self.entries.get(&number), Some(Entry::In(..))) {
            return None;
        }
        let object = self.get(number);
        let stream = object.stream()?;
        let first = usize::try_from(self.at(&stream.dict, b"First").int()?).ok()?;
        let octets = self.decode(stream).octets.into_owned();
        let mut lexer = Lexer::new(octets.get(..first).unwrap_or(&octets), 0);
        let mut objects = Vec::new();
        while let (Some(Token::Int(number)), Some(Token::Int(offset))) = (lexer.next(), lexer.next()) {
            let offset = usize::try_from(offset).ok().and_then(|offset| offset.checked_add(first));
            if let (Ok(number), Some(offset)) = (u32::try_from(number), offset) {
                objects.push((number, offset));
            }
        }
        let pack = Rc::new(Pack { octets, objects });
        let mut packs = self.packs.borrow_mut();
        if packs.0 + pack.octets.len() > PACKED {
            *packs = Default::default();
        }
        packs.0 += pack.octets.len() + pack.objects.len() * 16;
        packs.1.insert(number, Rc::clone(&pack));
        Some(pack)
    }

    pub(super) fn crypt(&self) -> Option<&Crypt> {
        self.crypt.as_ref()
    }
}
