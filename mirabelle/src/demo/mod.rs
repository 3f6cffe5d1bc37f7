//! `mirabelle demo`: a day of twelve people in three HR systems, over HTTP as any customer would have it.
//!
//! ```text
//!   samples ─ dates moved to tomorrow ─▶ POST /v1/hris/… ─▶ a real server in this process, on a directory of its own
//!   story   ─ what has to come of them ──────────────────▶ compared with what the API says, number by number
//! ```
//! Nothing is looked up behind the API. The first thing that is not as expected ends the demo with an error that names
//! it.

mod api;
mod awards;
mod books;
mod days;
mod deliveries;
mod samples;
mod screen;
mod server;
mod setup;
mod spending;
mod story;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context as _, bail};
use mirabelle_domain::Timestamp;
use serde_json::json;

use api::{expect, text};
use days::Days;
use screen::{Ink, Screen, thousands};
use server::{Directory, Server};
use setup::{Cast, TENANT};

/// How the demo is run.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Keep everything in this directory, which must be new or empty; left out: a temporary one.
    #[arg(long)]
    pub data: Option<PathBuf>,
    /// Address of the API; if it is taken, a free port of the same host is used, and told.
    #[arg(long, default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// End when everything has been shown, verify the directory, and say by the exit code whether all was as expected.
    #[arg(long)]
    pub exit: bool,
}

/// Shows everything; then serves on until the process is asked to end, or, with `exit`, verifies the directory.
///
/// # Errors
/// The first thing that is not as expected, by name; and whatever keeps the server from running.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let (screen, began) = (Screen::of_process(), Instant::now());
    // The screen is the demo's: beside it only what fails is said.
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::ERROR)
        .with_writer(std::io::stderr)
        .try_init()
        .map_err(anyhow::Error::from_boxed)?;
    let directory = Directory::fresh(options.data.as_deref())?;
    let (listen, as_asked) = server::free(options.listen)?;
    // The admin port beside the API's, as by default; both free ones where that is taken.
    let beside = if listen.port() == 0 { 0 } else { listen.port().checked_add(1).unwrap_or(0) };
    let (admin, _) = server::free(SocketAddr::new(listen.ip(), beside))?;
    let server = Server::start(directory.path(), listen, admin)?;
    let days = Days::at(Timestamp(crate::engine::wall_clock()));
    opening(screen, &directory, &server, days);
    if !as_asked {
        screen.line(format!("  {} is taken; this is a free port instead.", options.listen));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("no runtime for the demo's requests")?;
    let told = runtime.block_on(tell(screen, &server, days));
    drop(runtime);
    let cast = match told {
        Ok(cast) => cast,
        Err(error) => {
            // What went wrong is told, not that ending the server went well.
            server.stop().ok();
            return Err(error);
        }
    };
    let seconds = began.elapsed().as_secs_f64();
    screen.line("");
    let all = screen.ink(Ink::Green, "Everything came out as expected");
    screen.line(format!("{all}, in {seconds:.1} s."));
    if options.exit {
        server.stop()?;
        return verify(screen, &directory);
    }
    closing(screen, &cast, &directory);
    server.serve_on()?;
    screen.line(match &directory {
        Directory::Own(_) => {
            "Ended. The temporary directory is gone, and with it everything in it.".to_owned()
        }
        Directory::Kept(path) => format!("Ended. Everything is kept in {}.", path.display()),
    });
    Ok(())
}

fn opening(screen: Screen, directory: &Directory, server: &Server, days: Days) {
    let title = screen.ink(Ink::Bold, "Mirabelle");
    screen.line(format!("{title}  a day of twelve people in three HR systems"));
    screen.line("           Everything goes over HTTP, as any customer would do it.");
    screen.line("");
    let kept = match directory {
        Directory::Own(_) => "             (temporary: it goes when the demo ends; --data DIR keeps one)",
        Directory::Kept(_) => "",
    };
    screen.line(format!("  directory  {}", directory.path().display()));
    if !kept.is_empty() {
        screen.line(kept);
    }
    screen.line(format!("  API        {}", server.url()));
    screen.line(format!("  health     http://{}/readyz and /metrics", server.admin));
    let day = format!(
        "{}. The samples tell of {}; their dates are moved to this day. It lies ahead; step 4 tells the server that it has come, so that the story is always the same. The instants in the API are real: a birthday of that day is paid today.",
        days::long(days.story),
        days::long(days::told()),
    );
    for (index, part) in screen::wrap(&day, screen::WIDTH - 13).iter().enumerate() {
        let name = if index == 0 { "the day" } else { "" };
        screen.line(format!("  {name:<11}{part}"));
    }
}

