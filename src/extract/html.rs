//! HTML -> the text that people see, with the cells of its tables.
//!
//! Visible text keeps together what stands together on screen: tags, comments and entities do not divide
//! it, blocks do. Attribute texts (alt, title, link targets) and hidden text follow at the end, a line each.
//! Never runs or fetches anything. Linear, without recursion. The tokenizer follows the WHATWG HTML standard,
//! section 13.2.5; it is our own because html5ever's compares each attribute of a tag with all before it,
//! which takes quadratic time on hostile mail. The entity table is html5ever's.

use super::Cell;
use super::markup::{Tag, Token, Tokens};

/// What a page says.
#[derive(Debug, Default)]
pub(super) struct Page {
    /// Visible text, then attribute texts and hidden texts.
    pub text: String,
    /// The cells of its tables, in text order.
    pub cells: Vec<Cell>,
    /// The text with hidden digits left where they stand, when there are any.
    pub with_hidden: Option<String>,
    /// Whether there were more cells than allowed.
    pub over_limit: bool,
}

/// Reads a page or a fragment of one.
pub(super) fn read(html: &str, most_cells: usize) -> Page {
    let mut writer = Writer::new(html.len(), most_cells, false);
    writer.read(html);
    let hidden_digits = writer.hidden_digits;
    let mut page = writer.finish();
    if hidden_digits {
        let mut writer = Writer::new(html.len(), 0, true);
        writer.read(html);
        page.with_hidden = Some(writer.finish().text);
    }
    page
}

/// A table that is open.
struct Table {
    number: u32,
    row: u32,
    column: u32,
    /// Whether a row was opened.
    in_row: bool,
    /// The open cell, as an index into the cells.
    cell: Option<usize>,
}

struct Writer {
    page: Page,
    /// Attribute and hidden texts.
    aside: String,
    most_cells: usize,
    tables: Vec<Table>,
    table_count: u32,
    /// White space is owed before the next character.
    space: bool,
    /// A line end is owed before the next character.
    newline: bool,
    /// Open elements named pre or textarea.
    preformatted: usize,
    /// The open hidden element's name, and how many of that name are open in it.
    hidden: Option<(String, usize)>,
    hidden_digits: bool,
    show_hidden: bool,
}

impl Writer {
    fn new(size: usize, most_cells: usize, show_hidden: bool) -> Self {
        Self {
            page: Page { text: String::with_capacity(size / 2), ..Page::default() },
            aside: String::new(),
            most_cells,
            tables: Vec::new(),
            table_count: 0,
            space: false,
            newline: false,
            preformatted: 0,
            hidden: None,
            hidden_digits: false,
            show_hidden,
        }
    }

    fn read(&mut self, html: &str) {
        let mut tokens = Tokens::new(html);
        while let Some(token) = tokens.next() {
            match token {
                Token::Text(text) => self.text(text),
                Token::Char(c) => self.text(c.encode_utf8(&mut [0; 4])),
                Token::Open(tag) => self.open(&tag),
                Token::Close(name) => self.close(lower(name, &mut [0; LONGEST_NAME])),
            }
        }
    }

    fn finish(mut self) -> Page {
        while !self.tables.is_empty() {
            self.close_table();
        }
        if !self.aside.is_empty() {
            if !self.page.text.is_empty() && !self.page.text.ends_with('\n') {
                self.page.text.push('\n');
            }
            self.page.text.push_str(&self.aside);
        }
        self.page
    }

    fn text(&mut self, text: &str) {
        if self.hidden.is_some() {
            self.hidden_digits |= text.bytes().any(|b| b.is_ascii_digit());
            if !self.show_hidden {
                self.aside.push_str(text);
                return;
            }
        }
        if self.preformatted > 0 {
            self.settle();
            self.page.text.push_str(text);
            return;
        }
        let mut rest = text;
        while !rest.is_empty() {
            let start = rest.bytes().position(|b| !is_space(b)).unwrap_or(rest.len());
            self.space |= start > 0;
            let words = rest.get(start..).unwrap_or_default();
            let (now, after) = words.split_at(evenly_spaced(words.as_bytes()));
            if !now.is_empty() {
                self.settle();
                self.page.text.push_str(now);
            }
            rest = after;
        }
    }

