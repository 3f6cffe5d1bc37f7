//! `ingest`

mod delivery;
mod told;

use std::path::PathBuf;

use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::failure::{Exit, Failure};
use super::output::tell_error;
use super::remote::{Remote, Session};
use crate::client::{Call, segment};
use delivery::Delivery;
use told::Sums;

/// Arguments of `ingest`.
#[derive(Args)]
#[command(
    after_help = "Exit code 3: something went to the dead letters, was refused, or could not be sent, and the \
rest was taken. A delivery may be sent again: what was recorded counts once."
)]
pub(super) struct Arguments {
    /// The deliveries, each as the HR system sends it; `-` is standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The connection that they come by.
    #[arg(long)]
    connection: String,
    /// Say what each item would be; record nothing.
    #[arg(long)]
    dry_run: bool,
    /// The variant of the connection's mapping that reads the files, such as a report by its name; left out: what they
    /// hold tells it.
    #[arg(long, value_name = "NAME")]
    variant: Option<String>,
    /// The dataset that the files are, of those in the connection's mapping, such as inactive.
    #[arg(long, value_name = "NAME")]
    dataset: Option<String>,
    /// Content type of all files; left out: by the ending of the name, else by the first character.
    #[arg(long, value_name = "TYPE")]
    content_type: Option<String>,
    /// Seconds in which decisions are waited for, so that what the rules refuse is told; 0: not at all.
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u32).range(0..=30))]
    wait: u32,
    #[command(flatten)]
    remote: Remote,
}

pub(super) fn run(arguments: Arguments) -> Result<Exit, Failure> {
    if arguments.files.iter().filter(|file| file.as_os_str() == "-").count() > 1 {
        return Err(Failure::usage("standard input can be read once: name `-` once"));
    }
    let session = arguments.remote.session()?;
    let bar = progress(arguments.files.len());
    let mut sums = Sums::default();
    let mut first: Option<Failure> = None;
    for (index, file) in arguments.files.iter().enumerate() {
        bar.set_message(file.display().to_string());
        let delivered = Delivery::read(file, arguments.content_type.as_deref())
            .and_then(|delivery| send(&session, &arguments, &delivery));
        let name = file.display().to_string();
        bar.inc(1);
        match delivered {
            Ok(answer) => bar.suspend(|| sums.add(&name, &answer, session.json)),
            Err(failure) => {
                let all = is_about_all(&failure);
                if arguments.files.len() > 1 {
                    bar.suspend(|| told::failed(&name, &failure));
                }
                sums.failed += if all { arguments.files.len() - index } else { 1 };
                first.get_or_insert(failure);
                if all {
                    break;
                }
            }
        }
    }
    bar.finish_and_clear();
    finish(sums, first, session.json, arguments.files.len())
}

fn finish(sums: Sums, first: Option<Failure>, json: bool, files: usize) -> Result<Exit, Failure> {
    match first {
        Some(failure) if files == 1 => return Err(failure),
        _ => {}
    }
    if !json || files > 1 {
        tell_error(&sums.text());
    }
    Ok(match sums.delivered {
        0 => Exit::Failed,
        _ if sums.is_whole() => Exit::Done,
        _ => Exit::Partial,
    })
}

fn progress(files: usize) -> ProgressBar {
    if files < 2 {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(u64::try_from(files).ok(), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed} {wide_msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

fn send(session: &Session, arguments: &Arguments, delivery: &Delivery) -> Result<told::Answer, Failure> {
    let path = format!("/v1/hris/{}", segment(&arguments.connection));
    // Natural keys make a repeat harmless: what was recorded counts once.
    let mut call = Call::deliver(path, delivery.content_type.clone(), delivery.bytes.clone())
        .query_option("variant", arguments.variant.as_deref())
        .query_option("dataset", arguments.dataset.as_deref())
        .accept("application/json")
        .repeatable();
    if arguments.dry_run {
        call = call.query("dry_run", "true");
    } else if arguments.wait > 0 {
        call = call.wait(arguments.wait);
    }
    let reply = session.send(call)?;
    let body = session.body(&reply)?;
    Ok(told::Answer { body, bytes: reply.body })
}

/// Whether the next file would meet the same failure.
fn is_about_all(failure: &Failure) -> bool {
    match failure {
        Failure::Api { error, .. } => error.problem().is_none_or(|problem| problem.status != 413),
        Failure::Usage(_) | Failure::Other(_) => false,
    }
}
