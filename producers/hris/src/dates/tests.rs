use super::DateFormat::*;
use super::*;

fn read(text: &str, formats: &[DateFormat]) -> Result<String, Code> {
    day(text, formats, None).map(|day| day.to_string()).map_err(|fault| fault.0)
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
fn an_instant_is_a_day_only_in_a_zone_that_is_configured_for_it() {
    let berlin = TimeZone::get("Europe/Berlin").unwrap();
    let in_berlin = |text: &str| day(text, &[Iso, EpochMidnight], Some(&berlin)).map(|day| day.to_string());
    assert_eq!(in_berlin("2015-04-05T22:00:00Z"), Ok("2015-04-06".to_owned()));
    assert_eq!(in_berlin("1428271200000"), Ok("2015-04-06".to_owned()));
    assert_eq!(in_berlin("2015-04-06T00:00:00Z"), Ok("2015-04-06".to_owned()), "midnight in UTC is that day");
    assert_eq!(in_berlin("2015-04-06T23:30:00-07:00"), Ok("2015-04-06".to_owned()), "a day as it is written");
    assert_eq!(read("1428271200000", &[EpochMidnight]), Err(Code::AmbiguousDate));
}

#[test]
fn seconds_are_never_taken_for_the_milliseconds_of_a_day() {
    // Midnight of 4 October 2024 in seconds is, as milliseconds, midnight of 21 January 1970.
    assert_eq!(read("1728000000", &[EpochMidnight]), Err(Code::AmbiguousDate));
    assert_eq!(read("/Date(1728000000)/", &[EpochMidnight]), Ok("1970-01-21".to_owned()));
    assert_eq!(read("1728000000000", &[EpochMidnight]), Ok("2024-10-04".to_owned()));
    assert_eq!(read("-309312000000", &[EpochMidnight]), Ok("1960-03-14".to_owned()));
    assert_eq!(read("-309312000", &[EpochMidnight]), Err(Code::AmbiguousDate));
    assert_eq!(read("0", &[EpochMidnight]), Err(Code::AmbiguousDate));
}

#[test]
fn an_american_date_in_words_is_read() {
    for text in ["Jun 10, 2024", "June 10, 2024", "jun  10 2024"] {
        assert_eq!(read(text, &[MonDY]), Ok("2024-06-10".to_owned()), "{text}");
    }
    for text in ["Jun 10", "10 Jun 2024", "Jun 10, 24", "Jun, 10, 2024", "Jun 31 2024 x"] {
        assert_eq!(read(text, &[MonDY]), Err(Code::BadDate), "{text}");
    }
    assert_eq!(read("Jun 31, 2024", &[MonDY]), Err(Code::ImpossibleDate));
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
