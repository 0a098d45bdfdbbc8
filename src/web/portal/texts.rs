//! The texts of the portal, one file a language (rules/texts/portal.nl.toml, portal.en.toml). A school may change them, and
//! add languages: a file `portal.uk.toml` in its folder is all that Ukrainian needs.
//!
//! A file says itself how its language is called, in which direction it is written, and what its days and months are.

use std::path::PathBuf;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::problem::Problem;
use crate::web::texts::{self, Shipped};

const SET: Shipped = Shipped {
    name: "portal",
    languages: &[
        ("nl", include_str!("../../../rules/texts/portal.nl.toml")),
        ("en", include_str!("../../../rules/texts/portal.en.toml")),
    ],
    further: Some(&["language", "direction", "days", "months"]),
};

/// All texts, in all languages.
#[derive(Debug, Clone)]
pub struct Texts(texts::Texts);

impl Texts {
    /// The shipped texts.
    ///
    /// # Errors
    /// None in a build whose tests passed; the same as [`Texts::load`] otherwise.
    pub fn shipped() -> Result<Self, Vec<Problem>> {
        texts::Texts::shipped(&SET).map(Self)
    }

    /// The shipped texts with those of a school's own files in their place, and further languages: path and content each,
    /// of which only `portal.LANGUAGE.toml` are looked at.
    ///
    /// # Errors
    /// Unknown texts and placeholders, and files that are no TOML, with their lines.
    pub fn load(files: &[(PathBuf, String)]) -> Result<Self, Vec<Problem>> {
        texts::Texts::load(&SET, files).map(Self)
    }

    /// The tags of its languages, each with its own name.
    pub fn languages(&self) -> Vec<(&str, &str)> {
        self.0.tags().map(|tag| (tag, self.get(tag, "language"))).collect()
    }

    /// The language for somebody: the tag that was chosen, else what the browser asks for (RFC 9110 12.5.4), else this
    /// one.
    pub fn best(&self, chosen: Option<&str>, accepted: &str, otherwise: &str) -> String {
        let known = |tag: &str| {
            let main = tag.split('-').next().unwrap_or_default();
            let is = |asked: &str| self.0.tags().find(|known| known.eq_ignore_ascii_case(asked)).map(str::to_owned);
            is(tag).or_else(|| is(main))
        };
        if let Some(tag) = chosen.and_then(known) {
            return tag;
        }
        let mut asked: Vec<(u32, &str)> = accepted.split(',').take(32).filter_map(weighed).collect();
        asked.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
        asked.iter().find_map(|(_, tag)| known(tag)).unwrap_or_else(|| otherwise.to_owned())
    }

    /// A text, with its placeholders as they are.
    pub fn get(&self, tag: &str, key: &str) -> &str {
        self.0.get(tag, key)
    }

    /// A text with its placeholders filled in.
    pub fn fill(&self, tag: &str, key: &str, values: &[(&str, &str)]) -> String {
        self.0.fill(tag, key, values)
    }

    /// "donderdag 24 december 2026".
    pub(super) fn day(&self, tag: &str, millis: i64, zone: &TimeZone) -> String {
        let at = local(millis, zone);
        let named = |list: &str, place: i8| {
            let place = usize::try_from(place).unwrap_or_default();
            self.get(tag, list).split_whitespace().nth(place).unwrap_or_default().to_owned()
        };
        let (weekday, month) = (named("days", at.weekday().to_monday_zero_offset()), named("months", at.month() - 1));
        let (day, year) = (at.day().to_string(), at.year().to_string());
        self.fill(tag, "date", &[("weekday", &weekday), ("day", &day), ("month", &month), ("year", &year)])
    }

    /// "donderdag 24 december 2026, 15.10 uur".
    pub(super) fn moment(&self, tag: &str, millis: i64, zone: &TimeZone) -> String {
        let at = local(millis, zone);
        let (hour, minute) = (at.hour().to_string(), format!("{:02}", at.minute()));
        let clock = self.fill(tag, "clock", &[("hour", &hour), ("minute", &minute)]);
        self.fill(tag, "moment", &[("date", &self.day(tag, millis, zone)), ("clock", &clock)])
    }

