//! Files and objects in the wrappers of OLE 1 and of the packager (MS-OLEDS 2.2.4, 2.2.5, 2.3.6).

use super::super::codepage::{CodePage, utf16};
use super::super::octets::{piece, rest, size_at, u16_at, u32_at};

/// A file that was put into a document as an icon.
pub(in super::super) struct Native<'o> {
    /// Its name.
    pub(in super::super) name: String,
    /// Its content.
    pub(in super::super) content: &'o [u8],
}

impl<'o> Native<'o> {
    /// The file in an `\x01Ole10Native` stream, which begins with its size.
    pub(in super::super) fn in_stream(octets: &'o [u8]) -> Option<Self> {
        let size = size_at(octets, 0)?;
        Self::in_package(rest(octets, 4, size))
    }

    /// The file in what the packager writes: a label, a path, a path for the time being and the content.
    pub(in super::super) fn in_package(octets: &'o [u8]) -> Option<Self> {
        let mut at = 2;
        if u16_at(octets, 0)? != 2 {
            return None;
        }
        let label = to_nul(octets, &mut at)?;
        let path = to_nul(octets, &mut at)?;
        // Two words: the second says that a file is in it (3), and not a link (1).
        at += 4;
        at = at.checked_add(4)?.checked_add(size_at(octets, at)?)?;
        let size = size_at(octets, at)?;
        let content = rest(octets, at.checked_add(4)?, size);
        let behind = at.checked_add(4)?.saturating_add(size);
        // The same three names follow in UTF-16: path for the time being, label, path.
        let wide = wide_text(octets, behind).and_then(|(_, next)| wide_text(octets, next)).map(|(label, _)| label);
        let narrow = if label.is_empty() { path } else { label };
        let name = wide.filter(|name| !name.is_empty()).unwrap_or_else(|| CodePage::WESTERN.decode(narrow));
        Some(Self { name: last_of_path(&name), content })
    }
}

/// The class and the data of an object as OLE 1 wraps it; none for a link.
pub(in super::super) fn ole1(octets: &[u8]) -> Option<(String, &[u8])> {
    if u32_at(octets, 4)? != 2 {
        return None;
    }
    let mut at = 8;
    let mut class = None;
    for _ in 0..3 {
        let size = size_at(octets, at)?;
        let text = piece(octets, at.checked_add(4)?, size)?;
        class.get_or_insert(CodePage::WESTERN.decode(text.split(|&b| b == 0).next().unwrap_or_default()));
        at = at.checked_add(4)?.checked_add(size)?;
    }
    let size = size_at(octets, at)?;
    Some((class.unwrap_or_default(), rest(octets, at.checked_add(4)?, size)))
}

fn to_nul<'o>(octets: &'o [u8], at: &mut usize) -> Option<&'o [u8]> {
    let from = octets.get(*at..)?;
    let size = memchr::memchr(0, from)?;
    *at += size + 1;
    from.get(..size)
}

fn wide_text(octets: &[u8], at: usize) -> Option<(String, usize)> {
    let size = size_at(octets, at)?.checked_mul(2)?;
    let text = piece(octets, at.checked_add(4)?, size)?;
    Some((utf16(text), at.checked_add(4)?.checked_add(size)?))
}

fn last_of_path(path: &str) -> String {
    let path = path.trim_end_matches('\0');
    path.rsplit(['\\', '/']).next().unwrap_or(path).to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn package() -> Vec<u8> {
        let mut out = b"\x02\0klas.csv\0C:\\klas.csv\0\0\0\x03\0\x05\0\0\0C:\\t\0".to_vec();
        out.extend_from_slice(b"\x07\0\0\0naam;nr");
        out
    }

    #[test]
    fn packaged_file_with_and_without_its_size() {
        let file = package();
        let found = Native::in_package(&file).unwrap();
        assert_eq!((found.name.as_str(), found.content), ("klas.csv", &b"naam;nr"[..]));
        let stream = [&(file.len() as u32).to_le_bytes()[..], &file].concat();
        assert_eq!(Native::in_stream(&stream).unwrap().content, b"naam;nr");
        for end in 0..stream.len() {
            Native::in_stream(&stream[..end]);
        }
    }

    #[test]
    fn wide_name_wins() {
        let mut file = package();
        for name in ["C:\\t", "juf Zoë.csv", "C:\\juf Zoë.csv"] {
            let units: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
            file.extend_from_slice(&(units.len() as u32 / 2).to_le_bytes());
            file.extend_from_slice(&units);
        }
        assert_eq!(Native::in_package(&file).unwrap().name, "juf Zoë.csv");
    }

    #[test]
    fn ole1_object() {
        let mut object = b"\x01\x05\0\0\x02\0\0\0\x08\0\0\0Package\0\0\0\0\0\0\0\0\0".to_vec();
        object.extend_from_slice(b"\x03\0\0\0abc...");
        assert_eq!(ole1(&object).unwrap(), ("Package".to_string(), &b"abc"[..]));
        object[4] = 1;
        assert!(ole1(&object).is_none());
    }
}
