//! The library above the log: the only code that appends to or reads `facts`.
//!
//! ```text
//!            appends                                     reads, below the durable end
//!  decider → Owner → Gate ──→ facts of a partition ──→ FactsReader ──→ Folded: claims and decisions that count
//!              ↑                                            │
//!              └───────── Seen: every record, its verdict ──┘
//! ```
//! * [`Fold`]: the one reading rule, a pure function. All readers agree, whatever was lost, late or repeated.
//! * [`FactsReader`]: follows a partition from its beginning or from a [`Checkpoint`], nowhere else.
//!
//! A decision exists when it was read back through this rule. No acknowledgement proves anything.

mod alarm;
mod error;
mod fold;
mod head;
mod known;
mod owner;
mod reader;
mod view;

pub use alarm::Alarm;
pub use error::ReaderError;
pub use fold::{Chain, FORMAT, Fold, Place, Verdict};
pub use head::{Checkpoint, Head, LastRecord};
pub use owner::{Attempt, Effect, Now, Owner, OwnerAlarm, OwnerOptions, ReadBack, Turn, Why};
pub use reader::{Counted, Counts, FactsReader, Folded, Position, ReaderOptions, Seen, Start, counted};
pub use view::{DecisionView, RecordView};
