//! Days and instants as HR systems write them. A day is the calendar day that was written, never one by way of UTC.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use mirabelle_domain::Day;
use serde::{Deserialize, Serialize};

use crate::malformed::Code;

/// A way to write a date. Separators in the numeric ones are `-`, `/` or `.`, years have four digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DateFormat {
    /// `2024-06-10`, also with a time or an offset behind it (`2024-06-10T00:00:00.000-07:00`, `1988-01-03-08:00`):
    /// the day as written. An instant in UTC that is not midnight is no day and is set aside.
    Iso,
    /// `10-06-2024`: day, month, year.
    Dmy,
    /// `10-Jun-2024`: day, English month, year.
    DMonY,
    /// `06/10/2024`: month, day, year.
    Mdy,
    /// `/Date(1717977600000)/` or its bare milliseconds: midnight in UTC of the day meant, as OData writes a day.
    /// Any other instant is set aside.
    EpochMidnight,
}

/// Why a text is no day, with the sentence for it.
pub(crate) type DateFault = (Code, &'static str);

const BAD: DateFault =
    (Code::BadDate, "not a date in any of the configured formats; correct it or configure its format");
const IMPOSSIBLE: DateFault = (Code::ImpossibleDate, "a date that no calendar has");
const OUT_OF_RANGE: DateFault = (Code::YearOutOfRange, "a year outside of 1900 to 2200");
const AMBIGUOUS: DateFault =
    (Code::AmbiguousDate, "different days in two of the configured formats; fix one format in the mapping");
const INSTANT: DateFault = (Code::AmbiguousDate, "an instant in UTC and not a day; send the calendar day");
const BAD_STAMP: DateFault = (Code::BadTimestamp, "not an instant in any of the configured formats");

/// The day of a text in one of the formats. Where several fit and mean different days, none is taken.
pub(crate) fn day(text: &str, formats: &[DateFormat]) -> Result<Day, DateFault> {
    let mut found: Option<Day> = None;
    let mut fault = BAD;
    for format in formats {
        match day_in(text, *format) {
            Ok(day) if found.is_some_and(|other| other != day) => return Err(AMBIGUOUS),
            Ok(day) => found = Some(day),
            Err(reason) if reason.0 != Code::BadDate => fault = reason,
            Err(_) => {}
        }
    }
    found.ok_or(fault)
}

fn day_in(text: &str, format: DateFormat) -> Result<Day, DateFault> {
    match format {
        DateFormat::Iso => iso(text),
        DateFormat::EpochMidnight => epoch_midnight(text),
        DateFormat::Dmy | DateFormat::DMonY | DateFormat::Mdy => {
            let (year, month, day) = three_parts(text, format).ok_or(BAD)?;
            from_ymd(year, month, day)
        }
    }
}

fn from_ymd(year: u32, month: u32, day: u32) -> Result<Day, DateFault> {
    if !(1900..=2200).contains(&year) {
        return Err(OUT_OF_RANGE);
    }
    let small = |number: u32| i8::try_from(number).map_err(|_| IMPOSSIBLE);
    let year = i16::try_from(year).map_err(|_| OUT_OF_RANGE)?;
    Day::from_ymd(year, small(month)?, small(day)?).map_err(|_| IMPOSSIBLE)
}

/// Exactly so many ASCII digits as a number.
fn digits(text: &str, min: usize, max: usize) -> Option<u32> {
    let right = (min..=max).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if right { text.parse().ok() } else { None }
}

/// (year, month, day) of the three formats that begin with a day or a month.
fn three_parts(text: &str, format: DateFormat) -> Option<(u32, u32, u32)> {
    let separator = text.chars().find(|c| !c.is_ascii_alphanumeric())?;
    let allowed = matches!(separator, '-' | '/' | '.') || (separator == ' ' && format == DateFormat::DMonY);
    let mut parts = text.split(separator);
    let (first, second, year) = (parts.next()?, parts.next()?, parts.next()?);
    if !allowed || parts.next().is_some() {
        return None;
    }
    let year = digits(year, 4, 4)?;
    let first = digits(first, 1, 2)?;
    match format {
        DateFormat::DMonY => Some((year, month_by_name(second)?, first)),
        DateFormat::Mdy => Some((year, first, digits(second, 1, 2)?)),
        _ => Some((year, digits(second, 1, 2)?, first)),
    }
}

fn month_by_name(name: &str) -> Option<u32> {
    const MONTHS: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let name = name.to_ascii_lowercase();
    let index = MONTHS.iter().position(|month| *month == name || month[..3] == name)?;
    u32::try_from(index + 1).ok()
}

/// `YYYY-MM-DD` and what follows it.
fn iso_parts(text: &str) -> Option<((u32, u32, u32), &str)> {
    let (date, rest) = text.split_at_checked(10)?;
    let bytes = date.as_bytes();
    if bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let parts = (digits(&date[..4], 4, 4)?, digits(&date[5..7], 2, 2)?, digits(&date[8..], 2, 2)?);
    Some((parts, rest))
}

fn iso(text: &str) -> Result<Day, DateFault> {
    let ((year, month, day), rest) = iso_parts(text).ok_or(BAD)?;
    let (time, offset) = time_and_offset(rest).ok_or(BAD)?;
    let day = from_ymd(year, month, day)?;
    let in_utc = offset == Some(0);
    if in_utc && time.is_some_and(|time| time != Time::midnight()) {
        return Err(INSTANT);
    }
    Ok(day)
}

/// What may follow a date: nothing, a time, an offset in seconds, or both.
fn time_and_offset(rest: &str) -> Option<(Option<Time>, Option<i32>)> {
    let Some(rest) = rest.strip_prefix(['T', ' ']) else {
        let offset = if rest.is_empty() { None } else { Some(offset(rest)?) };
        return Some((None, offset));
    };
    let end = rest.find(['Z', 'z', '+', '-']).unwrap_or(rest.len());
    let (clock, tail) = rest.split_at(end);
    let offset = if tail.is_empty() { None } else { Some(offset(tail)?) };
    Some((Some(time(clock)?), offset))
}

/// `hh:mm`, `hh:mm:ss` or `hh:mm:ss.fraction`.
fn time(text: &str) -> Option<Time> {
    let (clock, fraction) = match text.split_once('.') {
        Some((clock, fraction)) if clock.len() == 8 => (clock, Some(fraction)),
        Some(_) => return None,
        None => (text, None),
    };
    let mut parts = clock.split(':');
    let mut next = || i8::try_from(digits(parts.next()?, 2, 2)?).ok();
    let (hour, minute) = (next()?, next()?);
    let second = if clock.len() > 5 { next()? } else { 0 };
    if parts.next().is_some() {
        return None;
    }
    let nanos = match fraction {
        None => 0,
        Some(fraction) => {
            let number = digits(fraction, 1, 9)?;
            i32::try_from(number * 10_u32.pow(9 - u32::try_from(fraction.len()).ok()?)).ok()?
        }
    };
    Time::new(hour, minute, second, nanos).ok()
}

/// `Z`, `+05:30` or `+0530`, in seconds.
fn offset(text: &str) -> Option<i32> {
    if matches!(text, "Z" | "z") {
        return Some(0);
    }
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, minutes) = match text.len() {
        6 if text.as_bytes()[3] == b':' => (text.get(1..3)?, text.get(4..)?),
        5 => (text.get(1..3)?, text.get(3..)?),
        _ => return None,
    };
    let (hours, minutes) = (digits(hours, 2, 2)?, digits(minutes, 2, 2)?);
    if hours > 18 || minutes > 59 {
        return None;
    }
    i32::try_from(hours * 3_600 + minutes * 60).ok().map(|seconds| sign * seconds)
}

