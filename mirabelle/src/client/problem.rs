//! A problem page (RFC 9457) as the API sends it.

use serde::{Deserialize, Serialize};

/// What the API says instead of doing what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Problem {
    /// `/problems/{code}`: the page that says more.
    #[serde(default, rename = "type")]
    pub kind: String,
    /// For people, short.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// Stable, snake_case.
    pub code: String,
    /// For people: what is wrong in this case.
    #[serde(default)]
    pub detail: String,
    /// Whether the same request may succeed later.
    #[serde(default)]
    pub retryable: bool,
    /// Each place that is to blame.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Blame>,
}

/// One place in the request that is to blame.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Blame {
    /// JSON pointer into the body, or the name of a header or parameter.
    pub pointer: String,
    /// Stable, snake_case.
    pub code: String,
    /// What to do.
    #[serde(default)]
    pub detail: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({} {}): {}", self.title, self.status, self.code, self.detail)
    }
}
