//! Windows code pages -> characters, for the formats that name a code page by its number (MS-UCODEREF 2.2.1).
//!
//! Never refuses: what does not fit becomes U+FFFD, and an unknown number is read as Western European.

use encoding_rs::{
    BIG5, EUC_JP, EUC_KR, Encoding, GB18030, GBK, IBM866, ISO_2022_JP, ISO_8859_2, ISO_8859_3, ISO_8859_4, ISO_8859_5,
    ISO_8859_6, ISO_8859_7, ISO_8859_8, ISO_8859_13, ISO_8859_15, KOI8_R, KOI8_U, MACINTOSH, SHIFT_JIS, UTF_8,
    UTF_16BE, UTF_16LE, WINDOWS_874, WINDOWS_1250, WINDOWS_1251, WINDOWS_1252, WINDOWS_1253, WINDOWS_1254,
    WINDOWS_1255, WINDOWS_1256, WINDOWS_1257, WINDOWS_1258, X_MAC_CYRILLIC,
};

/// A code page, ready to decode.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct CodePage(Kind);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Known(&'static Encoding),
    /// The pages of DOS, 437 and 850: alike in the letters of Dutch.
    Dos,
}

impl CodePage {
    /// Western European, which is meant where nothing is said.
    pub(super) const WESTERN: Self = Self(Kind::Known(WINDOWS_1252));
    /// UTF-16 in little-endian order.
    pub(super) const UTF16: Self = Self(Kind::Known(UTF_16LE));

    /// The code page of a number.
    pub(super) fn of(number: u32) -> Self {
        let encoding = match number {
            437 | 850 | 858 => return Self(Kind::Dos),
            866 => IBM866,
            874 => WINDOWS_874,
            932 => SHIFT_JIS,
            936 => GBK,
            949 | 1361 => EUC_KR,
            950 => BIG5,
            1200 => UTF_16LE,
            1201 => UTF_16BE,
            1250 | 852 => WINDOWS_1250,
            1251 | 855 => WINDOWS_1251,
            1253 | 737 => WINDOWS_1253,
            1254 | 857 => WINDOWS_1254,
            1255 | 862 => WINDOWS_1255,
            1256 | 720 | 864 => WINDOWS_1256,
            1257 | 775 => WINDOWS_1257,
            1258 => WINDOWS_1258,
            10000 => MACINTOSH,
            10007 => X_MAC_CYRILLIC,
            20866 => KOI8_R,
            21866 => KOI8_U,
            28592 => ISO_8859_2,
            28593 => ISO_8859_3,
            28594 => ISO_8859_4,
            28595 => ISO_8859_5,
            28596 => ISO_8859_6,
            28597 => ISO_8859_7,
            28598 | 38598 => ISO_8859_8,
            28603 => ISO_8859_13,
            28605 => ISO_8859_15,
            50220..=50222 => ISO_2022_JP,
            51932 => EUC_JP,
            51949 => EUC_KR,
            52936 | 54936 => GB18030,
            65001 => UTF_8,
            _ => WINDOWS_1252,
        };
        Self(Kind::Known(encoding))
    }

    /// The code page of a Windows character set (MS-WMF 2.1.1.5); none for those that name no script.
    pub(super) fn of_charset(charset: i32) -> Option<Self> {
        let number = match charset {
            77 => 10000,
            128 => 932,
            129 | 130 => 949,
            134 => 936,
            136 => 950,
            161 => 1253,
            162 => 1254,
            163 => 1258,
            177 => 1255,
            178 => 1256,
            186 => 1257,
            204 => 1251,
            222 => 874,
            238 => 1250,
            255 => 437,
            0 => 1252,
            _ => return None,
        };
        Some(Self::of(number))
    }

