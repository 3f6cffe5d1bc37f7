//! Samples, damaged at random: no panic, no hang, nothing out of bounds. What the fuzz targets look for with a
//! coverage-guided search, looked for in every run of the tests with a blind one.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::samples::{profile, root, samples};
use crate::{Asked, Limits, Profile, RAW_ENVELOPE_MAX, Reading, read_as};

const LIMITS: Limits = Limits { bytes: 1 << 18, depth: 24, values: 20_000, items: 100, value_bytes: 128 };

/// Every sample with the mapping that reads it.
fn corpus() -> &'static [(Profile, Vec<u8>)] {
    static CORPUS: OnceLock<Vec<(Profile, Vec<u8>)>> = OnceLock::new();
    CORPUS.get_or_init(|| {
        let one = |(system, path): (_, std::path::PathBuf)| {
            (profile(system, Path::new(&path)), fs::read(&path).unwrap())
        };
        samples(&root()).into_iter().map(one).collect()
    })
}

/// Reads a body both ways and checks what must hold whatever it is.
fn holds(profile: &Profile, body: &[u8]) {
    let asked = Asked { today: Some("2026-06-15".parse().unwrap()), ..Asked::default() };
    let at_once = read_as(profile, &asked, None, body, &LIMITS);
    let opened = Reading::open(profile, &asked, None, body, &LIMITS);
    assert_eq!(at_once.is_ok(), opened.is_ok());
    let (Ok(delivery), Ok(reading)) = (at_once, opened) else { return };
    let mut items = Vec::new();
    let taken: Result<(), ()> = reading.each(|item| {
        items.push(item);
        Ok(())
    });
    assert!(taken.is_ok() && items == delivery.items);
    for item in &items {
        assert!(item.raw.len() <= body.len() + 2 * RAW_ENVELOPE_MAX);
    }
}

proptest! {
    #[test]
    fn a_damaged_sample_never_panics_and_is_read_alike_both_ways(
        which in any::<Index>(),
        damage in vec((any::<Index>(), 0..5_u8, any::<u8>()), 1..8),
        other in any::<Index>(),
    ) {
        let corpus = corpus();
        let (profile, sample) = which.get(corpus);
        let mut body = sample.clone();
        for (place, act, byte) in damage {
            if body.is_empty() {
                break;
            }
            let at = place.index(body.len());
            match act {
                0 => body.truncate(at),
                1 => body[at] = byte,
                2 => body.insert(at, byte),
                3 => { body.remove(at); }
                _ => {
                    // A piece of another sample in its place.
                    let (_, piece) = other.get(corpus);
                    let from = usize::from(byte) % piece.len().max(1);
                    let piece: Vec<u8> = piece.iter().skip(from).take(200).copied().collect();
                    body.splice(at..at, piece);
                }
            }
        }
        holds(profile, &body);
    }

    #[test]
    fn a_sample_read_by_the_mapping_of_another_never_panics(one in any::<Index>(), other in any::<Index>()) {
        holds(&one.get(corpus()).0, &other.get(corpus()).1);
    }

    #[test]
    fn a_sample_that_was_cut_off_is_never_read(which in any::<Index>(), cut in any::<Index>()) {
        let (profile, sample) = which.get(corpus());
        let whole = sample.trim_ascii_end();
        let part = &whole[..cut.index(whole.len())];
        // A table has no end of its own but that of its lines: one that was cut between two of them looks whole,
        // unless its last line says how many there are.
        let is_table = !matches!(whole.trim_ascii_start().first(), Some(b'<' | b'{' | b'['));
        let between_lines = part.ends_with(b"\n") || part.ends_with(b"\r");
        prop_assume!(!(is_table && between_lines));
        prop_assert!(read_as(profile, &Asked::default(), None, part, &LIMITS).is_err());
    }
}
