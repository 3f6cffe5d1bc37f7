//! What the followers measure, each under the name of its role.

use prometheus::{Gauge, GaugeVec, IntGauge, IntGaugeVec, Opts, Registry};

/// Every metric of the followers: (name, what it measures). A test compares them with what is exported.
pub const NAMES: &[(&str, &str)] = &[
    ("mirabelle_follower_open_obligations", "what the role owes still, by role"),
    ("mirabelle_follower_held_obligations", "what of it waits for a person, by role"),
    ("mirabelle_follower_unsent_commands", "commands that the log has not taken yet, by role"),
    ("mirabelle_follower_stopped_partitions", "partitions that can't be read on, by role"),
    ("mirabelle_follower_lag_seconds", "age of what was read last while more may wait, by role"),
];

/// The metrics of all followers of a process.
#[derive(Clone)]
pub struct Metrics {
    /// `mirabelle_follower_open_obligations{role}`: what the role owes still.
    open: IntGaugeVec,
    /// `mirabelle_follower_held_obligations{role}`: what of it waits for a person.
    held: IntGaugeVec,
    /// `mirabelle_follower_unsent_commands{role}`: commands that the log has not taken yet.
    unsent: IntGaugeVec,
    /// `mirabelle_follower_stopped_partitions{role}`: partitions that can't be read on.
    stopped: IntGaugeVec,
    /// `mirabelle_follower_lag_seconds{role}`: age of the fact read last, of the partition that is the furthest behind;
    /// 0 when all are read to their ends.
    lag: GaugeVec,
}

/// Those of one role.
pub(crate) struct Measured {
    pub(crate) open: IntGauge,
    pub(crate) held: IntGauge,
    pub(crate) unsent: IntGauge,
    pub(crate) stopped: IntGauge,
    pub(crate) lag: Gauge,
}

impl Metrics {
    /// Registers them.
    ///
    /// # Errors
    /// When metrics of these names are registered already.
    pub fn new(registry: &Registry) -> Result<Metrics, prometheus::Error> {
        let opts = |index: usize| Opts::new(NAMES[index].0, NAMES[index].1);
        let metrics = Metrics {
            open: IntGaugeVec::new(opts(0), &["role"])?,
            held: IntGaugeVec::new(opts(1), &["role"])?,
            unsent: IntGaugeVec::new(opts(2), &["role"])?,
            stopped: IntGaugeVec::new(opts(3), &["role"])?,
            lag: GaugeVec::new(opts(4), &["role"])?,
        };
        registry.register(Box::new(metrics.open.clone()))?;
        registry.register(Box::new(metrics.held.clone()))?;
        registry.register(Box::new(metrics.unsent.clone()))?;
        registry.register(Box::new(metrics.stopped.clone()))?;
        registry.register(Box::new(metrics.lag.clone()))?;
        Ok(metrics)
    }

    pub(crate) fn of(&self, role: &str) -> Measured {
        Measured {
            open: self.open.with_label_values(&[role]),
            held: self.held.with_label_values(&[role]),
            unsent: self.unsent.with_label_values(&[role]),
            stopped: self.stopped.with_label_values(&[role]),
            lag: self.lag.with_label_values(&[role]),
        }
    }
}
