//! Delimited text -> rows: any charset and delimiter that a pupil system writes (RFC 4180, loosely).

/// One row, with the line on which it starts.
pub struct Row {
    /// The fields, trimmed.
    pub fields: Vec<String>,
    /// Counted from 1.
    pub line: usize,
}

/// The text of an export: UTF-16 by its mark, else UTF-8, else windows-1252. None when it is no text.
pub fn decode(bytes: &[u8]) -> Option<String> {
    let (text, ..) = match encoding_rs::Encoding::for_bom(bytes) {
        Some((encoding, _)) => encoding.decode(bytes),
        None if looks_utf16(bytes) => encoding_rs::UTF_16LE.decode(bytes),
        None if std::str::from_utf8(bytes).is_ok() => encoding_rs::UTF_8.decode(bytes),
        None => encoding_rs::WINDOWS_1252.decode(bytes),
    };
    let text = text.trim_start_matches('\u{FEFF}');
    (!text.contains('\0')).then(|| text.to_owned())
}

/// Excel's "Unicode text" without its mark: every second byte is zero.
fn looks_utf16(bytes: &[u8]) -> bool {
    let (pairs, zeros) = bytes.chunks_exact(2).take(100).fold((0, 0), |(pairs, zeros), pair| {
        (pairs + 1, zeros + usize::from(pair.get(1) == Some(&0) && pair.first() != Some(&0)))
    });
    pairs > 3 && zeros * 10 > pairs * 8
}

/// The rows that hold anything. A `sep=;` line, which Excel reads and writes, is obeyed.
pub fn rows(text: &str) -> Vec<Row> {
    let (delimiter, text, skipped) = match text.strip_prefix("sep=") {
        Some(rest) => {
            let delimiter = rest.chars().next().unwrap_or(';');
            (delimiter, rest.split_once('\n').map_or("", |(_, rest)| rest), 1)
        }
        None => (delimiter(text), text, 0),
    };
    let mut reader =
        Reader { rows: Vec::new(), fields: Vec::new(), field: String::new(), line: 1 + skipped, began: 1 + skipped };
    let mut chars = text.chars().peekable();
    let mut quoted = false;
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                reader.field.push('"');
            }
            '"' if quoted => quoted = false,
            '"' if reader.field.trim().is_empty() => quoted = true,
            '\n' if !quoted => reader.end_row(),
            '\r' if !quoted => {
                if chars.peek() != Some(&'\n') {
                    reader.end_row();
                }
            }
            c if c == delimiter && !quoted => reader.end_field(),
            c => {
                reader.line += usize::from(c == '\n');
                reader.field.push(c);
            }
        }
    }
    reader.end_row();
    reader.rows
}

struct Reader {
    rows: Vec<Row>,
    fields: Vec<String>,
    field: String,
    line: usize,
    began: usize,
}

impl Reader {
    fn end_field(&mut self) {
        self.fields.push(self.field.trim().to_owned());
        self.field.clear();
    }

    fn end_row(&mut self) {
        self.end_field();
        let fields = std::mem::take(&mut self.fields);
        if fields.iter().any(|field| !field.is_empty()) {
            self.rows.push(Row { fields, line: self.began });
        }
        self.line += 1;
        self.began = self.line;
    }
}

/// The delimiter that the first row has most of.
fn delimiter(text: &str) -> char {
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let count = |delimiter| first.chars().filter(|&c| c == delimiter).count();
    [';', '\t', '|', ','].into_iter().rev().max_by_key(|&delimiter| count(delimiter)).unwrap_or(',')
}