    /// The code page of a Windows language (MS-LCID), for files that say no more than the language.
    pub(super) fn of_language(language: u16) -> Self {
        Self::of(match language & 0x3FF {
            0x01 | 0x20 | 0x29 => 1256,
            0x02 | 0x19 | 0x22 | 0x23 | 0x2F => 1251,
            0x04 if matches!(language, 0x0404 | 0x0C04) => 950,
            0x04 => 936,
            0x05 | 0x0E | 0x15 | 0x18 | 0x1A | 0x1B | 0x1C | 0x24 => 1250,
            0x08 => 1253,
            0x0D => 1255,
            0x11 => 932,
            0x12 => 949,
            0x1E => 874,
            0x1F => 1254,
            0x25..=0x27 => 1257,
            0x2A => 1258,
            _ => 1252,
        })
    }

    /// Whether one octet is always one character.
    pub(super) fn is_single(self) -> bool {
        match self.0 {
            Kind::Known(encoding) => encoding.is_single_byte(),
            Kind::Dos => true,
        }
    }

    /// The characters of octets. A byte order mark is no character.
    pub(super) fn decode(self, octets: &[u8]) -> String {
        match self.0 {
            Kind::Known(encoding) => encoding.decode_with_bom_removal(octets).0.into_owned(),
            Kind::Dos => octets.iter().map(|&octet| dos(octet)).collect(),
        }
    }
}

/// UTF-16 in little-endian order.
pub(super) fn utf16(octets: &[u8]) -> String {
    CodePage::UTF16.decode(octets)
}

/// UTF-16 up to its first NUL.
pub(super) fn utf16_to_nul(octets: &[u8]) -> String {
    let text = utf16(octets);
    text.split('\0').next().unwrap_or_default().to_string()
}

/// Code page 850, whose letters are those of 437 and more.
fn dos(octet: u8) -> char {
    const HIGH: [char; 128] = [
        'Ç', 'ü', 'é', 'â', 'ä', 'à', 'å', 'ç', 'ê', 'ë', 'è', 'ï', 'î', 'ì', 'Ä', 'Å', 'É', 'æ', 'Æ', 'ô', 'ö', 'ò',
        'û', 'ù', 'ÿ', 'Ö', 'Ü', 'ø', '£', 'Ø', '×', 'ƒ', 'á', 'í', 'ó', 'ú', 'ñ', 'Ñ', 'ª', 'º', '¿', '®', '¬', '½',
        '¼', '¡', '«', '»', '░', '▒', '▓', '│', '┤', 'Á', 'Â', 'À', '©', '╣', '║', '╗', '╝', '¢', '¥', '┐', '└', '┴',
        '┬', '├', '─', '┼', 'ã', 'Ã', '╚', '╔', '╩', '╦', '╠', '═', '╬', '¤', 'ð', 'Ð', 'Ê', 'Ë', 'È', 'ı', 'Í', 'Î',
        'Ï', '┘', '┌', '█', '▄', '¦', 'Ì', '▀', 'Ó', 'ß', 'Ô', 'Ò', 'õ', 'Õ', 'µ', 'þ', 'Þ', 'Ú', 'Û', 'Ù', 'ý', 'Ý',
        '¯', '´', '\u{ad}', '±', '‗', '¾', '¶', '§', '÷', '¸', '°', '¨', '·', '¹', '³', '²', '■', '\u{a0}',
    ];
    HIGH.get(usize::from(octet).wrapping_sub(128)).copied().unwrap_or(char::from(octet))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn code_pages_by_number_charset_and_language() {
        assert_eq!(CodePage::of(1252).decode(b"Zo\xEB \x80"), "Zoë €");
        assert_eq!(CodePage::of(850).decode(b"Zo\x89 \xD5"), "Zoë ı");
        assert_eq!(CodePage::of(1251).decode(b"\xC0"), "А");
        assert_eq!(CodePage::of(65001).decode("Zoë".as_bytes()), "Zoë");
        assert_eq!(CodePage::of(99).decode(b"\xEB"), "ë");
        assert_eq!(CodePage::of_charset(128).unwrap().decode(b"\x83A"), "ア");
        assert!(CodePage::of_charset(2).is_none());
        assert_eq!(CodePage::of_language(0x0419).decode(b"\xC0"), "А");
        assert_eq!(utf16_to_nul(b"a\0b\0\0\0c\0"), "ab");
    }
}
