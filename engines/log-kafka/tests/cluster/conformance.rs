//! The suites of the seam and of the ledger, on one broker and on three.

use std::sync::Arc;

use mirabelle_log::Log;
use mirabelle_log::suite::{Ending, Engine};
use mirabelle_log_kafka::{KafkaLog, Options};

use crate::servers::{Quiet, quiet};

/// A log of its own for each clause.
struct OnKafka {
    quiet: Quiet,
    options: Option<Options>,
    log: Option<Arc<KafkaLog>>,
}

impl OnKafka {
    fn on(brokers: usize) -> Option<OnKafka> {
        Some(OnKafka { quiet: quiet(brokers)?, options: None, log: None })
    }

    fn open(&mut self, options: Options) -> Arc<dyn Log> {
        let log = Arc::new(KafkaLog::open(options.clone()).unwrap());
        self.options = Some(options);
        self.log = Some(Arc::clone(&log));
        log
    }
}

impl Engine for OnKafka {
    fn create(&mut self) -> Arc<dyn Log> {
        let options = self.quiet.server.options();
        self.open(options)
    }

    /// The process ends, in order or not: the brokers go on. What becomes of those is another test's.
    fn reopen(&mut self, log: Arc<dyn Log>, ending: Ending) -> Option<Arc<dyn Log>> {
        drop(log);
        let log = Arc::into_inner(self.log.take().unwrap()).expect("nobody else has the log");
        match ending {
            Ending::Close => drop(log),
            Ending::Crash => log.abandon(),
        }
        let options = self.options.clone().unwrap();
        Some(self.open(options))
    }

    fn too_large(&self) -> usize {
        (64 << 10) + 1
    }

    fn too_large_at_once(&self) -> usize {
        (1 << 20) + 1
    }

    fn keeps_a_prefix(&self) -> bool {
        false
    }
}

macro_rules! suites_on {
    ($brokers:expr) => {
        mod log {
            mirabelle_log::log_suite!(match super::super::OnKafka::on($brokers) {
                Some(engine) => engine,
                None => return,
            });
        }

        mod ledger {
            mirabelle_ledger::ledger_suite!(match super::super::OnKafka::on($brokers) {
                Some(engine) => engine,
                None => return,
            });
        }
    };
}

mod one {
    suites_on!(1);
}

mod three {
    suites_on!(3);
}