/// Milliseconds of `/Date(n)/`, `/Date(n+0000)/` or bare digits, negative ones included.
fn epoch_millis(text: &str) -> Option<i64> {
    let inner = match text.strip_prefix("/Date(") {
        // The offset behind the number only says how to show it.
        Some(rest) => rest.strip_suffix(")/").map(|inner| inner.strip_suffix("+0000").unwrap_or(inner))?,
        None => text,
    };
    let number = inner.strip_prefix('-').unwrap_or(inner);
    let plain = (1..=15).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
    if plain { inner.parse().ok() } else { None }
}

fn epoch_midnight(text: &str) -> Result<Day, DateFault> {
    const DAY_MILLIS: i64 = 86_400_000;
    let millis = epoch_millis(text).ok_or(BAD)?;
    if millis % DAY_MILLIS != 0 {
        return Err(INSTANT);
    }
    let day = Day(i32::try_from(millis / DAY_MILLIS).map_err(|_| OUT_OF_RANGE)?);
    match day.civil().year() {
        1900..=2200 => Day::from_civil(day.civil()).map_err(|_| OUT_OF_RANGE),
        _ => Err(OUT_OF_RANGE),
    }
}

/// An instant in microseconds: milliseconds since 1970 between the years 2000 and 2200 (so that seconds are never
/// taken for them), ISO 8601, or a date of `formats` with a time of day behind it. Without an offset it is read in
/// `zone`, else as UTC: such stamps order a source's own reports and mean no more.
pub(crate) fn instant(text: &str, formats: &[DateFormat], zone: Option<&TimeZone>) -> Result<i64, DateFault> {
    const OLDEST_MILLIS: i64 = 946_684_800_000;
    const NEWEST_MILLIS: i64 = 7_289_654_400_000;
    if let Some(millis) = epoch_millis(text) {
        return match millis {
            OLDEST_MILLIS..=NEWEST_MILLIS => Ok(millis * 1_000),
            _ => Err(BAD_STAMP),
        };
    }
    if let Some(((year, month, day), rest)) = iso_parts(text) {
        let (time, offset) = time_and_offset(rest).ok_or(BAD_STAMP)?;
        return at(from_ymd(year, month, day)?, time.unwrap_or(Time::midnight()), offset, zone);
    }
    let (date, clock) = text.split_once(' ').unwrap_or((text, "00:00"));
    let time = time(clock).ok_or(BAD_STAMP)?;
    let day = day(date, formats).map_err(|fault| if fault.0 == Code::BadDate { BAD_STAMP } else { fault })?;
    at(day, time, None, zone)
}

