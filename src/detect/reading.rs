//! Reading: a folded text -> words, numbers and the sentences, cells and rows in which they stand.
//!
//! A [`Token`] is a run of letters or a run of digits. A [`Segment`] is a sentence, a line of a list or
//! a cell: what is said in one segment is said about the same person. Linear, and never fails.

mod eight;

use crate::detect::fold::Folded;
use crate::extract::Text;

use eight::Eight;

/// What stands between a token and the one before it, as bits.
pub mod gap {
    /// Space.
    pub const SPACE: u16 = 1;
    /// A line break.
    pub const LINE: u16 = 2;
    /// An empty line.
    pub const BLANK: u16 = 4;
    /// A hyphen or dash.
    pub const HYPHEN: u16 = 8;
    /// An apostrophe.
    pub const APOSTROPHE: u16 = 16;
    /// A full stop.
    pub const DOT: u16 = 32;
    /// A comma.
    pub const COMMA: u16 = 64;
    /// A slash.
    pub const SLASH: u16 = 128;
    /// The mark of a quoted line.
    pub const QUOTE: u16 = 256;
    /// A border between cells: tab, semicolon, bar, or the text model's own cells.
    pub const CELL: u16 = 512;
    /// `!` or `?`.
    pub const END: u16 = 1024;
    /// A round bracket.
    pub const BRACKET: u16 = 2048;
    /// A colon.
    pub const COLON: u16 = 4096;
    /// Anything else.
    pub const OTHER: u16 = 8192;
    /// A new segment begins here.
    pub const SEGMENT: u16 = 16384;
    /// An @ sign.
    pub const AT: u16 = 32768;
}

/// A run of letters or of digits.
#[derive(Debug, Clone, Copy)]
pub struct Token {
    /// Where it begins in the folded text.
    pub start: u32,
    /// Where it ends.
    pub end: u32,
    /// Hash of its letters in lower case, or of its digits.
    pub hash: u64,
    /// What stands before it ([`gap`]).
    pub gap: u16,
    /// Digits, not letters.
    pub digits: bool,
    /// Begins with a capital.
    pub capital: bool,
    /// Capitals only.
    pub upper: bool,
    /// The index of its segment.
    pub segment: u32,
}

impl Token {
    /// Its length in bytes.
    pub fn len(&self) -> usize {
        (self.end - self.start) as usize
    }
}

/// A sentence, a line of a list, or a cell.
#[derive(Debug, Clone, Copy, Default)]
pub struct Segment {
    /// The index of its cell, if it is one.
    pub cell: Option<u32>,
    /// The row, counted over all tables of the text.
    pub row: Option<u32>,
    /// The paragraph, counted from 0.
    pub paragraph: u32,
    /// It ends with a question mark.
    pub question: bool,
}

/// A text as detection reads it.
pub struct Reading<'a> {
    /// The text.
    pub text: &'a Text,
    /// Its folded form.
    pub folded: Folded<'a>,
    /// Its words and numbers.
    pub tokens: Vec<Token>,
    /// Its segments, at least one.
    pub segments: Vec<Segment>,
    /// Rows with cells.
    pub rows: usize,
    /// Which of its tokens are digits: what looks for numbers goes from one to the next.
    pub digits: Vec<u32>,
}

/// Above this length nobody meant a word or a number; the rest of the run is read as a next token. A multiple of eight.
const LONGEST_TOKEN: usize = 256;
/// A line shorter than this was ended by its writer; a longer one was wrapped.
pub const SHORT_LINE: usize = 50;

impl<'a> Reading<'a> {
    /// Reads a text.
    pub fn new(text: &'a Text) -> Self {
        let folded = Folded::new(&text.text);
        let mut reader = Reader::new(text, &folded);
        reader.read();
        let Reader { tokens, segments, rows, digits, .. } = reader;
        Self { text, folded, tokens, segments, rows, digits }
    }

    /// The bytes of a token.
    pub fn bytes(&self, token: &Token) -> &[u8] {
        self.folded.text.as_bytes().get(token.start as usize..token.end as usize).unwrap_or_default()
    }

    /// The token at an index.
    pub fn token(&self, index: usize) -> Option<&Token> {
        self.tokens.get(index)
    }

    /// A token's segment.
    pub fn segment(&self, token: &Token) -> Segment {
        self.segments.get(token.segment as usize).copied().unwrap_or_default()
    }

    /// The byte before an offset of the folded text.
    pub fn byte_before(&self, at: u32) -> Option<u8> {
        (at as usize).checked_sub(1).and_then(|i| self.folded.text.as_bytes().get(i)).copied()
    }

    /// The byte at an offset of the folded text.
    pub fn byte_at(&self, at: u32) -> Option<u8> {
        self.folded.text.as_bytes().get(at as usize).copied()
    }
}

/// The hash of a word in lower case; the same as a [`Token`]'s.
pub fn word_hash(word: &[u8]) -> u64 {
    word.chunks(8).fold(SEED, |hash, chunk| mixed(hash, Eight::new(chunk)))
}

