//! The thread that watches over an open log: it leaves marks, and notices when the log is not what it was.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mirabelle_log::{Partition, Topic};
use tracing::debug;

use crate::ends::Mark;
use crate::identity::mark_record;
use crate::log::Shared;
use crate::produce::Appender;

/// How often it looks for something to do.
const LOOK: Duration = Duration::from_millis(250);
/// A partition is marked anew after this long, when records were appended to it. Its first mark comes at once.
const MARK: Duration = Duration::from_secs(60);
/// How often the broker is asked whether each partition still reaches where it did.
const COMPARE: Duration = Duration::from_secs(15);
/// How long one such question may take.
const ANSWER: Duration = Duration::from_secs(2);

pub(crate) struct Watch {
    shared: Arc<Shared>,
    appender: Arc<Appender>,
    marked: HashMap<(Topic, Partition), (Mark, Instant)>,
    compared: Instant,
}

impl Watch {
    pub(crate) fn new(shared: Arc<Shared>, appender: Arc<Appender>) -> Watch {
        Watch { shared, appender, marked: HashMap::new(), compared: Instant::now() }
    }

    pub(crate) fn run(mut self) {
        while !self.shared.wait_closed(LOOK) {
            self.shared.serve_asker();
            self.mark(MARK);
            if self.compared.elapsed() >= COMPARE {
                self.compare();
                self.compared = Instant::now();
            }
        }
        self.mark(Duration::ZERO);
        self.appender.close();
    }

    /// Marks each partition whose last record is another than that of a mark older than `age`.
    fn mark(&mut self, age: Duration) {
        if self.shared.lost().is_some() {
            return;
        }
        for topic in Topic::ALL {
            for partition in (0..self.shared.options.partitions).map(Partition) {
                let Some(mark) = self.shared.ends.acknowledged(topic, partition) else { continue };
                let place = (topic, partition);
                let stands = self.marked.get(&place);
                if stands.is_some_and(|(last, since)| *last == mark || since.elapsed() < age) {
                    continue;
                }
                let record = mark_record(topic, partition, mark);
                match self.appender.append_identity(record, None) {
                    // Whether it arrives is seen by nobody: the next one replaces it.
                    Ok(()) => drop(self.marked.insert(place, (mark, Instant::now()))),
                    Err(error) => {
                        debug!(error = &error as &dyn std::error::Error, "a mark was not taken");
                        return;
                    }
                }
            }
        }
    }

    /// What was below a high watermark stays below it, unless the partition was cut or is another one.
    fn compare(&self) {
        for topic in Topic::ALL {
            for partition in (0..self.shared.options.partitions).map(Partition) {
                let known = self.shared.ends.known(topic, partition);
                if known == 0 || self.shared.is_closed() {
                    continue;
                }
                // Who can't be asked is asked later.
                let Ok((_, end)) = self.shared.watermarks(topic, partition, ANSWER) else { continue };
                if end < known {
                    self.shared.lose(&format!(
                        "partition {partition} of {topic} ends at {end}, and reached {known}: it was cut, or deleted and \
                         made again"
                    ));
                    return;
                }
            }
        }
    }
}