fn at(day: Day, time: Time, offset: Option<i32>, zone: Option<&TimeZone>) -> Result<i64, DateFault> {
    let date: Date = day.civil();
    let civil = DateTime::from_parts(date, time);
    let zone = match (offset, zone) {
        (Some(seconds), _) => {
            TimeZone::fixed(jiff::tz::Offset::from_seconds(seconds).map_err(|_| BAD_STAMP)?)
        }
        (None, Some(zone)) => zone.clone(),
        (None, None) => TimeZone::UTC,
    };
    zone.to_timestamp(civil).map(jiff::Timestamp::as_microsecond).map_err(|_| BAD_STAMP)
}

#[cfg(test)]
mod tests {
    use super::DateFormat::*;
    use super::*;

    fn read(text: &str, formats: &[DateFormat]) -> Result<String, Code> {
        day(text, formats).map(|day| day.to_string()).map_err(|fault| fault.0)
    }

    #[test]
    fn a_day_is_the_calendar_day_that_was_written_whatever_offset_follows() {
        for (text, wanted) in [
            ("1988-01-03-08:00", "1988-01-03"),
            ("1988-01-03+14:00", "1988-01-03"),
            ("2024-06-10T00:00:00.000-07:00", "2024-06-10"),
            ("2024-06-10T23:59:59+05:30", "2024-06-10"),
            ("2024-06-10T12:00:00", "2024-06-10"),
            ("2015-04-06T00:00:00Z", "2015-04-06"),
            ("2024-02-29", "2024-02-29"),
        ] {
            assert_eq!(read(text, &[Iso]), Ok(wanted.to_owned()), "{text}");
        }
        assert_eq!(read("2015-04-05T22:00:00Z", &[Iso]), Err(Code::AmbiguousDate));
        assert_eq!(read("/Date(1388534400000)/", &[EpochMidnight]), Ok("2014-01-01".to_owned()));
        assert_eq!(read("/Date(-309312000000)/", &[EpochMidnight]), Ok("1960-03-14".to_owned()));
        assert_eq!(read("/Date(1388534400001)/", &[EpochMidnight]), Err(Code::AmbiguousDate));
    }

