//! Numbers of a spreadsheet as a Dutch Excel shows them (ECMA-376 part 1, 18.8.30 and 18.8.31).
//!
//! A format code is taken apart once ([`Format::parse`]) and applied to many cells. Decimals are divided by a comma,
//! thousands by a full stop, dates by a hyphen in the order that the code says; names of months are Dutch unless
//! the code asks for English. The width of a column is not known: no number is shown as `####` for want of room.
//! Cannot fail: a code that makes no sense shows a number as General does.

mod code;
mod date;
mod number;

use code::{Kind, Section};

/// A number format.
#[derive(Debug, Clone, Default)]
pub(super) struct Format {
    /// Up to four; none is General.
    sections: Vec<Section>,
}

/// From which day a workbook counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Epoch {
    /// Day 1 is 1 January 1900, and 29 February 1900 existed.
    #[default]
    Y1900,
    /// Day 0 is 1 January 1904.
    Y1904,
}

impl Format {
    /// Takes a format code apart.
    pub(super) fn parse(code: &str) -> Self {
        if code.eq_ignore_ascii_case("general") || code == "@" || code.is_empty() {
            return Self::default();
        }
        Self { sections: code::sections(code) }
    }

    /// A format that every program knows by its number (18.8.30, as a Dutch Excel fills them in); General for the rest.
    pub(super) fn builtin(id: u16) -> Self {
        let code = match id {
            1 => "0",
            2 => "0.00",
            3 => "#,##0",
            4 => "#,##0.00",
            5 => "\"€\" #,##0;\"€\" -#,##0",
            6 => "\"€\" #,##0;[Red]\"€\" -#,##0",
            7 => "\"€\" #,##0.00;\"€\" -#,##0.00",
            8 => "\"€\" #,##0.00;[Red]\"€\" -#,##0.00",
            9 => "0%",
            10 => "0.00%",
            11 => "0.00E+00",
            12 => "# ?/?",
            13 => "# ??/??",
            14 | 27..=31 | 36 | 50..=58 => "d-m-yyyy",
            15 => "d-mmm-yy",
            16 => "d-mmm",
            17 => "mmm-yy",
            18 => "h:mm AM/PM",
            19 => "h:mm:ss AM/PM",
            20 | 32 | 34 => "h:mm",
            21 | 33 | 35 => "h:mm:ss",
            22 => "d-m-yyyy h:mm",
            37 | 38 => "#,##0;-#,##0",
            39 | 40 => "#,##0.00;-#,##0.00",
            41 | 42 => "#,##0;-#,##0;\"-\"",
            43 | 44 => "#,##0.00;-#,##0.00;\"-\"",
            45 => "mm:ss",
            46 => "[h]:mm:ss",
            47 => "mm:ss.0",
            48 => "##0.0E+0",
            _ => return Self::default(),
        };
        Self::parse(code)
    }

    /// Whether it is General: a whole number of up to eleven digits is shown as it is stored.
    pub(super) fn is_general(&self) -> bool {
        self.sections.is_empty()
    }

    /// Whether it divides thousands.
    pub(super) fn is_grouped(&self) -> bool {
        self.sections.iter().any(|section| section.grouped)
    }

    /// Writes a number as it is shown.
    pub(super) fn show(&self, value: f64, epoch: Epoch, out: &mut String) {
        if !value.is_finite() {
            return out.push_str("#NUM!");
        }
        let Some((section, sign)) = self.section_for(value) else { return number::general(value, out) };
        match section.kind {
            Kind::General => {
                let mut shown = String::new();
                number::general(if sign { value } else { value.abs() }, &mut shown);
                number::literally(section, &shown, out);
            }
            Kind::Date => date::show(section, value, epoch, out),
            Kind::Number => {
                if sign && value < 0.0 {
                    out.push('-');
                }
                number::show(section, value.abs(), out);
            }
        }
    }

