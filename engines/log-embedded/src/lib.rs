//! The embedded engine of the log: one directory, one process, one `fdatasync` for a command and its decision.
//!
//! ```text
//! DIR/log                        what the directory is (text)
//! DIR/lock                       held while a process has it open
//! DIR/0000000000000006.sealed    a full segment, compressed
//! DIR/0000000000000007.raw       the segment being written
//! DIR/0000000000000008.raw       zeros, ready
//! ```
//! `frame.rs` and `sealed.rs` hold the formats, `recover.rs` what opening does, `writer.rs` the way to the disk.

mod block;
mod check;
mod core;
mod cursor;
mod draft;
mod error;
mod files;
mod frame;
mod log;
mod meta;
mod options;
mod prepare;
mod queue;
mod reader;
mod recover;
mod scan;
mod seal;
mod sealed;
mod segments;
mod tail;
mod writer;

pub use check::CheckReport;
pub use error::{Fatal, Fault, OpenError};
pub use files::{File, Files, Lock, OsFiles};
pub use log::EmbeddedLog;
pub use meta::FORMAT;
pub use options::{Clock, OnFatal, OnPoint, Options, Point};

#[cfg(test)]
mod tests;
