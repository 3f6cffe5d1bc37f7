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
    /// `Jun 10, 2024` or `June 10 2024`: English month, day, year.
    MonDY,
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
const SECONDS: DateFault =
    (Code::AmbiguousDate, "a number that is as likely seconds as milliseconds; send the calendar day");
const BAD_STAMP: DateFault = (Code::BadTimestamp, "not an instant in any of the configured formats");

/// The day of a text in one of the formats. Where several fit and mean different days, none is taken. An instant is a
/// day only in a zone that was configured for it.
pub(crate) fn day(text: &str, formats: &[DateFormat], zone: Option<&TimeZone>) -> Result<Day, DateFault> {
    let mut found: Option<Day> = None;
    let mut fault = BAD;
    for format in formats {
        match day_in(text, *format, zone) {
            Ok(day) if found.is_some_and(|other| other != day) => return Err(AMBIGUOUS),
            Ok(day) => found = Some(day),
            Err(reason) if reason.0 != Code::BadDate => fault = reason,
            Err(_) => {}
        }
    }
    found.ok_or(fault)
}

fn day_in(text: &str, format: DateFormat, zone: Option<&TimeZone>) -> Result<Day, DateFault> {
    match format {
        DateFormat::Iso => iso(text, zone),
        DateFormat::EpochMidnight => epoch_midnight(text, zone),
        DateFormat::MonDY => {
            let (year, month, day) = month_first(text).ok_or(BAD)?;
            from_ymd(year, month, day)
        }
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

/// (year, month, day) of `Jun 10, 2024`.
fn month_first(text: &str) -> Option<(u32, u32, u32)> {
    let mut parts = text.split(' ').filter(|part| !part.is_empty());
    let (month, day, year) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let day = digits(day.strip_suffix(',').unwrap_or(day), 1, 2)?;
    Some((digits(year, 4, 4)?, month_by_name(month)?, day))
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

fn iso(text: &str, zone: Option<&TimeZone>) -> Result<Day, DateFault> {
    let ((year, month, day), rest) = iso_parts(text).ok_or(BAD)?;
    let (time, offset) = time_and_offset(rest).ok_or(BAD)?;
    let day = from_ymd(year, month, day)?;
    match (offset, time) {
        (Some(0), Some(time)) if time != Time::midnight() => {
            let zone = zone.ok_or(INSTANT)?;
            day_at(at(day, time, offset, None)?, zone).ok_or(OUT_OF_RANGE)
        }
        _ => Ok(day),
    }
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

/// Milliseconds since 1970 that bare digits are never taken for: they are as likely seconds of this century.
const SECONDS_MAX: i64 = 9_999_999_999;

fn epoch_midnight(text: &str, zone: Option<&TimeZone>) -> Result<Day, DateFault> {
    const DAY_MILLIS: i64 = 86_400_000;
    let millis = epoch_millis(text).ok_or(BAD)?;
    if !text.starts_with('/') && millis.unsigned_abs() <= SECONDS_MAX.unsigned_abs() {
        return Err(SECONDS);
    }
    if millis % DAY_MILLIS != 0 {
        let micros = millis.checked_mul(1_000).ok_or(OUT_OF_RANGE)?;
        return day_at(micros, zone.ok_or(INSTANT)?).ok_or(OUT_OF_RANGE);
    }
    let day = Day(i32::try_from(millis / DAY_MILLIS).map_err(|_| OUT_OF_RANGE)?);
    match day.civil().year() {
        1900..=2200 => Day::from_civil(day.civil()).map_err(|_| OUT_OF_RANGE),
        _ => Err(OUT_OF_RANGE),
    }
}

/// The calendar day of an instant in a zone; `None` outside of 1900 to 2200.
pub(crate) fn day_at(micros: i64, zone: &TimeZone) -> Option<Day> {
    let date = jiff::Timestamp::from_microsecond(micros).ok()?.to_zoned(zone.clone()).date();
    if (1900..=2200).contains(&date.year()) { Day::from_civil(date).ok() } else { None }
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
    let day =
        day(date, formats, None).map_err(|fault| if fault.0 == Code::BadDate { BAD_STAMP } else { fault })?;
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
mod tests;
