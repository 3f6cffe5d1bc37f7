//! The rules, from outside: facts, a wish, facts.

// All of this is tests, also the functions that are none: clippy's own exception ends at `#[test]`.
#![allow(clippy::unwrap_used)]

mod member;
