//! Every input that was decided was decided once, and none before the last was skipped (PROTOCOL H5).

use mirabelle_log::{Log, Partition, Topic, View};

use super::Report;
use super::facts::{Cursors, chain};

pub(crate) fn check(log: &dyn Log, partition: Partition, cursors: &Cursors, report: &mut Report) {
    for (index, topic) in Topic::INPUTS.into_iter().enumerate() {
        let place = format!("{topic}/{partition}");
        let bounds = match log.bounds(topic, partition, View::Durable) {
            Ok(bounds) => bounds,
            Err(error) => {
                report.differs("inputs", place, chain(&error));
                continue;
            }
        };
        let (decided, next) = (cursors.decided[index], cursors.next[index]);
        report.records += bounds.end.0 - bounds.start.0;
        if next > bounds.end.0 {
            let what = format!("offset {} was decided, but the topic ends at {}", next - 1, bounds.end);
            report.differs("inputs", place.clone(), what);
        }
        if decided != next {
            let what = format!("{decided} decisions for the {next} inputs up to the last that was decided");
            report.differs("inputs", place, what);
        }
    }
}
