//! XLS (MS-XLS; BIFF8, and BIFF5 and BIFF7 with their code pages): the workbook stream.
//!
//! The stream is walked once. Strings are shared as in [`super::workbook`]; sizes and counts in it are not believed.
//! Pictures and macros are not read; a workbook that no password of the message opens is said to be locked. Cannot fail: a stream that
//! breaks off has given what stood before.

mod record;
mod sheet;
#[cfg(test)]
mod tests;

use encoding_rs::Encoding;

use super::formula::{Dialect, words_of_tokens};
use super::shown::Epoch;
use super::workbook::{Strings, Styles};
use super::{Sink, lock};
use crate::extract::{Layer, Section, Unit, Why};
use record::{Pieces, Record, f64_at, records, u16_at, u32_at};
pub(super) use record::{rk, wide_texts};
use sheet::Sheet;
pub(super) use sheet::error;

/// Reads a workbook stream, and one that is locked if a password of the message opens it.
pub(super) fn read(stream: &[u8], sink: &mut Sink<'_, '_>) {
    sink.is("xls");
    let lock = records(stream).take(FIRST).find(|record| record.kind == FILEPASS);
    match lock.and_then(|lock| lock::workbook(stream, lock.data, sink)) {
        Some(open) => read_open(&open, sink),
        None => read_open(stream, sink),
    }
}

fn read_open(stream: &[u8], sink: &mut Sink<'_, '_>) {
    let mut book = Book::default();
    let mut sheet: Option<Sheet> = None;
    let mut depth = 0usize;
    let mut known = false;
    for record in records(stream) {
        match record.kind {
            BOF => {
                known = true;
                if let Some(section) = book.section_at(record.offset, depth, &record) {
                    sheet.replace(Sheet::new(section, sink)).into_iter().for_each(|before| before.finish(sink));
                    depth = 0;
                }
                book.biff5 = book.biff5 || depth == 0 && u16_at(record.data, 0).is_some_and(|version| version < 0x600);
                depth += 1;
            }
            EOF => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    sheet.take().into_iter().for_each(|before| before.finish(sink));
                }
            }
            FILEPASS => return sink.unread(Why::Encrypted),
            _ => match &mut sheet {
                Some(sheet) => sheet.record(&record, depth, &mut book),
                None => book.record(&record),
            },
        }
    }
    sheet.into_iter().for_each(|last| last.finish(sink));
    if !known || book.begun < book.sheets.len() {
        sink.unread(Why::Damaged);
    }
    book.finish(sink);
}

const BOF: u16 = 0x809;
const EOF: u16 = 0x0a;
const FILEPASS: u16 = 0x2f;
/// The lock stands among the first records (2.1.7.20.3).
const FIRST: usize = 16;

/// What the sheets of a workbook share.
#[derive(Default)]
struct Book {
    biff5: bool,
    code_page: Option<&'static Encoding>,
    strings: Strings,
    styles: Styles,
    epoch: Epoch,
    /// Where each sheet begins, its name, and whether it is hidden.
    sheets: Vec<(usize, String, bool)>,
    /// How many sheets began.
    begun: usize,
    behind: String,
    property: String,
}

impl Book {
    /// The section of the sheet that begins here; none when it is no sheet.
    fn section_at(&mut self, offset: usize, depth: usize, record: &Record<'_>) -> Option<Section> {
        const GLOBALS: u16 = 5;
        let listed = self.sheets.iter().find(|(at, ..)| *at == offset);
        if listed.is_none() && (depth > 0 || u16_at(record.data, 2) == Some(GLOBALS)) {
            return None;
        }
        let listed = listed.or_else(|| self.sheets.get(self.begun));
        self.begun += 1;
        let (name, hidden) = listed.map(|(_, name, hidden)| (name.clone(), *hidden)).unwrap_or_default();
        Some(Section { unit: Unit::Sheet(name), layer: if hidden { Layer::Hidden } else { Layer::Body } })
    }

    /// A record that belongs to the workbook.
    fn record(&mut self, record: &Record<'_>) {
        // A record too short for what it should hold says nothing.
        let _ = match record.kind {
            0x42 => self.code_page(record.data),
            0x85 => self.sheet(record.data),
            0x22 => u16_at(record.data, 0).map(|mode| {
                self.epoch = if mode == 1 { Epoch::Y1904 } else { Epoch::Y1900 };
            }),
            0x41e => self.format(record.data),
            0xe0 => u16_at(record.data, 2).map(|format| self.styles.style(format)),
            0xfc => self.shared(record),
            0x18 => self.name(record.data),
            0x5c => self.user(record.data),
            0x1ae => {
                self.behind.push_str(&wide_texts(record.data));
                None
            }
            0x5a => self.outside(record.data),
            _ => None,
        };
    }

