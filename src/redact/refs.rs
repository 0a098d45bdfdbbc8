//! Which columns a formula looks at (ECMA-376 part 1, 18.17.2; OpenFormula 1.3, section 5.8).
//!
//! Reckons too much rather than too little: a name, a table's column, an address that is computed can lead anywhere.

/// What a formula or an address looks at.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Reach {
    /// Columns `from..=to` of a sheet, by its name in lower case; of its own sheet without one.
    Columns(Option<String>, u32, u32),
    /// Something that cannot be told.
    Anywhere,
}

/// The last column that there is.
const LAST: u32 = 16_383;

/// Functions that compute an address.
const COMPUTED: [&str; 5] = ["INDIRECT", "OFFSET", "EVALUATE", "GETPIVOTDATA", "CALL"];

/// What a formula of a workbook looks at.
pub(super) fn of_formula(formula: &str) -> Vec<Reach> {
    let mut parser = Parser { rest: formula, sheet: None, found: Vec::new() };
    while let Some(c) = parser.rest.chars().next() {
        match c {
            '"' => parser.rest = quoted(parser.rest, '"').1,
            '\'' => {
                let (name, rest) = quoted(parser.rest, '\'');
                parser.named_sheet(&name.replace("''", "'"), rest);
            }
            _ if is_word(c) => parser.word(),
            _ => {
                // A table's column, another file, an error in the place of an address, a range that spills.
                if matches!(c, '[' | '#') {
                    parser.found.push(Reach::Anywhere);
                }
                parser.rest = parser.rest.get(c.len_utf8()..).unwrap_or_default();
            }
        }
    }
    parser.found
}

struct Parser<'f> {
    rest: &'f str,
    /// The sheet that was named before the address.
    sheet: Option<String>,
    found: Vec<Reach>,
}

impl<'f> Parser<'f> {
    fn named_sheet(&mut self, name: &str, rest: &'f str) {
        self.rest = rest;
        match rest.strip_prefix('!') {
            Some(rest) if !name.contains(['[', ':']) => {
                self.rest = rest;
                self.sheet = Some(name.to_lowercase());
            }
            _ => self.found.push(Reach::Anywhere),
        }
    }

    fn word(&mut self) {
        let word = self.take_word();
        if self.rest.starts_with('!') {
            return self.named_sheet(word, self.rest);
        }
        let sheet = self.sheet.take();
        if self.rest.trim_start().starts_with('(') {
            let bare = word.rsplit('.').next().unwrap_or(word);
            if COMPUTED.iter().any(|known| bare.eq_ignore_ascii_case(known)) {
                self.found.push(Reach::Anywhere);
            }
            return;
        }
        let first = Part::of(word);
        if let Some(rest) = self.rest.strip_prefix(':') {
            self.rest = rest;
            let second = Part::of(self.take_word());
            let ends = !self.rest.starts_with(['(', '!', '[']);
            let reach = first.zip(second).filter(|_| ends).and_then(|(first, second)| first.to(&second, sheet));
            return self.found.push(reach.unwrap_or(Reach::Anywhere));
        }
        match first {
            Some(Part::Cell(column)) => self.found.push(Reach::Columns(sheet, column, column)),
            Some(Part::Row) => {}
            _ if word.starts_with(|c: char| c.is_ascii_digit() || c == '.') => {}
            _ if word.eq_ignore_ascii_case("true") || word.eq_ignore_ascii_case("false") => {}
            _ => self.found.push(Reach::Anywhere),
        }
    }

