//! Connections that are open and silent while another run measures.

use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::task::LocalSet;

use crate::http1;
use crate::link::connect;
use crate::machine::open_files_max;
use crate::options::{Engine, Idle, Transport};
use crate::output::print;
use crate::plan::{Pace, Plan};
use crate::profile::Profile;
use crate::run::plan;
use crate::wish::Drawer;

/// What became of the connections.
#[derive(Debug, Serialize)]
struct Held {
    opened: u32,
    opened_in_s: f64,
    open_at_end: u32,
    /// Seconds after the last was opened at which the server closed one for the first time.
    first_closed_after_s: Option<f64>,
}

pub(crate) fn run(options: &Idle) -> Result<bool> {
    let engine = Engine {
        transport: Transport::Raw,
        http2: false,
        threads: 1,
        processes: 1,
        drain: Duration::ZERO,
        retry: false,
        recheck: false,
        allow_busy: false,
        server_pids: Vec::new(),
        seed: 1,
    };
    let pace = Pace::Burst { count: options.connections };
    let plan = plan(&options.target, &engine, pace, options.connections, 1)
        .with_context(|| format!("this process may open {:?} files", open_files_max()))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let held = LocalSet::new().block_on(&runtime, hold(&plan, options))?;
    let closed = held
        .first_closed_after_s
        .map_or_else(String::new, |after| format!("; the server closed the first after {after:.1} s"));
    print(&format!(
        "{} connections opened in {:.1} s, {} open at the end{closed}\n",
        held.opened, held.opened_in_s, held.open_at_end
    ))?;
    if let Some(path) = &options.json {
        std::fs::write(path, serde_json::to_string(&held)? + "\n")
            .with_context(|| format!("could not write {}", path.display()))?;
    }
    Ok(held.open_at_end == held.opened)
}

async fn hold(plan: &Plan, options: &Idle) -> Result<Held> {
    let profile = Profile::new(&plan.profile, &plan.authority, plan.run, false)?;
    let mut drawer = Drawer::new(plan.mix, plan.seed, 0);
    let began = Instant::now();
    let mut streams = Vec::new();
    for _ in 0..plan.connections {
        let mut stream = connect(plan.address).await?;
        if !options.silent {
            greet(&mut stream, &profile, &mut drawer).await?;
        }
        streams.push(stream);
    }
    let opened = Instant::now();
    print(&format!("{} connections are open\n", streams.len()))?;
    let until = opened + options.duration;
    let first_closed = Rc::new(std::cell::Cell::new(None));
    let watchers: Vec<_> = streams
        .into_iter()
        .map(|stream| tokio::task::spawn_local(watch(stream, until, Rc::clone(&first_closed))))
        .collect();
    let mut open_at_end = 0;
    for watcher in watchers {
        open_at_end += u32::from(watcher.await.context("a watcher panicked")?);
    }
    Ok(Held {
        opened: plan.connections,
        opened_in_s: (opened - began).as_secs_f64(),
        open_at_end,
        first_closed_after_s: first_closed.get().map(|at: Instant| (at - opened).as_secs_f64()),
    })
}

/// One request, so that the connection rests in keep-alive and not in a handshake that the server may end.
async fn greet(stream: &mut TcpStream, profile: &Profile, drawer: &mut Drawer) -> Result<()> {
    let (mut body, mut request, mut input) = (Vec::new(), Vec::new(), Vec::new());
    profile.render_http1(drawer.draw().wish, &mut body, &mut request);
    tokio::io::AsyncWriteExt::write_all(stream, &request).await?;
    loop {
        ensure!(stream.read_buf(&mut input).await? > 0, "the server closed a connection without an answer");
        if let Some((answer, _)) = http1::read(&input)? {
            ensure!(answer.status < 500 && answer.status != 404, "answered {}", answer.status);
            return Ok(());
        }
    }
}

/// Whether the connection is still open at `until`.
async fn watch(
    mut stream: TcpStream,
    until: Instant,
    first_closed: Rc<std::cell::Cell<Option<Instant>>>,
) -> bool {
    let mut unasked = [0_u8; 256];
    let end = async {
        // Whatever a server says unasked, such as a 408, comes before it closes.
        while stream.read(&mut unasked).await.is_ok_and(|length| length > 0) {}
    };
    let open = tokio::time::timeout_at(until.into(), end).await.is_err();
    if !open && first_closed.get().is_none() {
        first_closed.set(Some(Instant::now()));
    }
    open
}
