//! Bounds of the gateway.

use std::time::Duration;

/// Bounds; the defaults are those of production.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Connections at once; beyond it a connection is answered 503 and closed.
    pub connections_max: usize,
    /// Time to send the headers of a request, and of silence before the first of them.
    pub header_timeout: Duration,
    /// Time to send a body.
    pub body_timeout: Duration,
    /// Largest body of our own API, bytes.
    pub body_max: usize,
    /// Largest body of configuration, bytes.
    pub config_body_max: usize,
    /// Largest body of an HRIS delivery, bytes.
    pub hris_body_max: usize,
    /// How long a request waits for its decision unless it says otherwise.
    pub wait_default: Duration,
    /// The longest that `Prefer: wait` may ask for.
    pub wait_max: Duration,
    /// How long a read waits for the position of `Read-After`.
    pub read_after_max: Duration,
    /// Rows further behind than this slow admission down, microseconds.
    pub lag_max: i64,
    /// Time for requests in hand when the process is asked to stop.
    pub drain: Duration,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            connections_max: 20_000,
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            body_max: 64 << 10,
            config_body_max: 1 << 20,
            hris_body_max: 16 << 20,
            wait_default: Duration::from_secs(10),
            wait_max: Duration::from_secs(30),
            read_after_max: Duration::from_secs(5),
            lag_max: 1_000_000,
            drain: Duration::from_secs(10),
        }
    }
}