    fn take_word(&mut self) -> &'f str {
        let end = self.rest.find(|c| !is_word(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
        self.rest = rest;
        word
    }
}

/// A formula as it reads so many rows down and columns to the right; none when it would leave the sheet.
pub(super) fn moved(formula: &str, rows: i64, columns: i64) -> Option<String> {
    let mut out = String::with_capacity(formula.len());
    let mut rest = formula;
    while let Some(c) = rest.chars().next() {
        let end = match c {
            '"' | '\'' => rest.len() - quoted(rest, c).1.len(),
            '[' => rest.find(']').map_or(rest.len(), |end| end + 1),
            _ if is_word(c) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
            _ => c.len_utf8(),
        };
        let (piece, behind) = rest.split_at_checked(end)?;
        let called = behind.trim_start().starts_with('(') || behind.starts_with('!');
        let in_range = out.ends_with(':') || behind.starts_with(':');
        match Part::of(piece).filter(|part| is_word(c) && !called && (in_range || matches!(part, Part::Cell(_)))) {
            Some(_) => out.push_str(&moved_word(piece, rows, columns)?),
            None => out.push_str(piece),
        }
        rest = behind;
    }
    Some(out)
}

/// One side of an address, moved where it is not fixed by a `$`.
fn moved_word(word: &str, rows: i64, columns: i64) -> Option<String> {
    let letters = word.trim_start_matches('$').bytes().take_while(u8::is_ascii_alphabetic).count();
    let fixed = word.starts_with('$');
    let (column, row) = match letters {
        0 => ("", word),
        _ => word.split_at_checked(letters + usize::from(fixed))?,
    };
    let mut out = column.to_string();
    if !column.is_empty()
        && !fixed
        && let Some(Part::Column(number)) = Part::of(column)
    {
        let number = i64::from(number).checked_add(columns)?;
        out = letters_of(u32::try_from(number).ok().filter(|number| *number <= LAST)?);
    }
    match row.parse::<i64>() {
        Ok(number) => out.push_str(&number.checked_add(rows).filter(|row| (1..=1_048_576).contains(row))?.to_string()),
        Err(_) => out.push_str(row),
    }
    Some(out)
}

/// The letters of a column, as in a sheet: A .. Z, AA ..
pub fn letters_of(column: u32) -> String {
    let mut letters = Vec::new();
    let mut rest = column.saturating_add(1);
    while rest > 0 {
        letters.push(char::from(b'A' + u8::try_from((rest - 1) % 26).unwrap_or(0)));
        rest = (rest - 1) / 26;
    }
    letters.iter().rev().collect()
}

/// What an address of OpenDocument looks at, with its sheet before a point: `Blad1.C2:Blad1.C9`, `.C2`.
pub(super) fn of_address(address: &str) -> Reach {
    let mut sides = Vec::new();
    let (mut rest, mut sheet) = (address.trim(), None);
    while !rest.is_empty() && sides.len() < 2 {
        let own = if rest.trim_start_matches('$').starts_with('\'') {
            let (name, behind) = quoted(rest.trim_start_matches('$'), '\'');
            rest = behind;
            Some(name.replace("''", "'"))
        } else {
            let end = rest.find(['.', ':']).filter(|&at| rest.get(at..).is_some_and(|rest| rest.starts_with('.')));
            let (name, behind) = rest.split_at_checked(end.unwrap_or(0)).unwrap_or(("", rest));
            rest = behind;
            Some(name.trim_start_matches('$').to_string()).filter(|name| !name.is_empty())
        };
        let place = rest.trim_start_matches('.');
        let end = place.find(':').unwrap_or(place.len());
        let (word, behind) = place.split_at_checked(end).unwrap_or((place, ""));
        rest = behind.trim_start_matches(':');
        if sheet.is_some() && own.is_some() && own != sheet {
            return Reach::Anywhere;
        }
        sheet = sheet.or(own);
        sides.push(Part::of(word));
    }
    let sheet = sheet.map(|name| name.to_lowercase());
    let reach = match (sides.as_slice(), rest) {
        ([Some(Part::Cell(column))], "") => Some(Reach::Columns(sheet, *column, *column)),
        ([Some(first), Some(second)], "") => first.to(second, sheet),
        _ => None,
    };
    reach.unwrap_or(Reach::Anywhere)
}

/// What a formula of OpenDocument looks at: its addresses stand in square brackets.
pub(super) fn of_open_formula(formula: &str) -> Vec<Reach> {
    let mut found = Vec::new();
    let mut rest = formula.split_once('=').map_or(formula, |(_, rest)| rest);
    while let Some(c) = rest.chars().next() {
        match c {
            '"' => rest = quoted(rest, '"').1,
            '[' => {
                let end = rest.find(']').unwrap_or(rest.len());
                found.push(of_address(rest.get(1..end).unwrap_or_default()));
                rest = rest.get(end + 1..).unwrap_or_default();
            }
            _ if is_word(c) => {
                let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
                let (word, behind) = rest.split_at_checked(end).unwrap_or((rest, ""));
                rest = behind;
                let called = rest.trim_start().starts_with('(');
                let computed = COMPUTED.iter().any(|known| word.eq_ignore_ascii_case(known));
                let number = word.starts_with(|c: char| c.is_ascii_digit() || c == '.');
                if called && computed || !called && !number {
                    found.push(Reach::Anywhere);
                }
            }
            _ => {
                // A quoted name, a label of a column, an error in the place of an address.
                if matches!(c, '\'' | '#') {
                    found.push(Reach::Anywhere);
                }
                rest = rest.get(c.len_utf8()..).unwrap_or_default();
            }
        }
    }
    found
}

/// The columns of a list of addresses without sheets, as `sqref` has them: `C2:C9 E1`.
pub(super) fn of_list(list: &str) -> Vec<Reach> {
    let one = |address: &str| match address.split_once(':') {
        Some((first, second)) => Part::of(first).zip(Part::of(second)).and_then(|(a, b)| a.to(&b, None)),
        None => match Part::of(address) {
            Some(Part::Cell(column)) => Some(Reach::Columns(None, column, column)),
            _ => None,
        },
    };
    list.split_ascii_whitespace().map(|address| one(address).unwrap_or(Reach::Anywhere)).collect()
}

/// A part of an address.
enum Part {
    Cell(u32),
    Column(u32),
    Row,
}

impl Part {
    fn of(word: &str) -> Option<Self> {
        let word = word.strip_prefix('$').unwrap_or(word);
        let letters = word.bytes().take(4).take_while(u8::is_ascii_alphabetic).count();
        let (name, rest) = word.split_at_checked(letters)?;
        let row = rest.strip_prefix('$').unwrap_or(rest);
        if !row.bytes().all(|b| b.is_ascii_digit()) || letters > 3 || letters == 0 && row.is_empty() {
            return None;
        }
        let number = |sum: u32, b: u8| sum * 26 + u32::from(b.to_ascii_uppercase() - b'A') + 1;
        Some(match name.bytes().fold(0, number).checked_sub(1) {
            None => Self::Row,
            Some(column) if row.is_empty() => Self::Column(column),
            Some(column) => Self::Cell(column),
        })
    }

