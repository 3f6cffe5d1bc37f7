//! Closed and open loops: from the command line to a plan, from counts to a report.

use std::fs;
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::machine::{Clocks, Machine, Usage, open_files_max};
use crate::options::{Closed, Engine, Open, Target, Transport};
use crate::output::publish;
use crate::plan::{Mix, Pace, Plan, ProfileSettings};
use crate::processes;
use crate::report::{Figures, Percentiles, Report};
use crate::worker::Counted;

/// Requests that an HTTP/2 connection carries at a time unless told otherwise: every server allows so many.
const STREAMS: u32 = 100;

/// Files of a process beside its connections.
const OTHER_FILES: u64 = 40;

pub(crate) fn closed(options: &Closed) -> Result<bool> {
    let (connections, streams) =
        carriers(options.in_flight, options.connections, options.engine.transport())?;
    let (warmup, duration) = (options.warmup, options.duration);
    let pace = Pace::Closed { in_flight: options.in_flight, warmup, duration };
    let plan = plan(&options.target, &options.engine, pace, connections, streams)?;
    let measured = measure(&plan, &options.engine)?;
    let name = options.output.name.clone().unwrap_or_else(|| format!("closed {}", options.in_flight));
    let mut report = measured.report(&plan, &name, "closed");
    report.in_flight = Some(options.in_flight);
    publish(&report, &options.output)
}

pub(crate) fn open(options: &Open) -> Result<bool> {
    let http2 = options.engine.transport() == Transport::Http2;
    let streams = if http2 { options.streams } else { 1 };
    let (warmup, duration) = (options.warmup, options.duration);
    let pace = Pace::Open { rate: options.rate, arrivals: options.arrivals, warmup, duration };
    let plan = plan(&options.target, &options.engine, pace, options.connections, streams)?;
    let measured = measure(&plan, &options.engine)?;
    let name = options.output.name.clone().unwrap_or_else(|| format!("open {}/s", options.rate));
    let mut report = measured.report(&plan, &name, "open");
    report.rate = Some(options.rate);
    report.figures.lateness_us = Some(Percentiles::of(&measured.counted.first.lateness));
    publish(&report, &options.output)
}

/// How many connections carry `in_flight` requests, and how many each at a time.
pub(crate) fn carriers(in_flight: u32, connections: Option<u32>, transport: Transport) -> Result<(u32, u32)> {
    if transport == Transport::Http2 {
        let connections = connections.unwrap_or_else(|| in_flight.div_ceil(STREAMS)).min(in_flight);
        ensure!(connections > 0, "no connection carries nothing");
        return Ok((connections, in_flight.div_ceil(connections)));
    }
    ensure!(
        connections.is_none_or(|connections| connections == in_flight),
        "an HTTP/1.1 connection carries one request at a time; --http2 carries more"
    );
    Ok((in_flight, 1))
}

/// The whole run's plan.
pub(crate) fn plan(
    target: &Target,
    engine: &Engine,
    pace: Pace,
    connections: u32,
    streams: u32,
) -> Result<Plan> {
    let (address, authority) = resolve(&target.url)?;
    ensure!(
        connections >= engine.processes * engine.threads,
        "{connections} connections are fewer than {} threads",
        engine.processes * engine.threads
    );
    let each = u64::from(connections.div_ceil(engine.processes));
    let room = open_files_max().unwrap_or(u64::MAX).saturating_sub(OTHER_FILES);
    ensure!(
        each <= room,
        "{each} connections in one process are more than its limit of open files allows ({room}): use --processes {}",
        u64::from(connections).div_ceil(room.max(1))
    );
    let products = u16::try_from(target.products.len()).context("too many products")?;
    ensure!(products > 0 && products < u16::MAX, "a run needs products");
    Ok(Plan {
        address,
        authority,
        profile: profile(target)?,
        transport: engine.transport(),
        mix: Mix {
            members: target.members,
            products,
            max_quantity: target.max_quantity,
            overdraft_quantity: target.overdraft_quantity,
            duplicates: target.duplicates,
            overdrafts: target.overdrafts,
            hot_share: target.hot_account,
            hot_members: target.hot_members,
        },
        pace,
        connections,
        streams,
        threads: engine.threads,
        process: 0,
        processes: engine.processes,
        drain: engine.drain,
        retry: engine.retry,
        recheck: engine.recheck || matches!(pace, Pace::Burst { .. }),
        allow_busy: engine.allow_busy,
        run: rand::random(),
        seed: engine.seed,
    })
}

