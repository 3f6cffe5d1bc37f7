//! The day on which the demo plays, and the samples' dates moved to it.
//!
//! ```text
//!   15 June 2026, of which the samples tell ──▶ the story's day: tomorrow        (days: hired, born, promoted)
//!                                           └─▶ the day before today             (instants: published, changed)
//! ```
//! Tomorrow, because its 09:00 lies ahead everywhere: the clock is seen to bring the day. Yesterday, because nobody has
//! written anything down later than now. A year's distance stays a year's distance, a day's a day's: who was hired ten
//! years ago on the day is hired ten years ago on the day, whenever the demo is run.

use mirabelle_domain::{Day, LeapDay, Timestamp};

/// The story's day is never 29 February: nobody has a tenth anniversary on it.
const LEAP: (i8, i8) = (2, 29);

/// The day of which the samples tell.
pub(super) fn told() -> Day {
    Day::from_ymd(2026, 6, 15).expect("15 June 2026 is a date")
}

/// The days of one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Days {
    /// The day on which the story plays: tomorrow, and on 28 February of a leap year the day after that.
    pub(super) story: Day,
    /// The day on which the HR systems wrote things down: yesterday.
    pub(super) written: Day,
}

impl Days {
    /// The days of a run that begins at this instant. The demo depends on today's date here and nowhere else.
    pub(super) fn at(now: Timestamp) -> Days {
        let today = now.utc_day();
        let tomorrow = today.plus(1);
        let date = tomorrow.civil();
        let story = if (date.month(), date.day()) == LEAP { tomorrow.plus(1) } else { tomorrow };
        Days { story, written: today.plus(-1) }
    }

    /// A sample as its system would send it now: every date in it moved, nothing else changed. What is no date of the
    /// calendar stays as it is.
    pub(super) fn moved(self, sample: &str) -> String {
        let mut out = String::with_capacity(sample.len());
        let mut rest = sample;
        let mut before: Option<char> = None;
        while let Some(next) = rest.chars().next() {
            let begins = before.is_none_or(|c| !(c.is_ascii_alphanumeric() || c == '-'));
            let found = if begins { self.date_at(&out, rest) } else { None };
            let (text, length) = found.unwrap_or_else(|| (next.to_string(), next.len_utf8()));
            out.push_str(&text);
            before = rest[..length].chars().next_back();
            rest = &rest[length..];
        }
        out
    }

    /// A date at the beginning of `rest`: as it is written when it is moved, and the length of what it replaces.
    fn date_at(self, before: &str, rest: &str) -> Option<(String, usize)> {
        if before.ends_with("publishedAt>") {
            return self.stamp(rest);
        }
        let (form, day, length) = Form::read(rest)?;
        let after = &rest.as_bytes()[length..];
        let is_instant =
            matches!(after.first(), Some(b'T' | b' ')) && after.get(1).is_some_and(u8::is_ascii_digit);
        if !is_instant && after.first().is_some_and(u8::is_ascii_alphanumeric) {
            return None;
        }
        let to = if is_instant { self.written } else { self.story };
        Some((form.write(carry(day, to)?), length))
    }

    /// Milliseconds since 1970.
    fn stamp(self, rest: &str) -> Option<(String, usize)> {
        let length = rest.bytes().take_while(u8::is_ascii_digit).count();
        let at = Timestamp(rest[..length].parse::<i64>().ok()?.checked_mul(1_000)?);
        let days = i64::from(carry(at.utc_day(), self.written)?.0 - at.utc_day().0);
        let moved = at.0.checked_add(days * mirabelle_domain::time::DAY_MICROS)? / 1_000;
        Some((moved.to_string(), length))
    }
}

/// The day that lies to `to` as `day` lies to the samples' day: as many years, and as many days from the date.
fn carry(day: Day, to: Day) -> Option<Day> {
    let year = day.civil().year();
    let of_that_year = told().in_year(year, LeapDay::Before)?;
    let years = to.civil().year() - told().civil().year();
    let anchor = to.in_year(year + years, LeapDay::Before)?;
    Some(anchor.plus(day.0 - of_that_year.0))
}

/// How a day is written.
#[derive(Clone, Copy)]
enum Form {
    /// `2026-06-15`
    YearFirst,
    /// `15-06-2026`
    DayFirst,
    /// `15-Jun-2026`
    MonthByName,
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

impl Form {
    /// A day at the beginning of a text, and how many bytes it takes.
    fn read(text: &str) -> Option<(Form, Day, usize)> {
        if let Some(day) = text.get(..10).and_then(|text| text.parse().ok()) {
            return Some((Form::YearFirst, day, 10));
        }
        let (day, tail) = (text.get(..2)?, text.get(2..)?.strip_prefix('-')?);
        let (form, month, year) = match (tail.get(..2), tail.get(..3)) {
            (Some(month), _) if month.bytes().all(|b| b.is_ascii_digit()) => {
                (Form::DayFirst, month.to_owned(), tail.get(2..)?.strip_prefix('-')?)
            }
            (_, Some(name)) => {
                let month = MONTHS.iter().position(|other| *other == name)? + 1;
                (Form::MonthByName, format!("{month:02}"), tail.get(3..)?.strip_prefix('-')?)
            }
            _ => return None,
        };
        let day: Day = format!("{}-{month}-{day}", year.get(..4)?).parse().ok()?;
        let length = if matches!(form, Form::DayFirst) { 10 } else { 11 };
        Some((form, day, length))
    }

    fn write(self, day: Day) -> String {
        let date = day.civil();
        match self {
            Form::YearFirst => day.to_string(),
            Form::DayFirst => format!("{:02}-{:02}-{}", date.day(), date.month(), date.year()),
            Form::MonthByName => {
                let month = usize::try_from(date.month() - 1).ok().and_then(|index| MONTHS.get(index));
                format!("{:02}-{}-{}", date.day(), month.copied().unwrap_or("Jan"), date.year())
            }
        }
    }
}

/// `15 June 2026`
pub(super) fn long(day: Day) -> String {
    day.civil().strftime("%-d %B %Y").to_string()
}

/// `15 Jun`
pub(super) fn short(day: Day) -> String {
    day.civil().strftime("%-d %b").to_string()
}