    /// The section for a number, and whether a negative one still needs its sign.
    fn section_for(&self, value: f64) -> Option<(&Section, bool)> {
        let numeric = || self.sections.iter().take(3).filter(|section| !section.is_text);
        let count = numeric().count();
        if numeric().any(|section| section.condition.is_some()) {
            let chosen = numeric().find(|section| section.condition.is_none_or(|condition| condition.holds(value)));
            return chosen.or(numeric().next_back()).map(|section| (section, true));
        }
        let index = match count {
            0 => return None,
            1 => 0,
            _ if value < 0.0 => 1,
            3 if value == 0.0 => 2,
            _ => 0,
        };
        numeric().nth(index).map(|section| (section, index == 0))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn show(code: &str, value: f64) -> String {
        let mut out = String::new();
        Format::parse(code).show(value, Epoch::Y1900, &mut out);
        out
    }

    #[test]
    fn numbers_as_shown() {
        for (code, value, shown) in [
            ("General", 999_918_564.0, "999918564"),
            ("General", 7.25, "7,25"),
            ("General", -0.5, "-0,5"),
            ("General", 0.1 + 0.2, "0,3"),
            ("General", 123_456_789_012.0, "1,23457E+11"),
            ("General", 1e-12, "1E-12"),
            ("0", 2.5, "3"),
            ("000000000", 39_568_714.0, "039568714"),
            ("0000\\.00\\.000", 999_918_564.0, "9999.18.564"),
            ("0000\".\"00\".\"000", 39_568_714.0, "0395.68.714"),
            ("000 000 000", 39_568_714.0, "039 568 714"),
            ("#,##0", 999_918_564.0, "999.918.564"),
            ("#,##0", 12.0, "12"),
            ("#,##0.00", 1234.5, "1.234,50"),
            ("0.0#", 1.25, "1,25"),
            ("0.0#", 1.0, "1,0"),
            ("#.##", 0.5, ",5"),
            (".00", 12.0, "12,00"),
            ("0,", 12_345.0, "12"),
            ("0%", 0.125, "13%"),
            ("0.00E+00", 999_918_564.0, "1,00E+09"),
            ("0.00E+00", 0.00012, "1,20E-04"),
            ("##0.0E+0", 12_345.0, "12,3E+3"),
            ("# ?/?", 1.5, "1 1/2"),
            ("# ?/8", 0.25, "2/8"),
            (";;;", 12.0, ""),
            ("\"ja\";;\"nee\"", 1.0, "ja"),
            ("\"ja\";;\"nee\"", 0.0, "nee"),
            ("0;-0;;@", 7.0, "7"),
            ("0;(0)", -7.0, "(7)"),
            ("[Red]-0.0", 7.0, "-7,0"),
            ("[<10]0;[>=10]\"veel\"", 3.0, "3"),
            ("[<10]0;[>=10]\"veel\"", 30.0, "veel"),
            ("[$€-413] #,##0.00", 3.5, "€ 3,50"),
            ("_ * #,##0_ ", 3.0, "3"),
            ("\"nr. \"General", 3.0, "nr. 3"),
            ("@", 12.0, "12"),
            ("0 \"km/h\"", 12.0, "12 km/h"),
        ] {
            assert_eq!(show(code, value).trim(), shown, "{code} {value}");
        }
    }

    #[test]
    fn dates_as_shown() {
        for (code, value, shown) in [
            ("d-m-yyyy", 44_000.0, "18-6-2020"),
            ("dd/mm/yy", 44_000.0, "18-06-20"),
            ("m/d/yyyy", 44_000.0, "6-18-2020"),
            ("[$-413]dddd d mmmm yyyy", 44_000.0, "donderdag 18 juni 2020"),
            ("[$-409]d-mmm-yyyy;@", 44_330.0, "14-May-2021"),
            ("[$-F800]d mmm yyyy", 44_270.0, "15 mrt 2021"),
            ("yyyy-mm-dd hh:mm:ss", 44_000.520_833_333_336, "2020-06-18 12:30:00"),
            ("h:mm AM/PM", 0.75, "6:00 PM"),
            ("[h]:mm", 1.5, "36:00"),
            ("mm:ss.0", 0.000_01, "00:00,9"),
            ("d-m-yyyy", 60.0, "29-2-1900"),
            ("d-m-yyyy", 1.0, "1-1-1900"),
            ("d-m-yyyy", 999_918_564.0, "########"),
            ("d-m-yyyy", -1.0, "########"),
            ("yyyy\"jaar\"", 44_000.0, "2020jaar"),
            ("m", 44_000.0, "6"),
        ] {
            assert_eq!(show(code, value), shown, "{code} {value}");
        }
        let mut out = String::new();
        Format::builtin(14).show(0.0, Epoch::Y1904, &mut out);
        assert_eq!(out, "1-1-1904");
    }

    proptest! {
        #[test]
        fn any_code_shows_any_number(code in "[0#?.,;/EeGd mhsyAP\\[\\]$\\-<>=\"\\\\_*@%ab1-9€]{0,40}", value: f64) {
            let mut out = String::new();
            Format::parse(&code).show(value, Epoch::Y1900, &mut out);
            Format::parse(&code).show(value % 3e6, Epoch::Y1904, &mut out);
            prop_assert!(out.len() < 4000);
        }
    }
}
