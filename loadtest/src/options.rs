//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use serde::{Deserialize, Serialize};

use crate::values::{duration, rate, share};

/// Load against a redemption pipeline, with every answer checked.
#[derive(Debug, Parser)]
#[command(name = "mirabelle-loadtest", version)]
pub(crate) struct Options {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Keep a number of requests in flight; measures throughput.
    Closed(Closed),
    /// Send at a rate, timed from the scheduled instant; measures latency.
    Open(Open),
    /// Send everything at one instant, then repeat every key and demand the same answer.
    Burst(Burst),
    /// Hold idle connections while another run measures.
    Idle(Idle),
    /// Print reports side by side, as ratios to the first.
    Compare(Compare),
    /// Run two commands A B A B and print the ratios of their reports, round by round.
    Interleave(Interleave),
    /// Turn pgbench's transaction logs into a report of the same shape.
    Pgbench(Pgbench),
    /// Make a tenant with people, points and products to load.
    Seed(Seed),
    /// One process of a larger run; its plan comes on standard input.
    #[command(hide = true)]
    Worker,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Transport {
    /// HTTP/1.1 written and parsed by hand over a socket: the cheapest for shared cores.
    Raw,
    /// HTTP/1.1 through hyper, to weigh `raw` against.
    Hyper,
    /// HTTP/2 streams through hyper: more in flight than there are sockets.
    Http2,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ProfileName {
    /// `POST /v1/redemptions`.
    Mirabelle,
    /// `POST /v1/hris/{connection}` with a SOAP body.
    Hris,
    /// Restate's ingress: a `Wallet` object per account with a `redeem` handler.
    Restate,
    /// A handler that answers 2xx and knows nothing of keys.
    Bare,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Arrivals {
    /// Evenly spaced.
    Uniform,
    /// Exponential gaps, as independent people cause them.
    Poisson,
}

/// Whom to ask, and what for.
#[derive(Args, Clone, Debug)]
pub(crate) struct Target {
    /// The server, such as http://127.0.0.1:8080.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    pub(crate) url: String,
    /// The shape of requests and answers.
    #[arg(long, value_enum, default_value_t = ProfileName::Mirabelle)]
    pub(crate) profile: ProfileName,
    /// The HRIS connection of the `hris` profile.
    #[arg(long, default_value = "load")]
    pub(crate) connection: String,
    /// A body to send instead of the profile's own; {key} {member} {product} {quantity} {sequence} are filled in.
    #[arg(long)]
    pub(crate) body_file: Option<PathBuf>,
    /// A further header, `Name: value`, with the same placeholders; repeatable.
    #[arg(long = "header")]
    pub(crate) headers: Vec<String>,
    /// A file with the API key, sent as a bearer token.
    #[arg(long)]
    pub(crate) key_file: Option<PathBuf>,
    /// Members are load-000001 to this many.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) members: u32,
    /// A product to redeem; several are drawn from evenly.
    #[arg(long = "product", default_value = "gift-de-25")]
    pub(crate) products: Vec<String>,
    /// Quantities are drawn from 1 to this.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) max_quantity: u32,
    /// The product of a request that must be refused; `seed` makes one that nobody can pay.
    #[arg(long, default_value = "castle")]
    pub(crate) overdraft_product: String,
    /// The quantity of a request that must be refused.
    #[arg(long, default_value_t = 100)]
    pub(crate) overdraft_quantity: u32,
    /// Share of requests that are sent a second time under the same key.
    #[arg(long, value_parser = share, default_value = "1%")]
    pub(crate) duplicates: f64,
    /// Share of requests that no balance covers.
    #[arg(long, value_parser = share, default_value = "1%")]
    pub(crate) overdrafts: f64,
    /// Share of requests that go to the hot members.
    #[arg(long, value_parser = share, default_value = "0")]
    pub(crate) hot_account: f64,
    /// How many members are hot.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) hot_members: u32,
    /// How long the server may hold a request open, in seconds (`Prefer: wait=`).
    #[arg(long, default_value_t = 10)]
    pub(crate) wait: u32,
}

/// How the load is made.
#[derive(Args, Clone, Debug)]
pub(crate) struct Engine {
    #[arg(long, value_enum, default_value_t = Transport::Raw)]
    pub(crate) transport: Transport,
    /// The same as `--transport http2`.
    #[arg(long)]
    pub(crate) http2: bool,
    /// Threads of a process; one is enough below about 60,000 requests a second.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub(crate) threads: u32,
    /// Processes, for more sockets than one may open.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub(crate) processes: u32,
    /// How long to wait for answers after the last request.
    #[arg(long, value_parser = duration, default_value = "30s")]
    pub(crate) drain: Duration,
    /// Repeat a request under its key when its connection breaks, until it is answered: for killing servers.
    #[arg(long)]
    pub(crate) retry: bool,
    /// At the end, repeat every answered key and demand its first answer; a burst always does. With `--retry`
    /// and a server that is killed meanwhile it shows what was lost or done twice.
    #[arg(long)]
    pub(crate) recheck: bool,
    /// Count 429 and 503 with Retry-After as turned away instead of failing the run.
    #[arg(long)]
    pub(crate) allow_busy: bool,
    /// A process whose processor time and memory are reported beside the figures; repeatable.
    #[arg(long = "server-pid")]
    pub(crate) server_pids: Vec<u32>,
    /// Seed of members, quantities and arrivals; keys are fresh in every run.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
}

impl Engine {
    pub(crate) fn transport(&self) -> Transport {
        if self.http2 { Transport::Http2 } else { self.transport }
    }
}

/// Where the figures go.
#[derive(Args, Clone, Debug)]
pub(crate) struct Output {
    /// Name of the run in tables.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Write the report here.
    #[arg(long)]
    pub(crate) json: Option<PathBuf>,
    /// Write latency.svg and throughput.svg into this directory.
    #[arg(long)]
    pub(crate) svg: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct Closed {
    /// Requests in flight.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) in_flight: u32,
    /// Connections that carry them; with HTTP/2 fewer than requests (default: 100 requests each).
    #[arg(long)]
    pub(crate) connections: Option<u32>,
    #[arg(long, value_parser = duration, default_value = "30s")]
    pub(crate) duration: Duration,
    /// Left out of the figures at the beginning, and not part of the duration.
    #[arg(long, value_parser = duration, default_value = "2s")]
    pub(crate) warmup: Duration,
    #[command(flatten)]
    pub(crate) target: Target,
    #[command(flatten)]
    pub(crate) engine: Engine,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Args, Debug)]
pub(crate) struct Open {
    /// Requests a second, whatever the server does.
    #[arg(long, value_parser = rate)]
    pub(crate) rate: f64,
    #[arg(long, value_enum, default_value_t = Arrivals::Uniform)]
    pub(crate) arrivals: Arrivals,
    /// Connections, used in turn; a request that finds none free waits, and its waiting counts.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) connections: u32,
    /// Requests that one HTTP/2 connection carries at a time.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) streams: u32,
    #[arg(long, value_parser = duration, default_value = "30s")]
    pub(crate) duration: Duration,
    #[arg(long, value_parser = duration, default_value = "2s")]
    pub(crate) warmup: Duration,
    #[command(flatten)]
    pub(crate) target: Target,
    #[command(flatten)]
    pub(crate) engine: Engine,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Args, Debug)]
pub(crate) struct Burst {
    /// Requests, all due at one instant.
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) count: u32,
    /// Connections that carry them (default: 100 requests each with HTTP/2, else one each).
    #[arg(long)]
    pub(crate) connections: Option<u32>,
    #[command(flatten)]
    pub(crate) target: Target,
    #[command(flatten)]
    pub(crate) engine: Engine,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Args, Debug)]
