//! A real file system without room. By hand and as root: `cargo test -p mirabelle-log-embedded -- --ignored tmpfs`.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use mirabelle_log::Refused;

use super::{PATIENCE, append, held, small};
use crate::{EmbeddedLog, Options, OsFiles};

fn run(program: &str, arguments: &[&str]) {
    let status = Command::new(program).args(arguments).status().unwrap();
    assert!(status.success(), "{program} {arguments:?}: {status}");
}

/// Unmounts whatever happens in the test.
struct Mounted<'a>(&'a Path);

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        run("umount", &[self.0.to_str().unwrap()]);
    }
}

#[test]
#[ignore = "mounts a tmpfs, which only root may"]
fn a_full_tmpfs_refuses_and_takes_again_when_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    run("mount", &["-t", "tmpfs", "-o", "size=6m", "tmpfs", dir.path().to_str().unwrap()]);
    let _mounted = Mounted(dir.path());
    let ballast = dir.path().join("ballast");
    std::fs::write(&ballast, vec![1; 2 << 20]).unwrap();
    let options = Options { segment_bytes: 1 << 20, spare_segments: 2, ..small(Arc::new(OsFiles)) };
    let log = EmbeddedLog::open(dir.path().join("log"), options.clone()).unwrap();
    let mut taken = 0;
    let take = |taken: u64| -> Result<(), Refused> {
        let answers = append(&log, taken..taken + 1)?;
        answers.recv_timeout(PATIENCE).expect("an append is answered").1.expect("what is taken has its room");
        Ok(())
    };
    let refused = loop {
        match take(taken) {
            Ok(()) => taken += 1,
            Err(refused) => break refused,
        }
    };
    assert_eq!(refused, Refused::NoRoom);
    assert_eq!(held(&log).unwrap(), taken);
    std::fs::remove_file(&ballast).unwrap();
    while take(taken).is_err() {
        std::thread::yield_now();
    }
    taken += 1;
    drop(log);
    let log = EmbeddedLog::open_offline(dir.path().join("log"), options).unwrap();
    assert_eq!((held(&log).unwrap(), log.check_all().faults), (taken, vec![]));
}
