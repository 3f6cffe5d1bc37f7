//! Instants and calendar days. A day never passes through UTC.

use std::fmt;
use std::str::FromStr;

use jiff::civil::{Date, date};
use serde::{Deserialize, Serialize};

/// Microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

/// Microseconds in 24 hours.
pub const DAY_MICROS: i64 = 86_400_000_000;

impl Timestamp {
    /// This many times 24 hours later.
    pub fn plus_days(self, days: u32) -> Timestamp {
        Timestamp(self.0.saturating_add(i64::from(days) * DAY_MICROS))
    }

    /// The calendar day at this instant in UTC.
    pub fn utc_day(self) -> Day {
        Day(i32::try_from(self.0.div_euclid(DAY_MICROS)).unwrap_or(i32::MAX))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(instant) => instant.fmt(f),
            Err(_) => write!(f, "{} µs", self.0),
        }
    }
}

/// A civil date: days since 1970-01-01, as Avro's `date` has it. Years 1900 to 2200 when it comes from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Day(pub i32);

/// Not a date of the calendar, or not within the years 1900 to 2200.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a calendar date within the years 1900 to 2200")]
pub struct NotADay;

/// What to do with a yearly date of 29 February in a year without one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeapDay {
    /// 28 February.
    #[default]
    Before,
    /// 1 March.
    After,
}

const EPOCH: Date = date(1970, 1, 1);

impl Day {
    /// A date of the calendar within the years 1900 to 2200.
    pub fn from_ymd(year: i16, month: i8, day: i8) -> Result<Day, NotADay> {
        if !(1900..=2200).contains(&year) {
            return Err(NotADay);
        }
        let date = Date::new(year, month, day).map_err(|_| NotADay)?;
        Ok(Day(days_from_epoch(date)))
    }

    /// The day of a civil date.
    pub fn from_civil(date: Date) -> Result<Day, NotADay> {
        Day::from_ymd(date.year(), date.month(), date.day())
    }

    /// The civil date. Days far outside of the calendar are held at its ends.
    pub fn civil(self) -> Date {
        EPOCH.checked_add(jiff::Span::new().days(i64::from(self.0))).unwrap_or(Date::MAX)
    }

    /// So many days later, or earlier.
    pub fn plus(self, days: i32) -> Day {
        Day(self.0.saturating_add(days))
    }

    /// This date's anniversary in `year`; `None` outside of 1900 to 2200.
    pub fn in_year(self, year: i16, leap_day: LeapDay) -> Option<Day> {
        let date = self.civil();
        match Day::from_ymd(year, date.month(), date.day()) {
            Ok(day) => Some(day),
            Err(NotADay) if (date.month(), date.day()) == (2, 29) => match leap_day {
                LeapDay::Before => Day::from_ymd(year, 2, 28).ok(),
                LeapDay::After => Day::from_ymd(year, 3, 1).ok(),
            },
            Err(NotADay) => None,
        }
    }
}

fn days_from_epoch(date: Date) -> i32 {
    // Within 1900..=2200 the distance fits by far.
    EPOCH.until(date).map(|span| span.get_days()).unwrap_or(0)
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.civil().fmt(f)
    }
}

impl FromStr for Day {
    type Err = NotADay;

    /// ISO 8601 calendar date, `YYYY-MM-DD`, nothing else.
    fn from_str(text: &str) -> Result<Day, NotADay> {
        let bytes = text.as_bytes();
        if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
            return Err(NotADay);
        }
        let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        let (year, month, day) = (&text[..4], &text[5..7], &text[8..]);
        if !(digits(year) && digits(month) && digits(day)) {
            return Err(NotADay);
        }
        let year = year.parse().map_err(|_| NotADay)?;
        Day::from_ymd(year, month.parse().map_err(|_| NotADay)?, day.parse().map_err(|_| NotADay)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_survives_text_and_calendar() {
        for (text, days) in [("1970-01-01", 0), ("2024-02-29", 19_782), ("1900-01-01", -25_567)] {
            let day: Day = text.parse().unwrap();
            assert_eq!((day.0, day.to_string().as_str()), (days, text));
        }
    }

    #[test]
    fn a_day_that_no_calendar_has_is_refused() {
        for text in [
            "2023-02-29",
            "2024-13-01",
            "2024-00-10",
            "1899-12-31",
            "2201-01-01",
            "24-01-01",
            "2024-1-01",
            "2024-01-01T00",
            "+024-01-01",
            "２０２４-01-01",
        ] {
            assert_eq!(text.parse::<Day>(), Err(NotADay), "{text}");
        }
    }

    #[test]
    fn the_29th_of_february_has_an_anniversary_in_every_year() {
        let day = Day::from_ymd(2020, 2, 29).unwrap();
        assert_eq!(day.in_year(2021, LeapDay::Before).unwrap().to_string(), "2021-02-28");
        assert_eq!(day.in_year(2021, LeapDay::After).unwrap().to_string(), "2021-03-01");
        assert_eq!(day.in_year(2024, LeapDay::After).unwrap().to_string(), "2024-02-29");
    }
}
