//! What can be seen without servers.

mod changes;
mod statements;
mod urls;
