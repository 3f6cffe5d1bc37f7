//! The ledger's conformance suite over the log in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};

use mirabelle_log::memory::MemoryLog;
use mirabelle_log::suite::{Ending, Engine};
use mirabelle_log::{Log, LogId};

static CREATED: AtomicU8 = AtomicU8::new(1);

#[derive(Default)]
struct InMemory {
    log: Option<MemoryLog>,
}

impl Engine for InMemory {
    fn create(&mut self) -> Arc<dyn Log> {
        let clock = AtomicI64::new(1_700_000_000_000_000);
        let id = LogId([CREATED.fetch_add(1, Ordering::Relaxed); 16]);
        let log = MemoryLog::new(id, 3, Arc::new(move || clock.fetch_add(7, Ordering::Relaxed)));
        self.log = Some(log.clone());
        Arc::new(log)
    }

    fn reopen(&mut self, _: Arc<dyn Log>, ending: Ending) -> Option<Arc<dyn Log>> {
        let log = self.log.clone().expect("created before");
        if ending == Ending::Crash {
            log.crash();
        }
        Some(Arc::new(log))
    }

    fn too_large(&self) -> usize {
        MemoryLog::RECORD_BYTES_MAX + 1
    }

    fn too_large_at_once(&self) -> usize {
        MemoryLog::BATCH_BYTES_MAX + 1
    }

    fn keeps_a_prefix(&self) -> bool {
        true
    }
}

mirabelle_ledger::ledger_suite!(InMemory::default());
