//! Bounds of the gateway.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Bounds; the defaults are those of production. Unknown members are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Connections at once; beyond it a connection is answered 503 and closed. 20,000.
    pub connections_max: usize,
    /// Time from the first byte of a request to the end of its headers, and to the first byte of a new connection.
    /// 10 s.
    pub header_timeout_ms: u64,
    /// Silence of a connection between two requests, after which it is closed. 120 s.
    pub idle_timeout_ms: u64,
    /// Time to send a body. 30 s.
    pub body_timeout_ms: u64,
    /// Time in which a client that takes no byte of its answer is given up. 30 s.
    pub write_timeout_ms: u64,
    /// Largest body of our own API, bytes. 64 KiB.
    pub body_max: usize,
    /// Largest body of configuration, bytes. 1 MiB.
    pub config_body_max: usize,
    /// Largest body of an HRIS delivery, bytes. 16 MiB.
    pub hris_body_max: usize,
    /// All bodies together that are read and not answered yet, bytes; beyond it: 503. 256 MiB.
    pub bodies_max: usize,
    /// How long a request waits for its decision unless it says otherwise. 10 s.
    pub wait_default_ms: u64,
    /// The longest that `Prefer: wait` may ask for. 30 s.
    pub wait_max_ms: u64,
    /// How long a read waits for the position of `Read-After`. 5 s.
    pub read_after_max_ms: u64,
    /// Rows further behind than this slow admission down, microseconds. 1 s.
    pub lag_max_micros: i64,
    /// Requests a second of one key; 0: no bound. 0.
    pub requests_per_second: u32,
    /// Answers kept so that a repeat that comes soon costs no append, about 1 KiB each; 0: every repeat goes through the
    /// log. 16,384.
    pub recent_answers: usize,
    /// Time for requests in hand when the process is asked to stop. 10 s.
    pub drain_ms: u64,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            connections_max: 20_000,
            header_timeout_ms: 10_000,
            idle_timeout_ms: 120_000,
            body_timeout_ms: 30_000,
            write_timeout_ms: 30_000,
            body_max: 64 << 10,
            config_body_max: 1 << 20,
            hris_body_max: 16 << 20,
            bodies_max: 256 << 20,
            wait_default_ms: 10_000,
            wait_max_ms: 30_000,
            read_after_max_ms: 5_000,
            lag_max_micros: 1_000_000,
            requests_per_second: 0,
            recent_answers: 16_384,
            drain_ms: 10_000,
        }
    }
}

impl Options {
    /// Time to send a body.
    pub fn body_timeout(&self) -> Duration {
        Duration::from_millis(self.body_timeout_ms)
    }

    /// What can't be meant, each with its name.
    pub fn nonsense(&self) -> Vec<String> {
        let at_least_one = [
            ("connections_max", self.connections_max as u64),
            ("header_timeout_ms", self.header_timeout_ms),
            ("idle_timeout_ms", self.idle_timeout_ms),
            ("body_timeout_ms", self.body_timeout_ms),
            ("write_timeout_ms", self.write_timeout_ms),
            ("body_max", self.body_max as u64),
            ("config_body_max", self.config_body_max as u64),
            ("hris_body_max", self.hris_body_max as u64),
            ("lag_max_micros", u64::try_from(self.lag_max_micros).unwrap_or(0)),
        ];
        let zero = at_least_one.iter().filter(|(_, value)| *value == 0);
        let mut wrong: Vec<String> = zero.map(|(name, _)| format!("{name} is at least 1")).collect();
        if self.wait_default_ms > self.wait_max_ms {
            wrong.push("wait_default_ms is at most wait_max_ms".to_owned());
        }
        let largest = self.body_max.max(self.config_body_max).max(self.hris_body_max);
        if self.bodies_max < largest {
            wrong.push(format!("bodies_max is at least the largest body, {largest}"));
        }
        wrong
    }

    /// How long a read waits for the position of `Read-After`.
    pub fn read_after_max(&self) -> Duration {
        Duration::from_millis(self.read_after_max_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_has_its_default_and_what_is_unknown_is_refused() {
        let options: Options = serde_json::from_str(r#"{"connections_max": 41}"#).unwrap();
        assert_eq!(options, Options { connections_max: 41, ..Options::default() });
        assert!(serde_json::from_str::<Options>(r#"{"conections_max": 41}"#).is_err());
    }
}
