//! Decimal numbers as HR systems write them, compared digit by digit: no float, no bound on their length.

use std::cmp::Ordering;

/// A number written as digits with a sign and a fraction or without: `4`, `4.50`, `-1.5`. No exponent, no spaces, no
/// grouping: what else there is in a text is no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Decimal<'a> {
    /// Never for zero.
    negative: bool,
    /// Without leading zeros; empty below one.
    whole: &'a str,
    /// Without trailing zeros.
    fraction: &'a str,
}

impl<'a> Decimal<'a> {
    /// `None`: the text is no number.
    pub(super) fn read(text: &'a str) -> Option<Decimal<'a>> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(w, f)| (w, Some(f)));
        let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !all_digits(whole) || !fraction.is_none_or(all_digits) {
            return None;
        }
        let whole = whole.trim_start_matches('0');
        let fraction = fraction.unwrap_or("").trim_end_matches('0');
        let zero = whole.is_empty() && fraction.is_empty();
        Some(Decimal { negative: negative && !zero, whole, fraction })
    }

    /// Compares with a whole number.
    pub(super) fn compare(&self, bound: i64) -> Ordering {
        let bound = bound.to_string();
        Decimal::read(&bound).map_or(Ordering::Equal, |bound| self.cmp(&bound))
    }

    /// Whether a whole number, 1 or more, divides it.
    pub(super) fn is_multiple_of(&self, divisor: i64) -> bool {
        if divisor < 1 || !self.fraction.is_empty() {
            return false;
        }
        let divisor = i128::from(divisor);
        let add = |rest: i128, digit: u8| (rest * 10 + i128::from(digit - b'0')) % divisor;
        self.whole.bytes().fold(0, add) == 0
    }

    /// Without the sign. Fractions compare as text: digit by digit, and what one has more is more.
    fn size(&self) -> (usize, &str, &str) {
        (self.whole.len(), self.whole, self.fraction)
    }
}

impl Ord for Decimal<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.negative, other.negative) {
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, false) => self.size().cmp(&other.size()),
            (true, true) => other.size().cmp(&self.size()),
        }
    }
}

impl PartialOrd for Decimal<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn compare(left: &str, right: &str) -> Ordering {
        Decimal::read(left).unwrap().cmp(&Decimal::read(right).unwrap())
    }

    #[test]
    fn decimals_compare_by_their_value_not_by_their_writing() {
        let forty = "9999999999999999999999999999999999999999";
        let rising =
            ["-10", "-4.51", "-4.5", "-1.5", "-0.01", "0", "0.05", "0.5", "3.95", "4", "4.5", "10", forty];
        for (index, low) in rising.iter().enumerate() {
            for high in &rising[index + 1..] {
                assert_eq!(compare(low, high), Ordering::Less, "{low} {high}");
                assert_eq!(compare(high, low), Ordering::Greater, "{high} {low}");
            }
        }
        for (left, right) in [("4.50", "4.5"), ("4.0", "4"), ("004", "4"), ("-0.0", "0"), ("+7", "7")] {
            assert_eq!(compare(left, right), Ordering::Equal, "{left} {right}");
        }
        assert_eq!(compare(&format!("0.{forty}8"), &format!("0.{forty}9")), Ordering::Less);
    }

    #[test]
    fn what_is_no_number_is_not_read_as_one() {
        for text in ["", "n/a", "4,5", "1e3", ".5", "5.", "-", "--1", " 4", "4 ", "NaN", "4.5.1", "٤", "0x10"]
        {
            assert_eq!(Decimal::read(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_bound_is_met_by_its_own_value_and_the_ends_of_the_range_are_bounds_too() {
        let four = Decimal::read("4.00").unwrap();
        assert_eq!(four.compare(4), Ordering::Equal);
        assert_eq!(Decimal::read("-9223372036854775808.0").unwrap().compare(i64::MIN), Ordering::Equal);
        assert_eq!(Decimal::read("9223372036854775808").unwrap().compare(i64::MAX), Ordering::Greater);
    }

    #[test]
    fn a_multiple_is_whole() {
        for (text, of, holds) in [
            ("10", 5, true),
            ("10.0", 5, true),
            ("-10", 5, true),
            ("0", 7, true),
            ("7.5", 5, false),
            ("11", 5, false),
            ("10", 0, false),
            ("10000000000000000000000000000000000000000", 10_000_000_000, true),
            ("10000000000000000000000000000000000000001", 10, false),
        ] {
            assert_eq!(Decimal::read(text).unwrap().is_multiple_of(of), holds, "{text} of {of}");
        }
    }

    proptest! {
        #[test]
        fn decimals_of_four_places_compare_as_their_ten_thousandths(left in any::<i32>(), right in any::<i32>()) {
            let written = |n: i32| {
                let sign = if n < 0 { "-" } else { "" };
                let n = i64::from(n).abs();
                format!("{sign}{}.{:04}", n / 10_000, n % 10_000)
            };
            prop_assert_eq!(compare(&written(left), &written(right)), left.cmp(&right));
        }
    }
}
