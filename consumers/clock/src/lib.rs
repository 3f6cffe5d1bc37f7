//! Says what time makes due: lots that vest or expire, milestones whose day has come, milestones that a newly
//! adopted campaign covers, and the work anniversaries and birthdays that no HR system pushes.

mod calendar;
pub mod core;
mod duties;
mod looks;
mod lots;
mod people;

pub use calendar::{Calendar, tzdb_version};
pub use core::{Clock, Opener};