const SEED: u64 = 0xcbf2_9ce4_8422_2325;

/// A hash that goes on with up to eight more bytes. Words of eight letters or fewer never share one.
#[inline]
fn mixed(hash: u64, eight: Eight) -> u64 {
    let product = (hash ^ eight.lower()).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    product ^ product >> 32
}

struct Reader<'t> {
    bytes: &'t [u8],
    cells: Vec<(u32, u32)>,
    row_of: Vec<u32>,
    tokens: Vec<Token>,
    segments: Vec<Segment>,
    rows: usize,
    digits: Vec<u32>,
    next_cell: usize,
    line_start: usize,
    /// Whether cells stand on this line of running text: `Kim;3-5-2014;groep 4`.
    celled: bool,
}

impl<'t> Reader<'t> {
    fn new(text: &Text, folded: &'t Folded<'_>) -> Self {
        let (cells, row_of, rows) = cells_in_folded(text, folded);
        Self {
            bytes: folded.text.as_bytes(),
            cells,
            row_of,
            tokens: Vec::with_capacity(folded.text.len() / 6),
            segments: vec![Segment::default()],
            rows,
            digits: Vec::new(),
            next_cell: 0,
            line_start: 0,
            celled: false,
        }
    }

    fn read(&mut self) {
        let mut at = 0;
        while at < self.bytes.len() {
            let (gap, start) = match self.bytes.get(at..) {
                // Nearly every gap is a single space.
                Some([b' ', next, ..]) if CLASS[*next as usize] == 0 => (gap::SPACE, at + 1),
                _ => self.gap(at),
            };
            let Some(&first) = self.bytes.get(start) else { break };
            let token = self.run(start, first);
            at = token.end as usize;
            self.place(token, gap);
        }
        let last = self.bytes.iter().rev().find(|byte| !byte.is_ascii_whitespace());
        if let Some(segment) = self.segments.last_mut() {
            segment.question = last == Some(&b'?');
        }
    }

    /// The bits of what stands from `at` on, and where the next token begins. Apart from the loop, as it is the
    /// long way that few gaps need.
    #[inline(never)]
    fn gap(&mut self, mut at: usize) -> (u16, usize) {
        let (mut bits, mut lines, from) = (0, 0u32, at);
        let mut wrapped = true;
        while let Some(&byte) = self.bytes.get(at) {
            let class = CLASS[byte as usize];
            if class == 0 {
                break;
            }
            if byte == b'\n' {
                lines += 1;
                wrapped &= at - self.line_start >= SHORT_LINE && !self.celled;
                self.line_start = at + 1;
            } else if lines > 0 && (byte == b'*' || byte == b'-') {
                wrapped = false;
            }
            bits |= class;
            at += 1;
        }
        if lines > 1 {
            bits |= gap::BLANK;
        }
        self.celled &= lines == 0;
        // A dot inside a word or number (v.d., 1.5) ends nothing.
        if bits & gap::END != 0 && bits & (gap::SPACE | gap::LINE) == 0 {
            bits &= !gap::END;
        }
        let hard = bits & gap::BLANK != 0
            || bits & (gap::END | gap::CELL) != 0
            || (lines == 1 && !wrapped)
            || (bits & gap::DOT != 0 && bits & (gap::SPACE | gap::LINE) != 0 && self.stop_is_end(from, at));
        (if hard { bits | gap::SEGMENT } else { bits }, at)
    }

    /// Whether a full stop with a space ends a sentence: not after an initial or an abbreviation.
    fn stop_is_end(&self, from: usize, next: usize) -> bool {
        let capital = self.bytes.get(next).is_some_and(|byte| !byte.is_ascii_lowercase());
        let Some(last) = self.tokens.last() else { return false };
        let word = self.bytes.get(last.start as usize..from).unwrap_or_default();
        let short = word.len() == 1 && !last.digits;
        capital && !short && !is_abbreviation(word)
    }

    /// The token that begins at `start`.
    #[inline]
    fn run(&self, start: usize, first: u8) -> Token {
        let digits = first.is_ascii_digit();
        let (mut hash, mut small, mut length) = (SEED, false, 0);
        while length < LONGEST_TOKEN {
            let eight = Eight::new(self.bytes.get(start + length..).unwrap_or_default());
            let count = if digits { eight.digits() } else { eight.letters() };
            if count == 0 {
                break;
            }
            hash = mixed(hash, eight.first(count));
            small |= eight.first(count).has_small();
            length += count;
            if count < 8 {
                break;
            }
        }
        Token {
            start: start as u32,
            end: (start + length) as u32,
            hash,
            gap: 0,
            digits,
            capital: first.is_ascii_uppercase(),
            upper: !small && !digits,
            segment: 0,
        }
    }

