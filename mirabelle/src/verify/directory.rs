//! `verify` over a data directory that no process has open.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use mirabelle_log::Log as _;
use mirabelle_log_embedded::{EmbeddedLog, OpenError};
use mirabelle_store::Store as _;
use mirabelle_store_embedded::EmbeddedStore;

use super::beside::Beside;
use super::{Folding, Report, Scratch, fold_and_compare};
use crate::engine::{GENERATION, Places, wall_clock};

/// Checks a directory. The log is only read; its own checks come first. Scratch files lie in the directory itself, or in
/// `scratch`, while it runs.
///
/// # Errors
/// When a file can't be opened, or there is no room for the scratch files.
pub fn directory(data: &Path, scratch: Option<&Path>) -> anyhow::Result<Report> {
    // The databases panic on some damage, also while they are closed: that is a finding, not an end.
    catch_unwind(AssertUnwindSafe(|| checked(data, scratch.unwrap_or(data)))).unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().map(String::as_str);
        let said = said.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no reason given");
        let mut report = Report::default();
        let what = format!("a database's own pages are damaged, and reading them panicked: {said}");
        report.differs("directory", format!("rows.redb, ids.redb or keys in {}", data.display()), what);
        Ok(report)
    })
}

/// What to do about damage.
const DAMAGED: &str = "nothing was changed and the rest was not looked at; keep a copy of the directory as it is, then \
                       restore log/ from a backup";

fn checked(data: &Path, scratch: &Path) -> anyhow::Result<Report> {
    let places = Places { root: data.to_owned() };
    let options = mirabelle_log_embedded::Options::new(Arc::new(wall_clock));
    let log = match EmbeddedLog::open_offline(places.log(), options) {
        Ok(log) => log,
        // Damage is what is looked for; what can't be opened for another reason was not looked at.
        Err(OpenError::Damaged { fault }) => {
            let mut report = Report::default();
            report.differs("log", places.log().display().to_string(), format!("{fault}; {DAMAGED}"));
            return Ok(report);
        }
        Err(error) => return Err(error).context("could not open the log"),
    };
    let mut report = Report::default();
    let checked = log.check_all();
    // Whoever was answered for that write has to be told: nothing else does.
    let torn = |torn| format!("{}: {torn}", places.log().display());
    report.notes.extend(checked.torn.map(torn));
    for fault in checked.faults {
        report.differs("log", fault.to_string(), "bytes that were once durable do not check");
    }
    let scratch = Scratch::beside(&places, scratch, log.id())?;
    let folding = Folding::with(Beside::open(&places, &log, &mut report), scratch);
    if !places.rows().exists() {
        return Ok(fold_and_compare(&log, None, folding, report));
    }
    let store = EmbeddedStore::open(&places.rows(), log.id(), Default::default())
        .context("could not open the rows")?;
    let name = GENERATION.parse().expect("a generation's name");
    let generations = store.generations().context("could not list the generations of rows")?;
    if !generations.iter().any(|generation| generation.name == name) {
        report.rows_of_another_release = true;
        return Ok(fold_and_compare(&log, None, folding, report));
    }
    let rows = store.open(&name).context("could not open the rows")?;
    Ok(fold_and_compare(&log, Some(rows.as_ref()), folding, report))
}
