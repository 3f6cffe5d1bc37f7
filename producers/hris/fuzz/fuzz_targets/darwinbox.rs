//! Any bytes as a delivery of Darwinbox, by its default mapping.

#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use mirabelle_hris::{Profile, System};
use mirabelle_hris_fuzz::both_ways;

static PROFILE: OnceLock<Profile> = OnceLock::new();

fuzz_target!(|body: &[u8]| {
    both_ways(PROFILE.get_or_init(|| Profile::default_for(System::Darwinbox)), body);
});
