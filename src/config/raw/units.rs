//! Sizes, times and days as they are typed.

use std::time::Duration;

use jiff::civil::Date;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use toml::Spanned;

/// Octets: a number, or text such as "50 MB" (10^6) or "64 MiB" (2^20).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::config) struct Size(pub usize);

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "a size is a number of octets or a text such as \"50 MB\"")]
        enum Typed {
            Number(usize),
            Text(String),
        }
        match Typed::deserialize(deserializer)? {
            Typed::Number(octets) => Ok(Self(octets)),
            Typed::Text(text) => size(&text)
                .map(Self)
                .ok_or_else(|| D::Error::custom(format!("`{text}` is no size; write for example \"50 MB\""))),
        }
    }
}

/// A duration: "500ms", "30s", "5m", "1h".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::config) struct Time(pub Duration);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)
            .map_err(|_| D::Error::custom("a duration is a text such as \"30s\" or \"5m\""))?;
        time(&text)
            .map(Self)
            .ok_or_else(|| D::Error::custom(format!("`{text}` is no duration; write for example \"30s\" or \"5m\"")))
    }
}

/// Days: "30d".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::config) struct Days(pub u32);

impl<'de> Deserialize<'de> for Days {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wrong = |text: &str| D::Error::custom(format!("`{text}` is no number of days; write for example \"30d\""));
        let text = String::deserialize(deserializer)
            .map_err(|_| D::Error::custom("a number of days is a text such as \"30d\""))?;
        match number_and_unit(&text) {
            Some((number, "d")) => u32::try_from(number).map(Self).map_err(|_| wrong(&text)),
            _ => Err(wrong(&text)),
        }
    }
}

/// A day: "2026-08-01", with quotes or as a date of TOML.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::config) struct Day(pub Date);

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DayVisitor)
    }
}

struct DayVisitor;

impl<'de> Visitor<'de> for DayVisitor {
    type Value = Day;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a day such as \"2026-08-01\"")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Day, E> {
        text.parse().map(Day).map_err(|_| E::custom(format!("`{text}` is no day; write for example \"2026-08-01\"")))
    }

    /// TOML's own dates come as a table with one key.
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Day, A::Error> {
        match map.next_entry::<String, String>()? {
            Some((_, text)) => self.visit_str(&text),
            None => Err(A::Error::custom("a day is a text such as \"2026-08-01\"")),
        }
    }
}

fn size(text: &str) -> Option<usize> {
    let (number, unit) = number_and_unit(text)?;
    let factor = match unit {
        "" | "B" => 1,
        "kB" | "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    number.checked_mul(factor)
}

pub(in crate::config) fn time(text: &str) -> Option<Duration> {
    let (number, unit) = number_and_unit(text)?;
    let number = u64::try_from(number).ok()?;
    // A year is longer than any wait here has sense, and short enough for every clock.
    let seconds = match unit {
        "ms" => return Some(Duration::from_millis(number.min(1000 * 31_536_000))),
        "s" => number,
        "m" => number.checked_mul(60)?,
        "h" => number.checked_mul(3600)?,
        _ => return None,
    };
    Some(Duration::from_secs(seconds.min(31_536_000)))
}

fn number_and_unit(text: &str) -> Option<(usize, &str)> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    Some((text[..end].parse().ok()?, text[end..].trim()))
}

pub(super) fn yes() -> bool {
    true
}

/// A default: it has no place in the file.
pub(super) fn default<T>(value: T) -> Spanned<T> {
    Spanned::new(0..0, value)
}

pub(super) fn seconds(number: u64) -> Spanned<Time> {
    default(Time(Duration::from_secs(number)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times() {
        for (text, expected) in [
            ("50 MB", Some(50_000_000)),
            ("64MiB", Some(64 << 20)),
            ("7", Some(7)),
            ("MB", None),
            ("5 XB", None),
            ("99999999999999999999 GB", None),
        ] {
            assert_eq!(size(text), expected, "{text}");
        }
        for (text, expected) in
            [("500ms", Some(500)), ("30s", Some(30_000)), ("5m", Some(300_000)), ("5", None), ("-1s", None)]
        {
            assert_eq!(time(text).map(|t| t.as_millis()), expected, "{text}");
        }
    }
}