    /// Writes the white space that is owed.
    fn settle(&mut self) {
        let last = self.page.text.as_bytes().last().copied();
        if self.newline && !matches!(last, None | Some(b'\n')) && !self.at_cell_start() {
            self.page.text.push('\n');
        } else if self.space && !matches!(last, None | Some(b'\n' | b'\t')) {
            self.page.text.push(' ');
        }
        (self.newline, self.space) = (false, false);
    }

    fn at_cell_start(&self) -> bool {
        let open = self.tables.last().and_then(|table| table.cell).and_then(|index| self.page.cells.get(index));
        open.is_some_and(|cell| cell.range.start == self.page.text.len())
    }

    fn open(&mut self, tag: &Tag<'_>) {
        let buffer = &mut [0; LONGEST_NAME];
        let name = lower(tag.name, buffer);
        self.attributes(tag);
        match &mut self.hidden {
            Some((hidden, depth)) if hidden == name => *depth += 1,
            None if !is_void(name) && !tag.self_closing && is_hidden(tag) => {
                self.hidden = Some((name.to_string(), 1));
                if !self.show_hidden && !self.aside.is_empty() && !self.aside.ends_with('\n') {
                    self.aside.push('\n');
                }
            }
            _ => {}
        }
        match name {
            "br" | "hr" => self.newline_now(),
            "pre" | "textarea" | "listing" | "xmp" => {
                self.newline = true;
                self.preformatted += 1;
            }
            "table" => self.open_table(),
            "tr" => self.open_row(),
            "td" | "th" => self.open_cell(),
            _ if is_block(name) => self.newline = true,
            _ => {}
        }
    }

    fn close(&mut self, name: &str) {
        if let Some((hidden, depth)) = &mut self.hidden
            && hidden == name
        {
            *depth -= 1;
            if *depth == 0 {
                self.hidden = None;
                if !self.show_hidden {
                    self.aside.push('\n');
                }
            }
        }
        match name {
            "pre" | "textarea" | "listing" | "xmp" => {
                self.newline = true;
                self.preformatted = self.preformatted.saturating_sub(1);
            }
            "br" => self.newline_now(),
            "table" => self.close_table(),
            "tr" => {
                self.close_cell();
                if let Some(table) = self.tables.last_mut() {
                    table.in_row = false;
                }
                self.newline = true;
            }
            "td" | "th" => self.close_cell(),
            _ if is_block(name) => self.newline = true,
            _ => {}
        }
    }

    fn newline_now(&mut self) {
        if self.hidden.is_some() && !self.show_hidden {
            return;
        }
        self.settle();
        self.page.text.push('\n');
    }

    fn open_table(&mut self) {
        self.newline = true;
        let number = self.table_count;
        self.table_count = self.table_count.saturating_add(1);
        self.tables.push(Table { number, row: 0, column: 0, in_row: false, cell: None });
    }

    fn close_table(&mut self) {
        self.close_cell();
        self.tables.pop();
        self.newline = true;
    }

    fn open_row(&mut self) {
        self.close_cell();
        let Some(table) = self.tables.last_mut() else {
            self.newline = true;
            return;
        };
        if table.column > 0 {
            table.row = table.row.saturating_add(1);
        }
        table.column = 0;
        table.in_row = true;
        if !self.page.text.is_empty() && !self.page.text.ends_with('\n') {
            self.page.text.push('\n');
        }
        (self.newline, self.space) = (false, false);
    }

    fn open_cell(&mut self) {
        if self.tables.last().is_some_and(|table| !table.in_row) {
            self.open_row();
        }
        self.close_cell();
        let Some(table) = self.tables.last_mut() else {
            self.space = true;
            return;
        };
        if table.column > 0 {
            self.page.text.push('\t');
        }
        (self.newline, self.space) = (false, false);
        let start = self.page.text.len();
        if self.page.cells.len() < self.most_cells {
            table.cell = Some(self.page.cells.len());
            let cell = Cell { table: table.number, row: table.row, column: table.column, range: start..start };
            self.page.cells.push(cell);
        } else {
            self.page.over_limit = !self.show_hidden;
        }
        table.column = table.column.saturating_add(1);
    }

    fn close_cell(&mut self) {
        let end = self.page.text.len();
        let Some(table) = self.tables.last_mut() else { return };
        if let Some(cell) = table.cell.take().and_then(|index| self.page.cells.get_mut(index)) {
            cell.range.end = end.max(cell.range.start);
        }
        (self.newline, self.space) = (false, false);
    }

