//! Amounts.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

/// The largest amount anywhere: 2^53 − 1, so that every JSON reader holds it exactly.
pub const POINTS_MAX: i64 = (1 << 53) - 1;

/// A whole, non-negative number of reward points, at most [`POINTS_MAX`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Points(i64);

/// An amount outside of `0 ..= POINTS_MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not a number of points from 0 to 9007199254740991")]
pub struct NotPoints(pub i64);

impl Points {
    /// No points.
    pub const ZERO: Points = Points(0);

    /// Checks the range.
    pub fn new(points: i64) -> Result<Points, NotPoints> {
        if (0..=POINTS_MAX).contains(&points) { Ok(Points(points)) } else { Err(NotPoints(points)) }
    }

    /// The number.
    pub fn get(self) -> i64 {
        self.0
    }

    /// Whether there are none.
    pub fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The sum, if it is still an amount.
    pub fn plus(self, other: Points) -> Option<Points> {
        Points::new(self.0 + other.0).ok()
    }

    /// The difference, if `other` is not larger.
    pub fn minus(self, other: Points) -> Option<Points> {
        Points::new(self.0 - other.0).ok()
    }

    /// The product, if it is still an amount.
    pub fn times(self, factor: u32) -> Option<Points> {
        self.0.checked_mul(i64::from(factor)).and_then(|product| Points::new(product).ok())
    }
}

impl fmt::Display for Points {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de> Deserialize<'de> for Points {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Points, D::Error> {
        Points::new(i64::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
