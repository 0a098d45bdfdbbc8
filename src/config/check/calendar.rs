//! `[calendar]`: the holidays and study days of the schools.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use toml::Spanned;

use super::Check;
use crate::config::raw;
use crate::school::Calendar;

/// A holiday that is longer is a mistake in a year.
const LONGEST_DAYS: i32 = 70;

impl Check<'_> {
    pub(super) fn calendar(&mut self, raw: &raw::Calendar, zone: &TimeZone) -> Calendar {
        let closed = raw.closed.iter().filter_map(|typed| self.closed(typed)).collect();
        Calendar::new(zone.clone(), closed)
    }

    /// A day, or the first and the last day of a holiday.
    fn closed(&mut self, typed: &Spanned<String>) -> Option<(Date, Date)> {
        let (first, last) = typed.get_ref().split_once('/').unwrap_or((typed.get_ref(), typed.get_ref()));
        let (Ok(first), Ok(last)) = (first.trim().parse::<Date>(), last.trim().parse::<Date>()) else {
            self.problem(
                &typed.span(),
                format!("`{}` is no day and no holiday", typed.get_ref()),
                "write a day, \"2027-03-01\", or the first and the last day, \"2026-12-19/2027-01-03\"",
            );
            return None;
        };
        let lasts = first.until(last).map_or(-1, |span| span.get_days());
        if !(0..LONGEST_DAYS).contains(&lasts) {
            self.problem(
                &typed.span(),
                format!("`{}` ends before it begins, or lasts longer than a summer", typed.get_ref()),
                "write the first and the last day, \"2026-12-19/2027-01-03\"",
            );
            return None;
        }
        Some((first, last))
    }
}