/// The whole story.
async fn tell(screen: Screen, server: &Server, days: Days) -> anyhow::Result<Cast> {
    screen.heading("1  A tenant is set up");
    let cast = setup::set_up(screen, &server.url(), &server.operator, days.story).await?;
    screen.heading("2  The HR systems deliver (files of schemas/samples/hris/demo)");
    deliveries::deliver(screen, &cast, days).await?;
    screen.heading("3  And again, and wrongly, as in real life");
    deliveries::trouble(screen, &cast, days).await?;
    let today = days.story.to_string();
    screen.heading(&format!("4  The day comes: POST /v1/clock/run {{\"today\":\"{today}\"}}"));
    let heard = cast.admin.post("/v1/clock/run", &json!({ "today": today }), 202).await?;
    expect("the day that the clock takes as come", text(&heard, "/today")?, today.as_str())?;
    screen.aside(
        2,
        "What was dated ahead is awarded. No HR system reports anniversaries and birthdays: Mirabelle's clock derives them from hire and birth dates.",
    );
    awards::show(screen, &cast).await?;
    screen.heading("5  The HR system takes a spot award back");
    deliveries::rescind(screen, &cast, days).await?;
    awards::taken_back(screen, &cast).await?;
    screen.heading("6  Points become rewards");
    let orders = spending::spend(screen, &cast).await?;
    screen.heading("7  The books, each sum added up from the API");
    books::balance(screen, &cast, &orders).await?;
    Ok(cast)
}

fn verify(screen: Screen, directory: &Directory) -> anyhow::Result<()> {
    let report =
        crate::verify::directory(directory.path(), None).context("could not verify the directory")?;
    for difference in &report.differences {
        screen.line(screen.ink(Ink::Red, &difference.to_string()));
    }
    if !report.holds() {
        let more = usize::try_from(report.more).unwrap_or(usize::MAX);
        bail!("the directory does not verify: {} differences", report.differences.len().saturating_add(more));
    }
    let number = |of: u64| thousands(i64::try_from(of).unwrap_or(i64::MAX));
    screen.line(format!(
        "Verified: {} records, {} decisions, {} accounts, {} rows; everything holds.",
        number(report.records),
        number(report.decisions),
        number(report.accounts),
        number(report.rows),
    ));
    Ok(())
}

/// Commands to try, which work as they are printed: the keys open a sandbox, and only while this server runs.
fn closing(screen: Screen, cast: &Cast, directory: &Directory) {
    let (url, analyst, app) = (&cast.url, &cast.analyst.key, &cast.app.key);
    screen.heading("Serving on. To try, in another terminal:");
    for (why, path, lines) in [
        ("why Bruno Castel got so little", "/v1/members/00704/explain", Vec::new()),
        (
            "Gopal Nair plants a tree; sent twice, it is planted once: idempotency-replayed: true",
            "/v1/redemptions",
            vec![
                "-H 'Idempotency-Key: my-first' -H 'Content-Type: application/json'".to_owned(),
                "-d '{\"member\":\"DBX0202\",\"lines\":[{\"product\":\"tree\"}]}'".to_owned(),
            ],
        ),
        ("what he has now, and from what", "/v1/members/DBX0202/statement", Vec::new()),
    ] {
        let key = if lines.is_empty() { analyst } else { app };
        screen.line("");
        screen.aside(0, &format!("# {why}"));
        // An answer is one line of JSON without an end; what was sent before shows in a header.
        let shown = if lines.is_empty() { "-s" } else { "-s -i" };
        screen.line(format!("curl {shown} -w '\\n' {url}{path} \\"));
        let bearer = format!("  --oauth2-bearer {key}");
        let (last, rest) =
            lines.split_last().map_or((None, [].as_slice()), |(last, rest)| (Some(last), rest));
        match last {
            None => screen.line(bearer),
            Some(last) => {
                screen.line(format!("{bearer} \\"));
                rest.iter().for_each(|line| screen.line(format!("  {line} \\")));
                screen.line(format!("  {last}"));
            }
        }
    }
    screen.line("");
    let kept = match directory {
        Directory::Own(_) => String::new(),
        Directory::Kept(path) => {
            format!(
                "`mirabelle serve --data {0}` and `mirabelle verify --data {0}` go on from here.",
                path.display()
            )
        }
    };
    screen.line(format!("The tenant is `{TENANT}`; docs/journey.md tells the same by hand. Ctrl-C ends it,"));
    screen.line(match directory {
        Directory::Own(_) => "and its temporary directory goes with it.",
        Directory::Kept(_) => "and its directory stays:",
    });
    if !kept.is_empty() {
        screen.line(kept);
    }
}