    /// "15.10 uur".
    pub(super) fn clock(&self, tag: &str, millis: i64, zone: &TimeZone) -> String {
        let at = local(millis, zone);
        self.fill(tag, "clock", &[("hour", &at.hour().to_string()), ("minute", &format!("{:02}", at.minute()))])
    }

    /// "a, b of c".
    pub(super) fn any_of(&self, tag: &str, items: &[String]) -> String {
        match items {
            [] => String::new(),
            [one] => one.clone(),
            [first @ .., last] => format!("{} {} {last}", first.join(", "), self.get(tag, "or")),
        }
    }

    /// "1,4 MB".
    pub(super) fn size(&self, tag: &str, octets: u64) -> String {
        const KB: u64 = 1000;
        let (unit, word) = match octets {
            0..1_000_000 => return format!("{} kB", octets.div_ceil(KB).max(1)),
            1_000_000..1_000_000_000 => (KB * KB, "MB"),
            _ => (KB * KB * KB, "GB"),
        };
        let tenths = octets.saturating_mul(10) / unit;
        format!("{}{}{} {word}", tenths / 10, self.get(tag, "decimal"), tenths % 10)
    }
}

/// A language of `Accept-Language` with its weight, in thousandths.
fn weighed(one: &str) -> Option<(u32, &str)> {
    let mut parts = one.split(';').map(str::trim);
    let tag = parts.next().filter(|tag| !tag.is_empty())?;
    let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(Some(1.0), |q| q.parse::<f32>().ok())?;
    let weight = (weight.clamp(0.0, 1.0) * 1000.0) as u32;
    (weight > 0).then_some((weight, tag))
}

fn local(millis: i64, zone: &TimeZone) -> DateTime {
    Timestamp::from_millisecond(millis).unwrap_or_default().to_zoned(zone.clone()).datetime()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::path::Path;

    use super::*;
    use crate::web::texts::tests::{is_even, is_used};

    #[test]
    fn all_languages_have_the_same_texts_and_placeholders() {
        is_even(&SET);
    }

    #[test]
    fn no_text_is_missing_and_none_is_idle() {
        let folder = Path::new(file!()).parent().unwrap();
        is_used(&SET, folder, &["error_", "country_"]);
    }

    #[test]
    fn a_browser_gets_the_language_it_likes_best_of_those_we_have() {
        let own = "language = \"Українська\"\ndirection = \"ltr\"\ndays = \"а б\"\nmonths = \"а б\"";
        let texts = Texts::load(&[(PathBuf::from("portal.uk.toml"), own.to_owned())]).unwrap();
        for (chosen, accepted, expected) in [
            (None, "", "nl"),
            (None, "de, fr;q=0.9", "nl"),
            (None, "en-GB,en;q=0.9,nl;q=0.8", "en"),
            (None, "nl;q=0.1, en;q=0.9", "en"),
            (None, "en;q=0, uk;q=0.3", "uk"),
            (None, "EN-us", "en"),
            (Some("en"), "nl", "en"),
            (Some("xx"), "uk", "uk"),
            (None, "en;q=x, *", "nl"),
        ] {
            assert_eq!(texts.best(chosen, accepted, "nl"), expected, "{chosen:?} {accepted}");
        }
        assert_eq!(texts.languages().len(), 3);
    }

    #[test]
    fn days_and_sizes_are_said_in_words() {
        let texts = Texts::shipped().unwrap();
        let zone = TimeZone::get("Europe/Amsterdam").unwrap();
        let at = 1_795_525_620_000;
        assert_eq!(texts.moment("nl", at, &zone), "dinsdag 24 november 2026, 14.07 uur");
        assert_eq!(texts.moment("en", at, &zone), "Tuesday 24 November 2026, 14:07");
        for (octets, expected) in [(0, "1 kB"), (1001, "2 kB"), (1_449_000, "1,4 MB"), (2_000_000_000, "2,0 GB")] {
            assert_eq!(texts.size("nl", octets), expected);
        }
    }
}