    /// The range from this to another.
    fn to(&self, other: &Self, sheet: Option<String>) -> Option<Reach> {
        match (self, other) {
            (Self::Row, Self::Row) => Some(Reach::Columns(sheet, 0, LAST)),
            (Self::Cell(a), Self::Cell(b)) | (Self::Column(a), Self::Column(b)) => {
                Some(Reach::Columns(sheet, *a.min(b), *a.max(b)))
            }
            _ => None,
        }
    }
}

/// What stands in quotes at the start, and what stands behind them; a doubled quote stands for one.
fn quoted(text: &str, quote: char) -> (&str, &str) {
    let mut from = 1;
    while let Some(found) = text.get(from..).and_then(|rest| rest.find(quote)) {
        let close = from + found;
        let behind = text.get(close + 1..).unwrap_or_default();
        if !behind.starts_with(quote) {
            return (text.get(1..close).unwrap_or_default(), behind);
        }
        from = close + 2;
    }
    (text.get(1..).unwrap_or_default(), "")
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '.' | '$' | '\\' | '?')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_formulas_look_at() {
        let own = |from, to| Reach::Columns(None, from, to);
        let of = |sheet: &str, from, to| Reach::Columns(Some(sheet.into()), from, to);
        for (formula, reach) in [
            ("C2", vec![own(2, 2)]),
            ("$C$2&\" \"&D2", vec![own(2, 2), own(3, 3)]),
            ("SUM(C2:E9)/2", vec![own(2, 4)]),
            ("SUM(C:C)+SUM($2:$5)", vec![own(2, 2), own(0, LAST)]),
            ("Blad2!C2", vec![of("blad2", 2, 2)]),
            ("'Groep 3''s'!A1:B2", vec![of("groep 3's", 0, 1)]),
            ("\"C2\"", vec![]),
            ("1.5E3+TRUE+2", vec![]),
            ("LOG10(A1)", vec![own(0, 0)]),
            ("Leerlingen", vec![Reach::Anywhere]),
            ("Tabel1[BSN]", vec![Reach::Anywhere, Reach::Anywhere, Reach::Anywhere]),
            ("INDIRECT(\"C\"&2)", vec![Reach::Anywhere]),
            ("'[1]Blad'!A1", vec![Reach::Anywhere, own(0, 0)]),
            ("A1:INDEX(C:C,2)", vec![Reach::Anywhere, own(2, 2)]),
            ("XFD1", vec![own(LAST, LAST)]),
            ("'", vec![Reach::Anywhere]),
        ] {
            assert_eq!(of_formula(formula), reach, "{formula}");
        }
        for (formula, reach) in [
            ("of:=[.C2]+1", vec![own(2, 2)]),
            (
                "of:=SUM([.C2:.D9];[$Blad2.A1];['Groep 3.a'.B2:.B3])",
                vec![own(2, 3), of("blad2", 0, 0), of("groep 3.a", 1, 1)],
            ),
            ("of:=[.A1:Blad2.B1]+Naam", vec![of("blad2", 0, 1), Reach::Anywhere]),
            ("of:=INDIRECT(\"a\")", vec![Reach::Anywhere]),
        ] {
            assert_eq!(of_open_formula(formula), reach, "{formula}");
        }
        assert_eq!(of_list("C2:C9 E1"), [own(2, 2), own(4, 4)]);
    }

    #[test]
    fn formulas_move() {
        for (formula, rows, columns, expected) in [
            ("SUM(C2:C29)", 0, 2, Some("SUM(E2:E29)")),
            ("$C2+C$2+$C$2", 3, 1, Some("$C5+D$2+$C$2")),
            ("SUM(C:D)+SUM(2:3)*2", 1, 1, Some("SUM(D:E)+SUM(3:4)*2")),
            ("'C2 a'!Z9&\"C2\"&LOG10(A1)&Naam", 1, 1, Some("'C2 a'!AA10&\"C2\"&LOG10(B2)&Naam")),
            ("A1", -1, 0, None),
        ] {
            assert_eq!(moved(formula, rows, columns).as_deref(), expected, "{formula}");
        }
    }
}