    #[test]
    fn a_date_that_fits_two_formats_is_set_aside_unless_the_format_is_fixed() {
        assert_eq!(read("05/11/1990", &[Dmy, Mdy]), Err(Code::AmbiguousDate));
        assert_eq!(read("05/11/1990", &[Dmy]), Ok("1990-11-05".to_owned()));
        assert_eq!(read("05/11/1990", &[Mdy]), Ok("1990-05-11".to_owned()));
        assert_eq!(read("25/11/1990", &[Dmy, Mdy]), Ok("1990-11-25".to_owned()));
        assert_eq!(read("03/03/1990", &[Dmy, Mdy]), Ok("1990-03-03".to_owned()));
        assert_eq!(read("02-Aug-1985", &[Dmy, DMonY]), Ok("1985-08-02".to_owned()));
    }

    #[test]
    fn an_impossible_date_or_a_year_out_of_range_is_refused_by_its_own_code() {
        for (text, formats, code) in [
            ("2023-02-29", [Iso], Code::ImpossibleDate),
            ("2024-13-01", [Iso], Code::ImpossibleDate),
            ("31-04-2024", [Dmy], Code::ImpossibleDate),
            ("00-01-2024", [Dmy], Code::ImpossibleDate),
            ("0001-01-01", [Iso], Code::YearOutOfRange),
            ("9999-12-31", [Iso], Code::YearOutOfRange),
            ("01-01-1899", [Dmy], Code::YearOutOfRange),
            ("31-Dec-2201", [DMonY], Code::YearOutOfRange),
            ("253402214400000", [EpochMidnight], Code::YearOutOfRange),
            ("01-01-24", [Dmy], Code::BadDate),
            ("2024-6-1", [Iso], Code::BadDate),
            ("2024-06-10T25:00:00", [Iso], Code::BadDate),
            ("2024-06-10junk", [Iso], Code::BadDate),
            ("１０-06-2024", [Dmy], Code::BadDate),
            ("10-Foo-2024", [DMonY], Code::BadDate),
            ("", [Iso], Code::BadDate),
        ] {
            assert_eq!(read(text, &formats), Err(code), "{text}");
        }
    }

    #[test]
    fn an_instant_in_seconds_is_never_taken_for_milliseconds() {
        let stamp = |text: &str| instant(text, &[Dmy], None).map_err(|fault| fault.0);
        assert_eq!(stamp("1718006395007"), Ok(1_718_006_395_007_000));
        assert_eq!(stamp("1718006395"), Err(Code::BadTimestamp));
        assert_eq!(stamp("-1718006395007"), Err(Code::BadTimestamp));
        assert_eq!(stamp("2024-06-10T08:00:00.5Z"), Ok(1_718_006_400_500_000));
        assert_eq!(stamp("2024-06-10T01:00:00-07:00"), Ok(1_718_006_400_000_000));
        assert_eq!(stamp("11-06-2024 09:15:42"), Ok(1_718_097_342_000_000));
        let kolkata = TimeZone::get("Asia/Kolkata").unwrap();
        let local = instant("11-06-2024 09:15:42", &[Dmy], Some(&kolkata)).unwrap();
        assert_eq!(local, 1_718_097_342_000_000 - 19_800_000_000);
        assert_eq!(stamp("11-06-2024 09:75:42"), Err(Code::BadTimestamp));
    }
}
