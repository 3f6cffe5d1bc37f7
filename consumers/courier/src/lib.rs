//! Carries what one partition decided to the partition where it goes on: grants from the milestone's member to the
//! budget, from the budget to the wallet and back; published configuration to every partition.

pub mod core;
mod grants;
mod publications;

pub use core::Courier;
