//! How long a 4 KiB write with fdatasync takes, one after the other, on a file that was filled with zeros
//! beforehand: the floor under every durable answer.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

/// One write.
const BLOCK: usize = 4096;
/// The file is written round and round.
const FILE: usize = 16 << 20;

/// Prints one line for each write in the form of `pgbench --log`, which `mirabelle-loadtest pgbench` reads.
fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let directory = PathBuf::from(arguments.next().context("usage: fdatasync DIRECTORY [SECONDS]")?);
    let seconds: u64 = arguments.next().map_or(Ok(10), |text| text.parse())?;
    ensure!(directory.is_dir(), "{} is no directory", directory.display());
    let path = directory.join("mirabelle-fdatasync.tmp");
    let mut file = OpenOptions::new().create(true).truncate(true).write(true).open(&path)?;
    file.write_all(&vec![0; FILE])?;
    file.sync_all()?;

    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut number = 0_usize;
    while Instant::now() < end {
        let offset = number * BLOCK % FILE;
        let began = Instant::now();
        file.write_all_at(&[number as u8; BLOCK], offset as u64)?;
        file.sync_data()?;
        let took = began.elapsed().as_micros();
        let ended = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
        writeln!(out, "0 {number} {took} 0 {} {}", ended.as_secs(), ended.subsec_micros())?;
        number += 1;
    }
    drop(file);
    std::fs::remove_file(&path)?;
    Ok(())
}
