//! Conditions of a campaign.

use serde::{Deserialize, Serialize};

/// A condition on one field of the milestone or of the worker's state at that time. In JSON an object with `field`
/// and exactly one of `any_of`, `none_of`, `at_least`, `at_most`, `multiple_of`:
/// `{"field": "years", "multiple_of": 5}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Condition {
    /// `years`, `department`, `cost_centre`, `worker_type`, `company`, `country`, `location`, or `attributes.<name>`.
    pub field: String,
    /// How it compares.
    pub test: Test,
}

/// A comparison. A field that is not known fails every one of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// Equal to one of these; numbers are written as text.
    AnyOf(Vec<String>),
    /// Known, and equal to none of these.
    NoneOf(Vec<String>),
    /// A number, whole or decimal, not smaller.
    AtLeast(i64),
    /// A number, whole or decimal, not larger.
    AtMost(i64),
    /// A whole number that this divides (every 5 years).
    MultipleOf(i64),
}

/// The condition as JSON has it. serde's `flatten` would let unknown members and two tests pass.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename = "Condition")]
struct Written {
    field: String,
    #[serde(default)]
    any_of: Option<Vec<String>>,
    #[serde(default)]
    none_of: Option<Vec<String>>,
    #[serde(default)]
    at_least: Option<i64>,
    #[serde(default)]
    at_most: Option<i64>,
    #[serde(default)]
    multiple_of: Option<i64>,
}

impl TryFrom<Written> for Condition {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Condition, &'static str> {
        let given = [
            written.any_of.map(Test::AnyOf),
            written.none_of.map(Test::NoneOf),
            written.at_least.map(Test::AtLeast),
            written.at_most.map(Test::AtMost),
            written.multiple_of.map(Test::MultipleOf),
        ];
        let mut tests = given.into_iter().flatten();
        match (tests.next(), tests.next()) {
            (Some(test), None) => Ok(Condition { field: written.field, test }),
            _ => Err("a condition has exactly one of any_of, none_of, at_least, at_most, multiple_of"),
        }
    }
}

impl From<Condition> for Written {
    fn from(condition: Condition) -> Written {
        let mut written = Written {
            field: condition.field,
            any_of: None,
            none_of: None,
            at_least: None,
            at_most: None,
            multiple_of: None,
        };
        match condition.test {
            Test::AnyOf(values) => written.any_of = Some(values),
            Test::NoneOf(values) => written.none_of = Some(values),
            Test::AtLeast(number) => written.at_least = Some(number),
            Test::AtMost(number) => written.at_most = Some(number),
            Test::MultipleOf(number) => written.multiple_of = Some(number),
        }
        written
    }
}