    fn code_page(&mut self, data: &[u8]) -> Option<()> {
        let label = match u16_at(data, 0)? {
            page @ (874 | 1250..=1258) => format!("windows-{page}"),
            866 => "ibm866".to_string(),
            932 => "shift_jis".to_string(),
            936 => "gbk".to_string(),
            949 => "euc-kr".to_string(),
            950 => "big5".to_string(),
            10_000 | 0x8000 => "macintosh".to_string(),
            _ => return None,
        };
        self.code_page = Encoding::for_label(label.as_bytes());
        Some(())
    }

    /// Octets in the workbook's code page.
    fn decode(&self, octets: &[u8]) -> String {
        self.code_page.unwrap_or(encoding_rs::WINDOWS_1252).decode_without_bom_handling(octets).0.into_owned()
    }

    /// A string of so many characters that begins here.
    fn string(&self, count: usize, data: &[u8]) -> Option<String> {
        if self.biff5 {
            return data.get(..count.min(data.len())).map(|octets| self.decode(octets));
        }
        let mut out = String::new();
        Pieces::new(data, &[]).string_of(count, &mut out);
        Some(out)
    }

    fn sheet(&mut self, data: &[u8]) -> Option<()> {
        let name = self.string(usize::from(*data.get(6)?), data.get(7..)?)?;
        self.property.push_str(&name);
        self.property.push('\n');
        const MACROS: u8 = 6;
        if *data.get(5)? == MACROS {
            return None;
        }
        self.sheets.push((u32_at(data, 0)? as usize, name, data.get(4)? & 3 != 0));
        Some(())
    }

    fn format(&mut self, data: &[u8]) -> Option<()> {
        let code = if self.biff5 {
            self.string(usize::from(*data.get(2)?), data.get(3..)?)?
        } else {
            self.string(usize::from(u16_at(data, 2)?), data.get(4..)?)?
        };
        self.styles.format(u16_at(data, 0)?, &code);
        Some(())
    }

    /// The strings that cells share (2.4.265), as many as there are.
    fn shared(&mut self, record: &Record<'_>) -> Option<()> {
        let mut pieces = Pieces::new(record.data.get(8..)?, &record.more);
        let mut text = String::new();
        while pieces.string(&mut text).is_some() {
            self.strings.push(&text);
            text.clear();
        }
        // What was read of a string that breaks off.
        self.strings.push(&text);
        Some(())
    }

    /// A defined name and what its formula says (2.4.150).
    fn name(&mut self, data: &[u8]) -> Option<()> {
        let count = usize::from(*data.get(3)?);
        let rest = data.get(14..)?;
        let wide = !self.biff5 && rest.first()? & 1 != 0;
        let size = usize::from(!self.biff5) + count * if wide { 2 } else { 1 };
        // A built-in name is one character that means something else.
        if u16_at(data, 0)? & 0x20 == 0 {
            let name = self.string(count, rest)?;
            self.behind.push_str(&name);
            self.behind.push('\n');
        }
        let formula = rest.get(size..)?;
        let tokens = formula.get(..usize::from(u16_at(data, 4)?)).unwrap_or(formula);
        if let Some(words) = self.words(tokens) {
            self.behind.push_str(&words);
            self.behind.push('\n');
        }
        Some(())
    }

    /// What a formula says beside its result.
    fn words(&self, tokens: &[u8]) -> Option<String> {
        let dialect = if self.biff5 { Dialect::Biff5 } else { Dialect::Biff8 };
        words_of_tokens(tokens, dialect, &|octets| self.decode(octets))
    }

    /// Who saved it last (2.4.349).
    fn user(&mut self, data: &[u8]) -> Option<()> {
        let name = if self.biff5 {
            self.string(usize::from(*data.first()?), data.get(1..)?)?
        } else {
            self.string(usize::from(u16_at(data, 0)?), data.get(2..)?)?
        };
        self.property.push_str(name.trim());
        self.property.push('\n');
        Some(())
    }

    /// Cells of another workbook, kept here (2.4.64).
    fn outside(&mut self, data: &[u8]) -> Option<()> {
        let mut rest = data.get(4..)?;
        while let Some((&kind, value)) = rest.split_first() {
            let size = match kind {
                1 => {
                    self.behind.push_str(&f64_at(value, 0)?.to_string());
                    8
                }
                2 => {
                    let count = usize::from(u16_at(value, 0)?);
                    self.behind.push_str(&self.string(count, value.get(2..)?)?);
                    if self.biff5 || value.get(2)? & 1 == 0 { 3 + count } else { 3 + count * 2 }
                }
                _ => 8,
            };
            self.behind.push('\n');
            rest = value.get(size..)?;
        }
        Some(())
    }

    fn finish(self, sink: &mut Sink<'_, '_>) {
        sink.text(Layer::Property, self.property, Vec::new());
        sink.text(Layer::Behind, self.behind + &self.strings.unused(), Vec::new());
    }
}
