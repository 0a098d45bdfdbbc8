//! Where objects stand when no table tells: all that looks like one is one, and the last of each number counts.

use std::cell::RefCell;
use std::collections::HashMap;

use memchr::memmem;

use super::crypt::Locked;
use super::file::{Entry, File};
use super::lexer::{Lexer, is_space};
use super::object::{self, Dict, Object};
use super::xref::SECTIONS;

impl File<'_> {
    /// All that looks like `12 0 obj`; of a number that stands twice, the last.
    pub(super) fn salvage(&self) -> HashMap<u32, Entry> {
        let mut found = HashMap::new();
        for at in memmem::find_iter(self.data, b"obj") {
            if let Some((number, start)) = self.head_before(at) {
                found.insert(number, Entry::At(start));
            }
        }
        found
    }

    /// Number and start of the `12 0 ` that stands before here.
    fn head_before(&self, at: usize) -> Option<(u32, usize)> {
        let from = at.saturating_sub(40);
        let before = self.data.get(from..at)?;
        let trim = |octets: &[u8]| octets.len() - octets.iter().rev().take_while(|octet| is_space(**octet)).count();
        let digits = |octets: &[u8]| {
            let start = octets.len() - octets.iter().rev().take_while(|octet| octet.is_ascii_digit()).count();
            octets.get(start..).filter(|digits| !digits.is_empty()).map(|_| start)
        };
        let head = before.get(..trim(before))?;
        let generation = digits(head)?;
        let head = head.get(..generation)?;
        let end = trim(head);
        if end == head.len() {
            return None;
        }
        let head = head.get(..end)?;
        let start = digits(head)?;
        let number = std::str::from_utf8(head.get(start..)?).ok()?.parse().ok()?;
        Some((number, from + start))
    }

    /// Without a usable table: everything that can be found.
    pub(super) fn rebuild(&mut self, passwords: &[&[u8]]) -> Result<(), Locked> {
        let found = self.salvage();
        self.entries = found;
        self.crypt = None;
        self.older.clear();
        self.kept = RefCell::default();
        self.packs = RefCell::default();
        let mut trailers: Vec<Dict> = memmem::find_iter(self.data, b"trailer")
            .take(SECTIONS)
            .filter_map(|at| object::parse(&mut Lexer::new(self.data, at + 7))?.dict().cloned())
            .filter(|dict| dict.has(b"Root"))
            .collect();
        self.trailer = trailers.pop().unwrap_or_default();
        let mut numbers = self.numbers();
        numbers.sort_by_key(|number| match self.entries.get(number) {
            Some(Entry::At(offset)) => *offset,
            _ => 0,
        });
        let mut packs = Vec::new();
        let mut catalog = None;
        for number in numbers {
            let object = self.get(number);
            let Some(dict) = object.dict() else { continue };
            match dict.get(b"Type").name() {
                Some(b"ObjStm") => packs.push(number),
                Some(b"XRef") if dict.has(b"Root") => self.trailer = dict.clone(),
                Some(b"Catalog") => catalog = Some(number),
                _ => {}
            }
        }
        self.unlock(passwords)?;
        self.packs_of_rebuilt(&packs, &mut catalog);
        if self.at(&self.trailer, b"Root").dict().is_none()
            && let Some(number) = catalog
        {
            self.trailer = self.trailer.with(b"Root", Object::Ref(number));
        }
        Ok(())
    }

    /// Enters what is in the object streams.
    fn packs_of_rebuilt(&mut self, packs: &[u32], catalog: &mut Option<u32>) {
        for &number in packs {
            let Some(pack) = self.pack(number) else { continue };
            for (index, (inner, offset)) in pack.objects.iter().enumerate() {
                self.entries.entry(*inner).or_insert(Entry::In(number, index));
                let start = pack.octets.get(*offset..).unwrap_or_default();
                let start = start.get(..400).unwrap_or(start);
                if memmem::find(start, b"/Catalog").is_some()
                    && object::parse(&mut Lexer::new(&pack.octets, *offset))
                        .is_some_and(|object| object.dict().is_some_and(|dict| dict.is_type(b"Catalog")))
                {
                    *catalog = Some(*inner);
                }
            }
        }
    }
}
