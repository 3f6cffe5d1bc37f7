//! The embedded engine of rows and of the index of ids: redb as the file, sorted runs as the layout.
//!
//! A file here may be deleted at any time while nothing has it open; it is rebuilt from `facts`. See
//! [`EmbeddedStore`] and [`EmbeddedIds`]; `docs/decisions` says why rows do not lie in redb's own tree.

mod block;
mod engine;
mod file;
mod flush;
mod ids;
mod load;
mod merge;
mod merger;
mod read;
mod run;
mod store;

pub use engine::Options;
pub use file::FORMAT_KNOWN;
pub use ids::EmbeddedIds;
pub use store::{EmbeddedStore, Usage};
