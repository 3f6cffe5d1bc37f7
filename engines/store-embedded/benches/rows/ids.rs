//! The index of ids.

use std::path::Path;
use std::time::Instant;

use mirabelle_domain::CommandId;
use mirabelle_log::Partition;
use mirabelle_store::Ids;
use mirabelle_store_embedded::{EmbeddedIds, Options};

use crate::{LOG, Spent, per, quantiles};

fn id(number: u64) -> CommandId {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^= mixed >> 31;
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&mixed.to_be_bytes());
    bytes[8..].copy_from_slice(&mixed.wrapping_mul(0xd6e8_feb8_6659_fd93).to_be_bytes());
    CommandId(bytes)
}

pub(crate) fn run(directory: &Path, count: usize) {
    let path = directory.join("ids.redb");
    let ids = EmbeddedIds::open(&path, LOG, Options::default()).expect("a new index");
    let mut spent = Spent::default();
    const BATCH: usize = 1_000;
    println!("ids: {count} in batches of {BATCH}");
    for batch in 0..count / BATCH {
        let first = (batch * BATCH) as u64;
        let batch: Vec<(CommandId, u64)> = (first..first + BATCH as u64).map(|seq| (id(seq), seq)).collect();
        spent
            .on(|| ids.insert_batch(Partition(3), &batch, first + BATCH as u64 - 1))
            .expect("a healthy index");
    }
    spent.on(|| ids.sync()).expect("a healthy index");
    println!("{}", spent.line("inserted", count));
    let merging = Instant::now();
    let mut usage = ids.usage().expect("a healthy index");
    let runs = usage.runs;
    // What a decider finds, which inserts at a twentieth of this pace.
    while usage.runs > 30 {
        std::thread::yield_now();
        usage = ids.usage().expect("a healthy index");
    }
    println!("{runs} runs, {} after another {:.1} s", usage.runs, merging.elapsed().as_secs_f64());
    println!("{usage:?}");
    let (memory, file) = (per(usage.memory_bytes as usize, count), per(usage.file_bytes as usize, count));
    println!("an id: {memory:.1} bytes in memory, {file:.1} in pages in use");
    let time = |numbers: std::iter::StepBy<std::ops::Range<usize>>, known: bool| {
        numbers
            .map(|number| {
                let asked = id(number as u64);
                let begun = Instant::now();
                let found = ids.lookup(asked).expect("a healthy index");
                let took = begun.elapsed();
                assert_eq!(found.is_some(), known, "id {number}");
                took
            })
            .collect()
    };
    println!(
        "{}",
        quantiles("lookup of an unknown id", time((1 << 40..(1 << 40) + 100_000).step_by(1), false))
    );
    let last = count / BATCH * BATCH;
    println!("{}", quantiles("lookup of a known id", time((0..last).step_by(last.div_ceil(20_000)), true)));
    drop(ids);
    let opening = Instant::now();
    drop(EmbeddedIds::open(&path, LOG, Options::default()).expect("an index"));
    println!("opened and closed again in {:.1} ms", opening.elapsed().as_secs_f64() * 1e3);
}