fn profile(target: &Target) -> Result<ProfileSettings> {
    let read = |path: &std::path::PathBuf| {
        fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()))
    };
    Ok(ProfileSettings {
        name: target.profile,
        connection: target.connection.clone(),
        body: target.body_file.as_ref().map(read).transpose()?,
        headers: target.headers.clone(),
        token: target.key_file.as_ref().map(read).transpose()?.map(|key| key.trim().to_owned()),
        products: target.products.clone(),
        overdraft_product: target.overdraft_product.clone(),
        wait: target.wait,
    })
}

/// The address and authority of `http://host:port`. Only loopback is a target: a load generator that is
/// pointed at a wrong name by mistake is an attack.
fn resolve(url: &str) -> Result<(SocketAddr, String)> {
    let authority =
        url.strip_prefix("http://").context("the URL must begin with http://")?.trim_end_matches('/');
    ensure!(!authority.contains('/'), "the URL is a server's, without a path");
    let with_port = if authority.rsplit(']').next().is_some_and(|end| end.contains(':')) {
        authority.to_owned()
    } else {
        format!("{authority}:80")
    };
    let mut addresses =
        with_port.to_socket_addrs().with_context(|| format!("could not resolve {authority}"))?;
    let address = addresses.next().with_context(|| format!("{authority} has no address"))?;
    ensure!(address.ip().is_loopback(), "{authority} is not on this machine's loopback");
    Ok((address, authority.to_owned()))
}

/// Counts of a run, with what it took.
pub(crate) struct Measured {
    pub(crate) counted: Counted,
    usage: Usage,
    machine: Machine,
}

pub(crate) fn measure(plan: &Plan, engine: &Engine) -> Result<Measured> {
    let machine = Machine::read();
    let mut clocks = Clocks::read(&engine.server_pids);
    // Connecting is left out of the processor time.
    let counted = processes::run(plan, || clocks = Clocks::read(&engine.server_pids))?;
    let usage = clocks.until_now(counted.client_seconds);
    Ok(Measured { counted, usage, machine })
}

impl Measured {
    pub(crate) fn report(&self, plan: &Plan, name: &str, mode: &str) -> Report {
        let (from, to) = plan.window();
        let figures = Figures::of(&self.counted.first, from, to, 1);
        let mut report = Report::new(name, mode, figures, self.usage.clone(), self.machine.clone());
        if plan.recheck {
            let repeats = Figures::of(&self.counted.repeats, Duration::ZERO, None, 1);
            report.fault(repeats.faults().into_iter().map(|fault| format!("repeating every key: {fault}")));
            report.repeats = Some(repeats);
            let shared = self.counted.first.shared_bodies();
            if shared > 0 {
                report.fault([format!("{shared} payments were answered with the body of another payment")]);
            }
        }
        report
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_is_a_target() {
        let (address, authority) = resolve("http://127.0.0.1:8080/").unwrap();
        assert_eq!((address.port(), authority.as_str()), (8080, "127.0.0.1:8080"));
        assert!(resolve("http://[::1]:9").is_ok());
        for url in ["http://192.0.2.7:80", "https://127.0.0.1", "127.0.0.1:80", "http://127.0.0.1:1/v1"] {
            assert!(resolve(url).is_err(), "{url}");
        }
    }

    #[test]
    fn requests_in_flight_are_carried_by_as_many_sockets_as_the_protocol_needs() {
        assert_eq!(carriers(20_000, None, Transport::Http2).unwrap(), (200, 100));
        assert_eq!(carriers(20_000, Some(150), Transport::Http2).unwrap(), (150, 134));
        assert_eq!(carriers(64, None, Transport::Raw).unwrap(), (64, 1));
        assert!(carriers(64, Some(8), Transport::Raw).is_err());
    }
}
