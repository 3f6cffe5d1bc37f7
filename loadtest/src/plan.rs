//! What one process is to do, complete and serialisable, so that a run can be split over processes.

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::options::{Arrivals, ProfileName, Transport};

/// The whole of a process's work.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Plan {
    pub(crate) address: SocketAddr,
    /// The `Host` header and HTTP/2 authority.
    pub(crate) authority: String,
    pub(crate) profile: ProfileSettings,
    pub(crate) transport: Transport,
    pub(crate) mix: Mix,
    pub(crate) pace: Pace,
    /// This process's connections.
    pub(crate) connections: u32,
    /// Requests that each connection carries at a time; 1 but for HTTP/2.
    pub(crate) streams: u32,
    pub(crate) threads: u32,
    /// This process among all of the run.
    pub(crate) process: u32,
    pub(crate) processes: u32,
    pub(crate) drain: Duration,
    pub(crate) retry: bool,
    /// Whether every answered key is repeated at the end.
    pub(crate) recheck: bool,
    pub(crate) allow_busy: bool,
    pub(crate) run: u64,
    pub(crate) seed: u64,
}

impl Plan {
    /// The threads of all processes are numbered through.
    pub(crate) fn stream_number(&self, thread: u32) -> u32 {
        self.process * self.threads + thread
    }

    /// All threads of the run.
    pub(crate) fn stream_count(&self) -> u32 {
        self.processes * self.threads
    }

    /// The figures are taken from this span after the start; until the last answer when there is no end.
    pub(crate) fn window(&self) -> (Duration, Option<Duration>) {
        match self.pace {
            Pace::Closed { warmup, duration, .. } | Pace::Open { warmup, duration, .. } => {
                (warmup, Some(warmup + duration))
            }
            Pace::Burst { .. } => (Duration::ZERO, None),
        }
    }
}

/// When requests are sent.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Pace {
    /// A connection's next request follows its last answer. `in_flight` is this process's share.
    Closed { in_flight: u32, warmup: Duration, duration: Duration },
    /// At instants fixed beforehand; `rate` is the whole run's.
    Open { rate: f64, arrivals: Arrivals, warmup: Duration, duration: Duration },
    /// All at the start, then every key once more. `count` is this process's share.
    Burst { count: u32 },
}

/// What is asked for.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) struct Mix {
    pub(crate) members: u32,
    /// How many products are drawn from.
    pub(crate) products: u16,
    pub(crate) max_quantity: u32,
    pub(crate) overdraft_quantity: u32,
    pub(crate) duplicates: f64,
    pub(crate) overdrafts: f64,
    pub(crate) hot_share: f64,
    pub(crate) hot_members: u32,
}

/// From what requests are rendered.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct ProfileSettings {
    pub(crate) name: ProfileName,
    pub(crate) connection: String,
    /// The body template; the profile's own when absent.
    pub(crate) body: Option<String>,
    pub(crate) headers: Vec<String>,
    /// Travels on standard input to other processes, never on a command line.
    pub(crate) token: Option<String>,
    pub(crate) products: Vec<String>,
    pub(crate) overdraft_product: String,
    pub(crate) wait: u32,
}

/// Divides `total` over `parts` as evenly as whole numbers go; part `index` gets its share.
pub(crate) fn share_of(total: u32, parts: u32, index: u32) -> u32 {
    total / parts + u32::from(index < total % parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up_to_the_whole() {
        for (total, parts) in [(20_000, 3), (7, 4), (2, 5), (19_500, 2)] {
            let shares: Vec<u32> = (0..parts).map(|index| share_of(total, parts, index)).collect();
            assert_eq!(shares.iter().sum::<u32>(), total);
            assert!(shares.iter().max().unwrap() - shares.iter().min().unwrap() <= 1);
        }
    }
}