    fn place(&mut self, mut token: Token, mut bits: u16) {
        // Running text has no cells to look for.
        if bits & gap::SEGMENT != 0 || !self.cells.is_empty() {
            let cell = self.cell_of(token.start);
            let before = self.segments.last().copied().unwrap_or_default();
            if cell != before.cell {
                bits |= gap::SEGMENT | gap::CELL;
            }
            if bits & gap::SEGMENT != 0 && !self.tokens.is_empty() {
                self.next_segment(before, cell, bits);
            } else if let Some(segment) = self.segments.last_mut().filter(|segment| segment.cell != cell) {
                segment.cell = cell;
                segment.row = cell.and_then(|cell| self.row_of.get(cell as usize)).copied();
            }
        }
        if token.digits {
            self.digits.push(self.tokens.len() as u32);
        }
        token.gap = bits;
        token.segment = self.segments.len() as u32 - 1;
        self.tokens.push(token);
    }

    fn next_segment(&mut self, before: Segment, cell: Option<u32>, bits: u16) {
        let end = self.tokens.last().map_or(0, |token| token.end as usize);
        let question = self.bytes.get(end..).unwrap_or_default().iter().take(3).any(|&byte| byte == b'?');
        if let Some(segment) = self.segments.last_mut() {
            segment.question = question && bits & gap::END != 0;
        }
        let row = match cell {
            Some(cell) => self.row_of.get(cell as usize).copied(),
            None if before.cell.is_none() && bits & gap::CELL != 0 && bits & BETWEEN_CELLS == 0 => {
                self.row_of_line(before)
            }
            None => None,
        };
        self.segments.push(Segment {
            cell,
            row,
            paragraph: before.paragraph + u32::from(bits & gap::BLANK != 0),
            question: false,
        });
    }

    /// The row that a line of running text is: what stands on it is about one person, as in a table.
    fn row_of_line(&mut self, before: Segment) -> Option<u32> {
        if self.celled && before.row.is_some() {
            return before.row;
        }
        self.celled = true;
        let row = self.rows as u32;
        self.rows += 1;
        if let Some(segment) = self.segments.last_mut() {
            segment.row = Some(row);
        }
        Some(row)
    }

    fn cell_of(&mut self, start: u32) -> Option<u32> {
        while self.cells.get(self.next_cell).is_some_and(|&(_, end)| end <= start) {
            self.next_cell += 1;
        }
        self.cells.get(self.next_cell).filter(|&&(from, _)| from <= start).map(|_| self.next_cell as u32)
    }
}

/// Between the cells of an export stands nothing else: `a;b`. Prose has a space after its semicolon.
const BETWEEN_CELLS: u16 = gap::SPACE | gap::LINE | gap::BLANK;

/// The cells' ranges in the folded text, each cell's row counted over the whole text, and the number of rows.
fn cells_in_folded(text: &Text, folded: &Folded<'_>) -> (Vec<(u32, u32)>, Vec<u32>, usize) {
    let (mut ranges, mut row_of, mut rows) = (Vec::new(), Vec::new(), 0u32);
    let mut last = None;
    for cell in &text.cells {
        let range = folded.folded_range(cell.range.clone());
        ranges.push((range.start as u32, range.end as u32));
        if last.is_some_and(|last| last != (cell.table, cell.row)) {
            rows += 1;
        }
        last = Some((cell.table, cell.row));
        row_of.push(rows);
    }
    let count = if ranges.is_empty() { 0 } else { rows as usize + 1 };
    (ranges, row_of, count)
}

/// Whether a full stop behind a word belongs to the word.
pub fn is_abbreviation(word: &[u8]) -> bool {
    word.len() <= LONGEST_ABBREVIATION && ABBREVIATIONS.iter().any(|known| word.eq_ignore_ascii_case(known))
}

const LONGEST_ABBREVIATION: usize = 4;
/// Words before a full stop that ends no sentence.
const ABBREVIATIONS: [&[u8]; 24] = [
    b"dhr", b"mevr", b"mw", b"mvr", b"drs", b"dr", b"ir", b"ing", b"geb", b"nr", b"nrs", b"tel", b"gr", b"bijv",
    b"evt", b"ca", b"bv", b"st", b"fam", b"incl", b"excl", b"ref", b"lln", b"ll",
];

/// What each byte means between tokens; 0 for letters, digits and all that is not ASCII.
static CLASS: [u16; 256] = classes();

const fn classes() -> [u16; 256] {
    let mut table = [gap::OTHER; 256];
    let mut byte = 0;
    while byte < 256 {
        let b = byte as u8;
        table[byte] = match b {
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | 128..=255 => 0,
            b' ' => gap::SPACE,
            b'\n' | b'\r' => gap::LINE,
            b'-' => gap::HYPHEN,
            b'\'' => gap::APOSTROPHE,
            b'.' => gap::DOT,
            b',' => gap::COMMA,
            b'/' | b'\\' => gap::SLASH,
            b'>' => gap::QUOTE,
            b'\t' | b';' | b'|' => gap::CELL,
            b'!' | b'?' => gap::END,
            b'(' | b')' => gap::BRACKET,
            b':' => gap::COLON,
            b'@' => gap::AT,
            _ => gap::OTHER,
        };
        byte += 1;
    }
    table
}
