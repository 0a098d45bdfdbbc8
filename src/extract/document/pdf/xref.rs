//! Where objects stand by the file's own tables: cross-reference tables and streams (ISO 32000-1 sections 7.5.4 and
//! 7.5.8), newest first, each followed to the one before it.

use std::collections::BTreeSet;

use super::file::{Entry, File};
use super::lexer::{Lexer, Token};
use super::object::{self, Dict, Object};

/// Cross-reference sections that are followed; each save adds one.
pub(super) const SECTIONS: usize = 500;

impl<'d> File<'d> {
    /// Follows the chain of cross-reference sections.
    pub(super) fn sections(&mut self, start: usize) {
        let mut seen = BTreeSet::new();
        let mut todo = vec![start];
        while let Some(offset) = todo.pop() {
            if seen.len() >= SECTIONS || !seen.insert(offset) {
                continue;
            }
            let Some((dict, hybrid)) = self.section(offset).or_else(|| self.section(offset.checked_add(self.shift)?))
            else {
                continue;
            };
            let offset_of = |key| dict.get(key).int().and_then(|offset| usize::try_from(offset).ok());
            if let Some(previous) = offset_of(b"Prev") {
                todo.push(previous);
                self.older.push(previous);
            }
            todo.extend(offset_of(b"XRefStm").filter(|_| hybrid));
            self.merge_trailer(dict);
        }
    }

    /// Newer trailers count, key by key.
    fn merge_trailer(&mut self, dict: Dict) {
        if !self.trailer.has(b"Root") {
            self.trailer = dict;
        }
    }

    /// One section: its trailer, and whether it was a table.
    fn section(&mut self, offset: usize) -> Option<(Dict, bool)> {
        let mut lexer = Lexer::new(self.data, offset);
        let before = lexer.next()?;
        if before != Token::Word(b"xref") {
            return self.stream_section(offset).map(|dict| (dict, false));
        }
        loop {
            match lexer.next()? {
                Token::Int(first) => self.subsection(&mut lexer, u32::try_from(first).ok()?)?,
                Token::Word(b"trailer") => break,
                _ => return None,
            }
        }
        match object::parse(&mut lexer)? {
            Object::Dict(dict) => Some((dict, true)),
            _ => None,
        }
    }

    fn subsection(&mut self, lexer: &mut Lexer<'d>, first: u32) -> Option<()> {
        let Token::Int(count) = lexer.next()? else { return None };
        for index in 0..u32::try_from(count).ok()? {
            let before = lexer.at;
            let Some(Token::Int(offset)) = lexer.next() else {
                lexer.at = before;
                break;
            };
            let (_generation, kind) = (lexer.next()?, lexer.next()?);
            let entry = match (kind, usize::try_from(offset)) {
                (Token::Word(b"n"), Ok(offset)) => Entry::At(offset),
                (Token::Word(b"f"), _) => Entry::Free,
                _ => {
                    lexer.at = before;
                    break;
                }
            };
            self.entries.entry(first.checked_add(index)?).or_insert(entry);
        }
        Some(())
    }

    /// A cross-reference stream (section 7.5.8).
    fn stream_section(&mut self, offset: usize) -> Option<Dict> {
        let (_, object) = self.parse_at(offset, None)?;
        let stream = object.stream()?;
        if !stream.dict.is_type(b"XRef") && !stream.dict.has(b"W") {
            return None;
        }
        let octets = self.decode(stream).octets.into_owned();
        let widths: Vec<usize> =
            stream.dict.get(b"W").array()?.iter().map(|w| usize::try_from(w.int().unwrap_or(0)).unwrap_or(9)).collect();
        let &[kind, second, third] = widths.get(..3)? else { return None };
        let row = kind.checked_add(second)?.checked_add(third)?;
        if row == 0 || widths.iter().any(|width| *width > 8) {
            return None;
        }
        let size = stream.dict.get(b"Size").int().unwrap_or(i64::MAX);
        let whole = [Object::Int(0), Object::Int(size)];
        let index = stream.dict.get(b"Index").array().unwrap_or(&whole);
        let mut rows = octets.chunks_exact(row);
        for pair in index.chunks_exact(2) {
            let (Some(first), Some(count)) = (pair.first()?.int(), pair.get(1)?.int()) else { break };
            for number in first..first.saturating_add(count) {
                let Some(fields) = rows.next() else { break };
                let field = |from: usize, width: usize| {
                    fields.iter().skip(from).take(width).fold(0u64, |sum, octet| sum << 8 | u64::from(*octet))
                };
                let entry = match if kind == 0 { 1 } else { field(0, kind) } {
                    0 => Entry::Free,
                    1 => Entry::At(usize::try_from(field(kind, second)).ok()?),
                    2 => Entry::In(
                        u32::try_from(field(kind, second)).ok()?,
                        usize::try_from(field(kind + second, third)).ok()?,
                    ),
                    _ => continue,
                };
                let Ok(number) = u32::try_from(number) else { break };
                self.entries.entry(number).or_insert(entry);
            }
        }
        Some(stream.dict.clone())
    }
}
