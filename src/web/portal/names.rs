//! Names of files that strangers have given: as people may read them, and as a zip and a header may hold them.
//!
//! Never a path, a control character, a mark that turns writing around, or a name that Windows keeps for itself. Pure;
//! cannot fail.

use std::collections::HashSet;

/// Longer names are cut, before their ending.
const LONGEST: usize = 120;
/// What Windows takes for a device, whatever stands behind the point.
const DEVICES: [&str; 22] = [
    "con", "prn", "aux", "nul", "com1", "com2", "com3", "com4", "com5", "com6", "com7", "com8", "com9", "lpt1", "lpt2",
    "lpt3", "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9",
];

/// A name that is only a name. `otherwise` when nothing is left of it.
pub(super) fn safe(name: &str, otherwise: &str) -> String {
    let kept: String = name.chars().filter_map(kept).take(4 * LONGEST).collect();
    let trimmed = kept.trim_matches(|c: char| c == '.' || c.is_whitespace());
    let name = if trimmed.chars().all(|c| c == '_') { otherwise } else { trimmed };
    let name = cut(name);
    let stem = name.split('.').next().unwrap_or_default().trim_end();
    if DEVICES.iter().any(|device| device.eq_ignore_ascii_case(stem)) { format!("_{name}") } else { name }
}

/// The same names, none twice: the second is called `name (2).pdf`. Case makes no difference on many disks.
pub(super) struct Distinct(HashSet<String>);

impl Distinct {
    /// No names yet.
    pub fn new() -> Self {
        Self(HashSet::new())
    }

    /// A name that was not given before.
    pub fn name(&mut self, name: &str) -> String {
        let mut given = name.to_owned();
        let mut number = 2_usize;
        while !self.0.insert(given.to_lowercase()) {
            let (stem, ending) = split(name);
            given = format!("{stem} ({number}){ending}");
            number = number.saturating_add(1);
        }
        given
    }
}

/// The value of Content-Disposition (RFC 6266, RFC 8187): to be kept, never to be shown in place.
pub(super) fn disposition(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || " ._-()".contains(c) { c } else { '_' };
    let ascii: String = name.chars().map(plain).collect();
    let mut encoded = String::new();
    for octet in name.bytes() {
        if octet.is_ascii_alphanumeric() || b"._-".contains(&octet) {
            encoded.push(char::from(octet));
        } else {
            encoded.push_str(&format!("%{octet:02X}"));
        }
    }
    format!("attachment; filename=\"{ascii}\"; filename*=UTF-8''{encoded}")
}

/// What stands for a character in a name; nothing for one that is not seen.
fn kept(c: char) -> Option<char> {
    match c {
        '\t' | '\n' | '\r' => Some(' '),
        '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' | '\u{2044}' | '\u{2215}' | '\u{29f8}' | '\u{ff0f}'
        | '\u{ff3c}' => Some('_'),
        // Marks that turn writing around make gpj.exe of exe.jpg; the others are not seen at all.
        '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{061c}'
        | '\u{00ad}'
        | '\u{fff9}'..='\u{fffd}'
        | '\u{e0000}'..='\u{e0fff}' => None,
        c if c.is_control() => None,
        c if c.is_whitespace() => Some(' '),
        c => Some(c),
    }
}

fn cut(name: &str) -> String {
    if name.chars().count() <= LONGEST {
        return name.to_owned();
    }
    let (stem, ending) = split(name);
    let room = LONGEST.saturating_sub(ending.chars().count());
    let stem: String = stem.chars().take(room).collect();
    format!("{}{ending}", stem.trim_end())
}

/// Stem and ending; an ending is short, and stands behind something.
fn split(name: &str) -> (&str, &str) {
    match name.rfind('.') {
        Some(at) if at > 0 && name.len() - at <= 12 => name.split_at(at),
        _ => (name, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_only_a_name() {
        for (name, expected) in [
            ("klas5.xlsx", "klas5.xlsx"),
            ("../../etc/passwd", "_.._etc_passwd"),
            ("..\\..\\Windows\\win.ini", "_.._Windows_win.ini"),
            ("C:\\boot.ini", "C__boot.ini"),
            ("/etc/passwd", "_etc_passwd"),
            ("a\u{202e}gpj.exe", "agpj.exe"),
            ("a\0b\u{7f}\u{1b}[31m.pdf", "ab[31m.pdf"),
            ("regel\r\nSet-Cookie: x=1.pdf", "regel  Set-Cookie_ x=1.pdf"),
            ("NUL", "_NUL"),
            ("con.txt", "_con.txt"),
            ("aux .txt", "_aux .txt"),
            ("  .. ", "bestand"),
            ("", "bestand"),
            ("///", "bestand"),
            (".htaccess", "htaccess"),
            ("naam. ", "naam"),
            ("\u{ff0e}\u{ff0e}\u{ff0f}x", "\u{ff0e}\u{ff0e}_x"),
            ("Ёлка é 校.pdf", "Ёлка é 校.pdf"),
        ] {
            assert_eq!(safe(name, "bestand"), expected, "{name:?}");
        }
        let long = format!("{}.docx", "ë".repeat(400));
        assert!(safe(&long, "x").ends_with("ë.docx") && safe(&long, "x").chars().count() == LONGEST);
        assert_eq!(safe(&format!("a.{}", "b".repeat(400)), "x").chars().count(), LONGEST);
    }

    #[test]
    fn no_name_is_given_twice() {
        let mut names = Distinct::new();
        let given: Vec<String> =
            ["a.pdf", "A.PDF", "a.pdf", "a (2).pdf", "kop", "kop"].map(|name| names.name(name)).into();
        assert_eq!(given, ["a.pdf", "A (2).PDF", "a (3).pdf", "a (2) (2).pdf", "kop", "kop (2)"]);
    }

    #[test]
    fn a_header_holds_one_name() {
        let value = disposition("ra\"pport; x=é\r\n.pdf");
        assert_eq!(
            value,
            "attachment; filename=\"ra_pport_ x____.pdf\"; filename*=UTF-8''ra%22pport%3B%20x%3D%C3%A9%0D%0A.pdf"
        );
    }
}
