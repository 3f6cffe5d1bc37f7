//! What the projector measures.

use prometheus::{Histogram, HistogramOpts, IntCounter, IntGauge, Registry};

/// The projector's metrics.
#[derive(Clone)]
pub struct Metrics {
    /// `mirabelle_projector_decisions_total`: decisions whose rows were written.
    pub decisions: IntCounter,
    /// `mirabelle_projector_rows_total`: rows written.
    pub rows: IntCounter,
    /// `mirabelle_projector_batch_seconds`: time to write one batch.
    pub batch: Histogram,
    /// `mirabelle_projector_lag_microseconds`: age of the oldest fact that is not in the rows.
    pub lag: IntGauge,
    /// `mirabelle_projector_stopped_partitions`: partitions that can't be read on.
    pub stopped: IntGauge,
}

impl Metrics {
    /// Registers them.
    pub fn new(registry: &Registry) -> Result<Metrics, prometheus::Error> {
        let buckets = vec![0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0];
        let batch =
            HistogramOpts::new("mirabelle_projector_batch_seconds", "time to write one batch of rows");
        let metrics = Metrics {
            decisions: IntCounter::new("mirabelle_projector_decisions_total", "decisions written into rows")?,
            rows: IntCounter::new("mirabelle_projector_rows_total", "rows written")?,
            batch: Histogram::with_opts(batch.buckets(buckets))?,
            lag: IntGauge::new(
                "mirabelle_projector_lag_microseconds",
                "age of the oldest fact not in the rows",
            )?,
            stopped: IntGauge::new(
                "mirabelle_projector_stopped_partitions",
                "partitions that can't be read on",
            )?,
        };
        registry.register(Box::new(metrics.decisions.clone()))?;
        registry.register(Box::new(metrics.rows.clone()))?;
        registry.register(Box::new(metrics.batch.clone()))?;
        registry.register(Box::new(metrics.lag.clone()))?;
        registry.register(Box::new(metrics.stopped.clone()))?;
        Ok(metrics)
    }
}
