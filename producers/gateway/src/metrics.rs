//! What the gateway measures.

use prometheus::{Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry};

/// Every metric of the gateway: (name, what it measures). A test compares them with what is exported.
pub const NAMES: &[(&str, &str)] = &[
    ("mirabelle_gateway_requests_total", "answers by route (as in the API description, or none) and status"),
    ("mirabelle_gateway_request_seconds", "time from the head of a request to the head of its answer"),
    ("mirabelle_gateway_connections", "open connections"),
    ("mirabelle_gateway_connections_refused_total", "connections over the bound"),
    ("mirabelle_gateway_waiting", "commands that somebody waits for"),
    ("mirabelle_gateway_recalled_total", "repeats of a key that were answered without an append"),
    ("mirabelle_gateway_appends_refused_total", "requests refused for want of room, by reason"),
    ("mirabelle_gateway_deliveries_total", "items of HRIS deliveries, by system and outcome"),
];

/// The gateway's metrics.
#[derive(Clone)]
pub struct Metrics {
    /// `mirabelle_gateway_requests_total{route,status}`: answers by route (as in the API description) and status.
    pub requests: IntCounterVec,
    /// `mirabelle_gateway_request_seconds`: time from the head of a request to its answer.
    pub seconds: Histogram,
    /// `mirabelle_gateway_connections`: open connections.
    pub connections: IntGauge,
    /// `mirabelle_gateway_connections_refused_total`: connections over the bound.
    pub connections_refused: IntCounter,
    /// `mirabelle_gateway_waiting`: commands that somebody waits for.
    pub waiting: IntGauge,
    /// `mirabelle_gateway_recalled_total`: repeats of a key that were answered without an append.
    pub recalled: IntCounter,
    /// `mirabelle_gateway_appends_refused_total{reason}`: full, no_room, too_large, closed, behind, bodies,
    /// not_adopted.
    pub refused: IntCounterVec,
    /// `mirabelle_gateway_deliveries_total{system,outcome}`: HRIS items accepted, or set aside in dead-letters.
    pub deliveries: IntCounterVec,
}

impl Metrics {
    /// Registers them.
    pub fn new(registry: &Registry) -> Result<Metrics, prometheus::Error> {
        let buckets = vec![0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
        let seconds = HistogramOpts::new("mirabelle_gateway_request_seconds", "time to answer a request");
        let vec = |name: &str, help: &str, labels: &[&str]| IntCounterVec::new(Opts::new(name, help), labels);
        let metrics = Metrics {
            requests: vec(
                "mirabelle_gateway_requests_total",
                "answers by route and status",
                &["route", "status"],
            )?,
            seconds: Histogram::with_opts(seconds.buckets(buckets))?,
            connections: IntGauge::new("mirabelle_gateway_connections", "open connections")?,
            connections_refused: IntCounter::new(
                "mirabelle_gateway_connections_refused_total",
                "connections over the bound",
            )?,
            waiting: IntGauge::new("mirabelle_gateway_waiting", "commands that somebody waits for")?,
            recalled: IntCounter::new(
                "mirabelle_gateway_recalled_total",
                "repeats of a key that were answered without an append",
            )?,
            refused: vec(
                "mirabelle_gateway_appends_refused_total",
                "commands that the log did not take",
                &["reason"],
            )?,
            deliveries: vec(
                "mirabelle_gateway_deliveries_total",
                "items of HRIS deliveries",
                &["system", "outcome"],
            )?,
        };
        registry.register(Box::new(metrics.requests.clone()))?;
        registry.register(Box::new(metrics.seconds.clone()))?;
        registry.register(Box::new(metrics.connections.clone()))?;
        registry.register(Box::new(metrics.connections_refused.clone()))?;
        registry.register(Box::new(metrics.waiting.clone()))?;
        registry.register(Box::new(metrics.recalled.clone()))?;
        registry.register(Box::new(metrics.refused.clone()))?;
        registry.register(Box::new(metrics.deliveries.clone()))?;
        Ok(metrics)
    }
}
