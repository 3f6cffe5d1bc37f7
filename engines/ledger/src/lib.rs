//! The library above the log: the only code that appends to or reads `facts`.
//!
//! ```text
//!            appends                                     reads, below the durable end
//!  decider → Owner → Gate ──→ facts of a partition ──→ FactsReader ──→ Folded: claims and decisions that count
//!              ↑                                            │
//!              └───────── Seen: every record, its verdict ──┘
//! ```
//! * [`Fold`]: the one reading rule, a pure function. All readers agree, whatever was lost, late or repeated.
//! * [`Owner`]: the owner's side, a pure machine: when to claim, when to decide, when to forget what is in flight.
//! * [`Gate`]: encodes and appends what the owner may append. [`create_roots`]: how a log begins.
//! * [`FactsReader`]: follows a partition from its beginning or from a [`Checkpoint`], nowhere else.
//!
//! A decision exists when it was read back through this rule. No acknowledgement proves anything.

mod alarm;
mod append;
mod create;
mod error;
mod find;
mod fold;
mod head;
mod health;
mod known;
mod owner;
#[cfg(feature = "planted-bugs")]
pub mod planted;
mod reader;
mod seen;
pub mod suite;
mod view;

#[cfg(test)]
mod tests;

pub use alarm::Alarm;
pub use append::{Gate, OnUnclear, Prepared, TooLarge, command_append, prepare};
pub use create::{CreateError, create_roots, ensure_roots};
pub use error::ReaderError;
pub use find::{Sought, find_decision};
pub use fold::{Chain, FORMAT, Fold, Place, Verdict};
pub use head::{Checkpoint, Head, LastRecord};
pub use health::Health;
pub use owner::{Attempt, Effect, Now, Owner, OwnerAlarm, OwnerOptions, ReadBack, Turn, Why};
pub use reader::{FactsReader, ReaderOptions, Start};
pub use seen::{Counted, CountedView, Counts, Folded, FoldedView, Position, Seen, counted};
pub use view::{DecisionView, RecordView};
