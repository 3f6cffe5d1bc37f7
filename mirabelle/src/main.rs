//! The Mirabelle binary.
fn main() {}
