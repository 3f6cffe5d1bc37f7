//! The suites of the seam and of the ledger over this engine: on the operating system's files, and on a disk that loses power.

use std::sync::Arc;
use std::time::Duration;

use mirabelle_log::Log;
use mirabelle_log::suite::{Ending, Engine};
use tempfile::TempDir;

use super::disk::Disk;
use super::small;
use crate::{EmbeddedLog, Options};

/// Every record soon leaves memory, most leave the raw segments too.
#[derive(Default)]
struct OnADiskInMemory {
    disk: Disk,
    crashes: u64,
}

impl OnADiskInMemory {
    fn open(&self) -> Arc<dyn Log> {
        let options = Options {
            segment_bytes: 64 << 10,
            spare_segments: 8,
            companion_wait: Duration::from_micros(50),
            ..small(self.disk.files())
        };
        let log = EmbeddedLog::open(super::DIR, options).unwrap();
        log.settle();
        Arc::new(log)
    }
}

impl Engine for OnADiskInMemory {
    fn create(&mut self) -> Arc<dyn Log> {
        self.disk = Disk::default();
        self.open()
    }

    fn reopen(&mut self, log: Arc<dyn Log>, ending: Ending) -> Option<Arc<dyn Log>> {
        if ending == Ending::Crash {
            self.disk.kill_after(0);
        }
        drop(log);
        self.crashes += 1;
        self.disk.crash(Some(self.crashes));
        Some(self.open())
    }

    fn too_large(&self) -> usize {
        4097
    }

    fn too_large_at_once(&self) -> usize {
        256 << 10
    }

    fn keeps_a_prefix(&self) -> bool {
        true
    }
}

mod on_a_disk_in_memory {
    mirabelle_log::log_suite!(super::OnADiskInMemory::default());
}

mod ledger_on_a_disk_in_memory {
    mirabelle_ledger::ledger_suite!(super::OnADiskInMemory::default());
}

/// On real files a crash needs a process to die: `kill.rs` has that.
struct OnRealFiles {
    dir: TempDir,
}

impl OnRealFiles {
    fn new() -> OnRealFiles {
        OnRealFiles { dir: tempfile::tempdir().unwrap() }
    }

    fn open(&self) -> Arc<dyn Log> {
        let options = Options { segment_bytes: 1 << 20, ..small(Arc::new(crate::OsFiles)) };
        let log = EmbeddedLog::open(self.dir.path(), options).unwrap();
        log.settle();
        Arc::new(log)
    }
}

impl Engine for OnRealFiles {
    fn create(&mut self) -> Arc<dyn Log> {
        self.dir = tempfile::tempdir().unwrap();
        self.open()
    }

    fn reopen(&mut self, log: Arc<dyn Log>, ending: Ending) -> Option<Arc<dyn Log>> {
        if ending == Ending::Crash {
            return None;
        }
        drop(log);
        Some(self.open())
    }

    fn too_large(&self) -> usize {
        4097
    }

    fn too_large_at_once(&self) -> usize {
        2 << 20
    }

    fn keeps_a_prefix(&self) -> bool {
        true
    }
}

mod on_real_files {
    mirabelle_log::log_suite!(super::OnRealFiles::new());
}

mod ledger_on_real_files {
    mirabelle_ledger::ledger_suite!(super::OnRealFiles::new());
}
