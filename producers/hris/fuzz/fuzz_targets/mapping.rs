//! A mapping, a zero byte, and a body that is read by it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mirabelle_hris::{Mapping, Profile, System};
use mirabelle_hris_fuzz::both_ways;

fuzz_target!(|input: &[u8]| {
    let Some(end) = input.iter().position(|&byte| byte == 0) else { return };
    let (drawn, body) = (&input[..end], &input[end + 1..]);
    let Ok(drawn) = serde_json::from_slice(drawn) else { return };
    for system in [System::SuccessFactors, System::Workday, System::Darwinbox] {
        let Ok(mapping) = Mapping::from_json(system, &drawn) else { continue };
        // What is drafted with faults is never read with.
        if mapping.faults().is_empty() {
            both_ways(&Profile { system, mapping }, body);
        }
    }
});