    /// Attribute texts, each on a line of its own behind the visible text.
    fn attributes(&mut self, tag: &Tag<'_>) {
        if self.show_hidden {
            return;
        }
        for (name, raw) in tag.attributes() {
            if !is_text_attribute(name) || raw.trim().is_empty() {
                continue;
            }
            let value = super::markup::decoded(raw);
            let link = name.eq_ignore_ascii_case("href") || name.eq_ignore_ascii_case("action");
            if !self.aside.is_empty() && !self.aside.ends_with('\n') {
                self.aside.push('\n');
            }
            if link && value.contains('%') {
                let mut bytes = Vec::with_capacity(value.len());
                crate::message::mime::percent_decoded(value.as_bytes(), &mut bytes);
                self.aside.push_str(&String::from_utf8_lossy(&bytes));
            } else {
                self.aside.push_str(&value);
            }
            self.aside.push('\n');
        }
    }
}

fn is_space(b: u8) -> bool {
    matches!(b, b' ' | b'\n' | b'\t' | b'\r' | 0x0C)
}

/// How far a text goes on in words with one space between, which are shown as they stand.
fn evenly_spaced(text: &[u8]) -> usize {
    // Most of it by the chunk, without branches: two spaces together, or a control character, are looked at below.
    let even = |window: &&[u8]| {
        let pairs = window.iter().zip(window.iter().skip(1));
        !pairs.fold(false, |odd, (&b, &next)| odd | (b < b' ') | ((b == b' ') & (next <= b' ')))
    };
    let whole = CHUNK * text.windows(CHUNK + 1).step_by(CHUNK).take_while(even).count();
    let rest = text.get(whole..).unwrap_or_default();
    let mut after = rest.iter().skip(1);
    let end = rest.iter().position(|&b| {
        let next = after.next();
        is_space(b) && (b != b' ' || next.is_none_or(|&next| is_space(next)))
    });
    whole + end.unwrap_or(rest.len())
}

const CHUNK: usize = 32;

fn is_text_attribute(name: &str) -> bool {
    [
        "alt",
        "title",
        "href",
        "value",
        "placeholder",
        "aria-label",
        "aria-description",
        "summary",
        "label",
        "content",
        "action",
    ]
    .iter()
    .any(|known| name.eq_ignore_ascii_case(known))
}

/// Whether an element is not shown, as far as its own attributes say.
fn is_hidden(tag: &Tag<'_>) -> bool {
    tag.attributes().any(|(name, value)| {
        if name.eq_ignore_ascii_case("hidden") {
            return true;
        }
        name.eq_ignore_ascii_case("style") && value.split(';').any(hides)
    })
}

/// Whether a style declaration takes an element off the screen.
fn hides(declaration: &str) -> bool {
    let Some((property, value)) = declaration.split_once(':') else { return false };
    let (property, value) = (property.trim(), value.trim());
    let is = |known: &str| property.eq_ignore_ascii_case(known);
    let starts = |word: &str| value.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    let zero = || value.starts_with('0') && !value.bytes().any(|b| b.is_ascii_digit() && b != b'0');
    match property.len() {
        7 if is("display") => starts("none"),
        7 if is("opacity") => zero(),
        8 if is("mso-hide") => starts("all"),
        9 if is("font-size") || is("max-width") => zero(),
        10 if is("visibility") => starts("hidden") || starts("collapse"),
        10 if is("max-height") => zero(),
        11 if is("text-indent") => value.starts_with('-') && value.len() > 5,
        _ => false,
    }
}

/// Longer than every element that means anything here.
const LONGEST_NAME: usize = 24;

/// A tag name in lower case; too long a one is cut, and so equal to others of its kind only by its start.
fn lower<'b>(name: &str, buffer: &'b mut [u8; LONGEST_NAME]) -> &'b str {
    let bytes = name.as_bytes();
    let length = bytes.len().min(LONGEST_NAME);
    for (to, from) in buffer.iter_mut().zip(bytes) {
        *to = from.to_ascii_lowercase();
    }
    // A name with signs beyond ASCII is none that we know.
    std::str::from_utf8(buffer.get(..length).unwrap_or_default()).unwrap_or("?")
}

