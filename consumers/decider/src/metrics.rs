//! What the decider measures.

use prometheus::{Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGaugeVec, Opts, Registry};

/// The decider's metrics.
#[derive(Clone)]
pub struct Metrics {
    /// `mirabelle_decider_decisions_total{outcome}`: accepted, rejected, repeated, set_aside.
    pub decisions: IntCounterVec,
    /// `mirabelle_decider_confirmed_total`: decisions read back.
    pub confirmed: IntCounter,
    /// `mirabelle_decider_claims_total`: claims made.
    pub claims: IntCounter,
    /// `mirabelle_decider_overlays_dropped_total`: times that what was in flight was given up.
    pub dropped: IntCounter,
    /// `mirabelle_decider_records_total{verdict}`: ghosts, orphans, repeats, foreign records and stale claims.
    pub records: IntCounterVec,
    /// `mirabelle_decider_in_flight{partition}`: decisions not read back yet.
    pub in_flight: IntGaugeVec,
    /// `mirabelle_decider_owned{partition}`: 1 where this process owns the partition.
    pub owned: IntGaugeVec,
    /// `mirabelle_decider_stopped{partition}`: 1 where the partition has stopped.
    pub stopped: IntGaugeVec,
    /// `mirabelle_decider_accounts{partition}`: accounts in memory.
    pub accounts: IntGaugeVec,
    /// `mirabelle_decider_decision_seconds`: from the log's taking of an input to its decision.
    pub decision: Histogram,
    /// `mirabelle_decider_snapshot_seconds`: time to write a snapshot.
    pub snapshot: Histogram,
}

impl Metrics {
    /// Registers them.
    pub fn new(registry: &Registry) -> Result<Metrics, prometheus::Error> {
        let by_partition = |name: &str, help: &str| IntGaugeVec::new(Opts::new(name, help), &["partition"]);
        let fast = vec![0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0];
        let decision = HistogramOpts::new(
            "mirabelle_decider_decision_seconds",
            "from an input's taking to its decision",
        );
        let slow = vec![0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 60.0];
        let snapshot = HistogramOpts::new("mirabelle_decider_snapshot_seconds", "time to write a snapshot");
        let metrics = Metrics {
            decisions: IntCounterVec::new(
                Opts::new("mirabelle_decider_decisions_total", "decisions made"),
                &["outcome"],
            )?,
            confirmed: IntCounter::new("mirabelle_decider_confirmed_total", "decisions read back")?,
            claims: IntCounter::new("mirabelle_decider_claims_total", "claims made")?,
            dropped: IntCounter::new(
                "mirabelle_decider_overlays_dropped_total",
                "times what was in flight was given up",
            )?,
            records: IntCounterVec::new(
                Opts::new("mirabelle_decider_records_total", "records of facts that did not count"),
                &["verdict"],
            )?,
            in_flight: by_partition("mirabelle_decider_in_flight", "decisions not read back yet")?,
            owned: by_partition("mirabelle_decider_owned", "1 where this process owns the partition")?,
            stopped: by_partition("mirabelle_decider_stopped", "1 where the partition has stopped")?,
            accounts: by_partition("mirabelle_decider_accounts", "accounts in memory")?,
            decision: Histogram::with_opts(decision.buckets(fast))?,
            snapshot: Histogram::with_opts(snapshot.buckets(slow))?,
        };
        registry.register(Box::new(metrics.decisions.clone()))?;
        registry.register(Box::new(metrics.confirmed.clone()))?;
        registry.register(Box::new(metrics.claims.clone()))?;
        registry.register(Box::new(metrics.dropped.clone()))?;
        registry.register(Box::new(metrics.records.clone()))?;
        registry.register(Box::new(metrics.in_flight.clone()))?;
        registry.register(Box::new(metrics.owned.clone()))?;
        registry.register(Box::new(metrics.stopped.clone()))?;
        registry.register(Box::new(metrics.accounts.clone()))?;
        registry.register(Box::new(metrics.decision.clone()))?;
        registry.register(Box::new(metrics.snapshot.clone()))?;
        Ok(metrics)
    }
}
