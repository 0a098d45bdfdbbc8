//! Which days there is school.
//!
//! Saturdays, Sundays and the general holidays of the Algemene termijnenwet (art. 3) are known; the school's own holidays
//! and study days differ by region, year and school, so the configuration lists them. Values only; never fails: a moment
//! that no calendar holds is given back as it is.

use std::time::Duration;

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// A day, in milliseconds.
const DAY: i64 = 24 * 3600 * 1000;
/// The hour at which people are there to read.
const OPENS: i8 = 8;
/// No period that is asked about is longer, days off included.
const MOST_DAYS: usize = 800;

/// The days of a school.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    zone: TimeZone,
    closed: Vec<(Date, Date)>,
}

impl Calendar {
    /// A calendar with these holidays and study days: the first and the last day of each.
    pub fn new(zone: TimeZone, closed: Vec<(Date, Date)>) -> Self {
        Self { zone, closed }
    }

    /// The last day that it has a holiday for.
    pub fn known_until(&self) -> Option<Date> {
        self.closed.iter().map(|(_, last)| *last).max()
    }

    /// The week that is over, when its list is due: from eight o'clock on the first school day of a week. A week without
    /// school gets no list, and what came before it is told with the next. Milliseconds since 1970: where it begins and ends.
    pub fn week_to_tell(&self, now: i64) -> Option<(i64, i64)> {
        let now = Timestamp::from_millisecond(now).ok()?.to_zoned(self.zone.clone());
        let today = now.date();
        let monday = today.checked_sub(i64::from(today.weekday().to_monday_zero_offset()).days()).ok()?;
        let first = self.first_school_day(monday)?;
        if now.datetime() < first.at(OPENS, 0, 0, 0) {
            return None;
        }
        let mut begins = monday.checked_sub(7.days()).ok()?;
        for _ in 0..MOST_DAYS / 7 {
            if self.first_school_day(begins).is_some() {
                break;
            }
            begins = begins.checked_sub(7.days()).ok()?;
        }
        let start = |day: Date| Some(day.to_zoned(self.zone.clone()).ok()?.timestamp().as_millisecond());
        Some((start(begins)?, start(monday)?))
    }

    fn first_school_day(&self, monday: Date) -> Option<Date> {
        (0..7).filter_map(|day| monday.checked_add(day.days()).ok()).find(|day| self.has_school(*day))
    }

    /// Whether there is school on this day.
    pub fn has_school(&self, day: Date) -> bool {
        !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday)
            && !is_general_holiday(day)
            && !self.is_closed(day)
    }

    /// Some school days later, at the same hour. Milliseconds since 1970, as everywhere.
    pub fn school_days_after(&self, millis: i64, days: usize) -> i64 {
        let Ok(start) = Timestamp::from_millisecond(millis) else { return millis };
        let (mut at, mut left) = (start.to_zoned(self.zone.clone()).datetime(), days);
        for _ in 0..MOST_DAYS {
            if left == 0 {
                break;
            }
            let Ok(next) = at.tomorrow() else { break };
            at = next;
            left -= usize::from(self.has_school(at.date()));
        }
        at.to_zoned(self.zone.clone()).map_or(millis, |at| at.timestamp().as_millisecond())
    }

    /// The end of a period in which days of a holiday do not count: somebody who is away cannot open a message, nor pass a
    /// code on. Weekends count. A period of less than a day is as long as it says.
    pub fn after(&self, millis: i64, lasts: Duration) -> i64 {
        let lasts = i64::try_from(lasts.as_millis()).unwrap_or(i64::MAX);
        let end = millis.saturating_add(lasts);
        let Ok(start) = Timestamp::from_millisecond(millis) else { return end };
        let (mut day, mut left, mut off) = (start.to_zoned(self.zone.clone()).date(), lasts / DAY, 0);
        for _ in 0..MOST_DAYS {
            if left == 0 {
                break;
            }
            let Ok(next) = day.tomorrow() else { break };
            day = next;
            if self.is_closed(day) {
                off += 1;
            } else {
                left -= 1;
            }
        }
        end.saturating_add(off * DAY)
    }

    fn is_closed(&self, day: Date) -> bool {
        self.closed.iter().any(|(first, last)| (*first..=*last).contains(&day))
    }
}

/// The general holidays, and Good Friday, which the law puts on a par with them.
fn is_general_holiday(day: Date) -> bool {
    let kings_day = match Date::new(day.year(), 4, 27) {
        Ok(day) if day.weekday() == Weekday::Sunday => (4, 26),
        _ => (4, 27),
    };
    let fixed = [(1, 1), kings_day, (5, 5), (12, 25), (12, 26)];
    // Good Friday, Easter Monday, Ascension Day, Whit Monday.
    let from_easter = [-2, 1, 39, 50];
    let moves = |days: i32| easter(day.year()).and_then(|easter| easter.checked_add(days.days()).ok()) == Some(day);
    fixed.contains(&(day.month(), day.day())) || from_easter.into_iter().any(moves)
}

