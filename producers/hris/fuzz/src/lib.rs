//! What every target checks.

use mirabelle_hris::{Asked, Limits, Profile, Reading, read_as};

/// Reads a body at once and item by item: the same comes out, and nothing is out of bounds.
pub fn both_ways(profile: &Profile, body: &[u8]) {
    let limits = Limits { bytes: 1 << 20, depth: 32, values: 20_000, items: 500, value_bytes: 256 };
    let asked = Asked { today: "2026-06-15".parse().ok(), ..Asked::default() };
    let at_once = read_as(profile, &asked, None, body, &limits);
    let opened = Reading::open(profile, &asked, None, body, &limits);
    match (at_once, opened) {
        (Ok(delivery), Ok(reading)) => {
            let mut items = Vec::new();
            let taken: Result<(), ()> = reading.each(|item| {
                items.push(item);
                Ok(())
            });
            assert!(taken.is_ok() && items == delivery.items);
            assert!(items.iter().all(|item| item.raw.len() <= body.len() + 8_192));
        }
        (Err(one), Err(other)) => assert_eq!(one, other),
        (one, other) => panic!("{} at once, {} one by one", one.is_ok(), other.is_ok()),
    }
}