fn is_void(name: &str) -> bool {
    matches!(
        name,
        "area"
            | "base"
            | "br"
            | "col"
            | "embed"
            | "hr"
            | "img"
            | "input"
            | "link"
            | "meta"
            | "source"
            | "track"
            | "wbr"
    )
}

fn is_block(name: &str) -> bool {
    matches!(
        name,
        "address"
            | "article"
            | "aside"
            | "blockquote"
            | "body"
            | "button"
            | "caption"
            | "center"
            | "dd"
            | "details"
            | "dialog"
            | "dir"
            | "div"
            | "dl"
            | "dt"
            | "fieldset"
            | "figcaption"
            | "figure"
            | "footer"
            | "form"
            | "h1"
            | "h2"
            | "h3"
            | "h4"
            | "h5"
            | "h6"
            | "head"
            | "header"
            | "hgroup"
            | "html"
            | "legend"
            | "li"
            | "main"
            | "menu"
            | "nav"
            | "ol"
            | "optgroup"
            | "option"
            | "p"
            | "search"
            | "section"
            | "select"
            | "summary"
            | "tbody"
            | "tfoot"
            | "thead"
            | "title"
            | "ul"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_as_shown() {
        for (html, text) in [
            ("<p>Beste  ouders,</p>\n<p>tot\nmorgen</p>", "Beste ouders,\ntot morgen"),
            ("1<b>2</b><!-- 9 -->3&#52;&#x35;&amp;", "12345&"),
            ("a<br>b<div>c<div>d</div></div>e", "a\nb\nc\nd\ne"),
            ("<style>p{}</style>x<script>var a='<p>';</script>y", "xy"),
            ("<pre>a\n  b</pre>c", "a\n  b\nc"),
            ("x<img alt='een 1' src=y>z", "xz\neen 1\n"),
            ("<a href='mailto:a@b.example?body=nr%2012'>m</a>", "m\nmailto:a@b.example?body=nr 12\n"),
            ("1<span style='display: none'>oud</span>2", "12\noud\n"),
            ("&eacute;&euro;&nbsp;&onbekend; &copy", "é€\u{a0}&onbekend; ©"),
            ("a < b &", "a < b &"),
            ("<title>Brief</title>x", "Brief\nx"),
            ("", ""),
        ] {
            assert_eq!(read(html, 100).text, text, "{html}");
        }
    }

    #[test]
    fn hidden_digits_give_a_second_reading() {
        let page = read("1<span style=display:none>9</span>2", 0);
        assert_eq!((page.text.as_str(), page.with_hidden.as_deref()), ("12\n9\n", Some("192")));
    }

    #[test]
    fn tables_have_cells() {
        let html = "x<table><tr><th>naam<th>nr<tr><td><p>Kim</p><td></table>y";
        let page = read(html, 100);
        assert_eq!(page.text, "x\nnaam\tnr\nKim\t\ny");
        let cells: Vec<_> = page.cells.iter().map(|c| (c.row, c.column, &page.text[c.range.clone()])).collect();
        assert_eq!(cells, [(0, 0, "naam"), (0, 1, "nr"), (1, 0, "Kim"), (1, 1, "")]);
        assert!(read(html, 3).over_limit);
    }

    #[test]
    fn nested_tables_keep_their_own_cells() {
        let page = read("<table><tr><td>a<table><tr><td>b<td>c</table>d<td>e</table>", 100);
        let cells: Vec<_> = page.cells.iter().map(|c| (c.table, c.column, &page.text[c.range.clone()])).collect();
        assert_eq!(cells, [(0, 0, "a\nb\tc\nd"), (1, 0, "b"), (1, 1, "c"), (0, 1, "e")]);
    }

    #[test]
    fn hostile_pages_take_linear_time() {
        for html in ["<div>".repeat(300_000), "<a <b <!-- ".repeat(100_000), "<table><td>".repeat(100_000)] {
            read(&html, 1000);
        }
        let attributes: String = (0..100_000).map(|n| format!(" a{n}")).collect();
        assert_eq!(read(&format!("<p{attributes}>x"), 0).text, "x");
        assert_eq!(read(&"<!--".repeat(100_000), 0).text, "");
        assert_eq!(read(&"<script>".repeat(100_000), 0).text, "");
        assert_eq!(read(&"&".repeat(300_000), 0).text.len(), 300_000);
    }
}