pub(crate) struct Idle {
    #[arg(long, default_value_t = 19_500, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) connections: u32,
    #[arg(long, value_parser = duration, default_value = "60s")]
    pub(crate) duration: Duration,
    /// Never send a byte; without it each connection makes one request first and then rests in keep-alive.
    #[arg(long)]
    pub(crate) silent: bool,
    #[command(flatten)]
    pub(crate) target: Target,
    /// Write what became of the connections here.
    #[arg(long)]
    pub(crate) json: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct Compare {
    #[arg(required = true, num_args = 1..)]
    pub(crate) reports: Vec<PathBuf>,
    /// Draw the reports into latency.svg and throughput.svg in this directory.
    #[arg(long)]
    pub(crate) svg: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct Interleave {
    /// A shell command that writes a report to the file named {json}.
    #[arg(long)]
    pub(crate) a: String,
    #[arg(long)]
    pub(crate) b: String,
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rounds: u32,
    /// Keep the reports here; a temporary directory otherwise.
    #[arg(long)]
    pub(crate) keep: Option<PathBuf>,
    /// Write the ratios here.
    #[arg(long)]
    pub(crate) json: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct Pgbench {
    /// Files that `pgbench --log` wrote.
    #[arg(required = true, num_args = 1..)]
    pub(crate) logs: Vec<PathBuf>,
    /// Redemptions that one transaction decides.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rows: u32,
    /// Left out of the figures at the beginning.
    #[arg(long, value_parser = duration, default_value = "2s")]
    pub(crate) warmup: Duration,
    /// The machine's load average before the run, for the report; the present one when not given.
    #[arg(long)]
    pub(crate) load_before: Option<f64>,
    /// The command that made the logs, for the report.
    #[arg(long, default_value = "pgbench")]
    pub(crate) command: String,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Args, Debug)]
pub(crate) struct Seed {
    /// The server, such as http://127.0.0.1:8080.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    pub(crate) url: String,
    /// The file with the operator's key; the server writes it into its data directory.
    #[arg(long, default_value = "data/admin.key")]
    pub(crate) operator_key_file: PathBuf,
    /// The tenant to make.
    #[arg(long, default_value = "load")]
    pub(crate) tenant: String,
    /// The tenant's key goes here, for `--key-file` of the other commands.
    #[arg(long, default_value = "load.key")]
    pub(crate) key_file: PathBuf,
    /// Members are load-000001 to this many.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) members: u32,
    /// Points of each member, in one lot.
    #[arg(long, default_value_t = 1_000_000_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    pub(crate) points: u64,
}
