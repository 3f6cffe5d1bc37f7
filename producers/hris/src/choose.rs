//! Which of several employments earns, and which of several dated records counts.

use mirabelle_domain::Day;

use crate::dates::{self, DateFormat};
use crate::malformed::{Code, Malformed};

/// SuccessFactors' class of the employment that is a person's own; the others are assignments elsewhere.
pub(crate) const STANDARD: &str = "ST";

/// An employment among those of one person.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Employment<'e> {
    pub(crate) class: Option<&'e str>,
    pub(crate) start: Option<Day>,
    pub(crate) end: Option<Day>,
}

impl Employment<'_> {
    fn is_over(&self, today: Option<Day>) -> bool {
        match (self.end, today) {
            (Some(end), Some(today)) => end < today,
            (Some(_), None) => true,
            (None, _) => false,
        }
    }
}

/// The employment that earns: of the standard ones the first that goes on, else the one that ended last. `None`: there
/// is none of the person's own.
///
/// # Errors
/// Several, and one does not say of which class it is.
pub(crate) fn standard(
    employments: &[Employment<'_>],
    today: Option<Day>,
) -> Result<Option<usize>, Malformed> {
    if employments.len() > 1 && employments.iter().any(|employment| employment.class.is_none()) {
        let what = "several employments, and one does not say which class it is of; ask for it too";
        return Err(Malformed::new(Code::ValuesDisagree, what, "/employments"));
    }
    let own = || {
        let standard =
            |(_, employment): &(usize, &Employment<'_>)| employment.class.is_none_or(|c| c == STANDARD);
        employments.iter().enumerate().filter(standard)
    };
    let going_on = own().filter(|(_, employment)| !employment.is_over(today));
    let first = going_on.min_by_key(|(index, employment)| (employment.start, *index));
    let last = || own().max_by_key(|(index, employment)| (employment.end, *index));
    Ok(first.or_else(last).map(|(index, _)| index))
}

/// The first day of all standard employments.
pub(crate) fn first_start(employments: &[Employment<'_>]) -> Option<usize> {
    let own = employments.iter().enumerate().filter(|(_, own)| own.class.is_none_or(|c| c == STANDARD));
    own.filter(|(_, own)| own.start.is_some()).min_by_key(|(_, own)| own.start).map(|(index, _)| index)
}

/// A record that is valid from a day on.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Dated {
    pub(crate) start: Option<Day>,
    /// Orders the records of one day.
    pub(crate) number: i64,
}

/// The record that counts: the latest that has begun; where no day is known, or none has begun, the latest, the first.
pub(crate) fn current(records: &[Dated], today: Option<Day>) -> Option<usize> {
    let latest = |begun: &dyn Fn(&Dated) -> bool| {
        let fitting = records.iter().enumerate().filter(|(_, dated)| begun(dated));
        fitting.max_by_key(|(index, dated)| (dated.start, dated.number, *index)).map(|(index, _)| index)
    };
    let Some(today) = today else { return latest(&|_| true) };
    latest(&|dated| dated.start.is_none_or(|start| start <= today)).or_else(|| {
        let first = records.iter().enumerate().min_by_key(|(index, dated)| (dated.start, *index));
        first.map(|(index, _)| index)
    })
}

/// The day of a text in the two forms that SuccessFactors writes itself, to compare records by.
pub(crate) fn day(text: Option<&str>) -> Option<Day> {
    dates::day(text?.trim(), &[DateFormat::Iso, DateFormat::EpochMidnight], None).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day_of(text: &str) -> Option<Day> {
        day(Some(text))
    }

    fn employment<'e>(class: &'e str, start: &str, end: &str) -> Employment<'e> {
        Employment { class: Some(class), start: day_of(start), end: day_of(end) }
    }

    #[test]
    fn only_the_standard_employment_earns_and_of_several_the_one_that_goes_on() {
        let all = [
            employment("GA", "2016-04-14", ""),
            employment("ST", "2014-01-01", "2020-05-31"),
            employment("ST", "2022-01-01", ""),
        ];
        let today = day_of("2026-06-15");
        assert_eq!(standard(&all, today).unwrap(), Some(2));
        assert_eq!(standard(&all[..2], today).unwrap(), Some(1), "all over: the last of them");
        assert_eq!(standard(&all[..1], today).unwrap(), None, "an assignment is no employment of one's own");
        assert_eq!(standard(&all, day_of("2019-01-01")).unwrap(), Some(1), "not over then");
        assert_eq!(first_start(&all), Some(1));
        let unnamed = [Employment::default(), employment("ST", "2014-01-01", "")];
        assert_eq!(standard(&unnamed, today).unwrap_err().code, Code::ValuesDisagree);
        assert_eq!(standard(&unnamed[..1], today).unwrap(), Some(0));
        assert_eq!(standard(&[], today).unwrap(), None);
    }

    #[test]
    fn the_record_of_today_counts_and_not_one_that_has_not_begun() {
        let dated = |start: &str, number| Dated { start: day_of(start), number };
        let all =
            [dated("2020-01-01", 1), dated("2024-03-01", 1), dated("2024-03-01", 2), dated("2027-01-01", 1)];
        assert_eq!(current(&all, day_of("2026-06-15")), Some(2));
        assert_eq!(current(&all, day_of("2021-01-01")), Some(0));
        assert_eq!(current(&all, day_of("2019-01-01")), Some(0), "none has begun: the first");
        assert_eq!(current(&all, None), Some(3));
        assert_eq!(current(&[], None), None);
    }
}