/// Easter Sunday of the Gregorian calendar (Meeus, Astronomical Algorithms, chapter 8).
fn easter(year: i16) -> Option<Date> {
    let year_of = i32::from(year);
    let (a, b, c) = (year_of % 19, year_of / 100, year_of % 100);
    let (d, e) = (b / 4, b % 4);
    let g = (8 * b + 13) / 25;
    let h = (19 * a + b - d - g + 15) % 30;
    let (i, k) = (c / 4, c % 4);
    let l = (32 + 2 * e + 2 * i - h - k) % 7;
    let m = (a + 11 * h + 19 * l) / 433;
    let month = (h + l - 7 * m + 90) / 25;
    let day = (h + l - 7 * m + 33 * month + 19) % 32;
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use jiff::civil::{DateTime, date};

    use super::*;

    fn calendar(closed: &[(&str, &str)]) -> Calendar {
        let closed = closed.iter().map(|(first, last)| (first.parse().unwrap(), last.parse().unwrap())).collect();
        Calendar::new(TimeZone::get("Europe/Amsterdam").unwrap(), closed)
    }

    fn at(text: &str) -> i64 {
        let moment: DateTime = text.parse().unwrap();
        moment.to_zoned(TimeZone::get("Europe/Amsterdam").unwrap()).unwrap().timestamp().as_millisecond()
    }

    #[test]
    fn a_week_is_told_on_the_first_school_day_of_the_next_at_eight() {
        let own = calendar(&[("2026-12-19", "2027-01-03"), ("2027-03-01", "2027-03-01")]);
        let zone = TimeZone::get("Europe/Amsterdam").unwrap();
        let at = |day: Date, hour| day.at(hour, 0, 0, 0).to_zoned(zone.clone()).unwrap().timestamp().as_millisecond();
        let told = |day: Date, hour| {
            let (from, until) = own.week_to_tell(at(day, hour))?;
            let day = |millis| Timestamp::from_millisecond(millis).unwrap().to_zoned(zone.clone()).datetime();
            assert_eq!((day(from).hour(), day(until).hour()), (0, 0));
            Some((day(from).date(), day(until).date()))
        };
        let week = |from: Date, until: Date| Some((from, until));
        let (monday, next) = (date(2026, 11, 23), date(2026, 11, 30));
        assert_eq!(told(next, 7), None, "before people are there");
        assert_eq!(told(next, 8), week(monday, next));
        assert_eq!(told(date(2026, 12, 6), 23), week(monday, next), "late is better than not");
        assert_eq!(told(date(2027, 3, 1), 12), None, "a study day");
        assert_eq!(told(date(2027, 3, 2), 8), week(date(2027, 2, 22), date(2027, 3, 1)));
        assert_eq!(told(date(2026, 12, 28), 12), None, "a week of holidays");
        // Two weeks of holidays: with the third goes what came before them.
        assert_eq!(told(date(2027, 1, 4), 8), week(date(2026, 12, 14), date(2027, 1, 4)));
    }

    #[test]
    fn school_days_skip_weekends_holidays_and_the_schools_own_and_keep_the_hour() {
        let own = calendar(&[("2026-12-19", "2027-01-03"), ("2027-03-01", "2027-03-01")]);
        for (from, days, to) in [
            ("2026-11-23T09:00", 2, "2026-11-25T09:00"),
            ("2026-11-26T09:00", 2, "2026-11-30T09:00"),
            ("2026-11-27T16:30", 2, "2026-12-01T16:30"),
            ("2026-11-28T09:00", 2, "2026-12-01T09:00"),
            // Summer time begins between.
            ("2026-03-26T09:00", 2, "2026-03-30T09:00"),
            ("2026-12-16T10:00", 3, "2027-01-04T10:00"),
            ("2027-02-26T10:00", 1, "2027-03-02T10:00"),
            // Easter is 28 March 2027; Ascension Day is 6 May, the day after Liberation Day.
            ("2027-03-25T10:00", 1, "2027-03-30T10:00"),
            ("2027-05-04T10:00", 1, "2027-05-07T10:00"),
            ("2027-05-14T10:00", 1, "2027-05-18T10:00"),
            ("2027-04-26T10:00", 1, "2027-04-28T10:00"),
        ] {
            assert_eq!(own.school_days_after(at(from), days), at(to), "{from} {days}");
        }
        assert_eq!(own.school_days_after(i64::MAX, 3), i64::MAX);
    }

    #[test]
    fn a_period_stands_still_in_a_holiday() {
        let (own, none) = (calendar(&[("2026-12-19", "2027-01-03")]), calendar(&[]));
        let days = |days: u64| Duration::from_secs(days * 24 * 3600);
        let start = at("2026-12-10T10:00");
        assert_eq!(none.after(start, days(14)), at("2026-12-24T10:00"));
        assert_eq!(own.after(start, days(14)), at("2027-01-09T10:00"), "eight days before it, six behind it");
        assert_eq!(own.after(start, days(5)), at("2026-12-15T10:00"));
        assert_eq!(own.after(start, Duration::from_secs(3600)), start + 3_600_000);
        assert_eq!(own.after(start, Duration::MAX), i64::MAX);
        assert_eq!(own.known_until(), Some(date(2027, 1, 3)));
    }

    #[test]
    fn easter_moves() {
        for (year, month, day) in
            [(2024, 3, 31), (2025, 4, 20), (2026, 4, 5), (2027, 3, 28), (2028, 4, 16), (2038, 4, 25)]
        {
            assert_eq!(easter(year), Some(date(year, month, day)));
        }
        // King's Day is a day earlier when it is a Sunday.
        assert!(!calendar(&[]).has_school(date(2026, 4, 27)) && is_general_holiday(date(2025, 4, 26)));
    }
}
