//! The seam to whoever shares partitions out among processes.

use std::sync::mpsc::SyncSender;

use crate::Partition;

/// What membership says to a role, through a channel. It says who *should* work on a partition; who *may* is decided by
/// claims in the log, so that a word that is late or wrong costs time and nothing else.
///
/// ```text
///  Gained ─→ work ─→ Losing, settle, answer ─→ Lost      handed over
///  Gained ─→ work ─→ Lost                                taken away: others may be at work already
/// ```
/// The embedded engine has one process: it gains everything and loses nothing.
#[derive(Debug)]
pub enum Membership {
    /// Work on this partition.
    Gained(Partition),
    /// Finish what is in flight there, then answer. Nobody waits for ever: `Lost` follows in any case. An answer that finds
    /// nobody is no mistake.
    Losing(Partition, SyncSender<()>),
    /// It is gone.
    Lost(Partition),
}
