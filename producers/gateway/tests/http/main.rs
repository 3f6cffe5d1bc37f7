//! The door over real sockets, with the real roles behind it.

mod client;
mod door;
mod reads;
mod world;
