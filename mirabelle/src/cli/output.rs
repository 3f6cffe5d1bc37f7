//! Lines for people and for programs.

use std::io::Write as _;

/// A line on standard output; whoever closed it does not want it.
pub fn tell(line: &str) {
    writeln!(std::io::stdout(), "{line}").ok();
}

/// A line on standard error.
pub fn tell_error(line: &str) {
    writeln!(std::io::stderr(), "{line}").ok();
}

/// Text that may hold line ends of its own, on standard output.
pub(super) fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).ok();
    if !text.ends_with('\n') {
        out.write_all(b"\n").ok();
    }
    out.flush().ok();
}

/// Columns of the terminal that standard output is; `None` where it goes to a file or a program. `COLUMNS` counts before.
pub(super) fn columns() -> Option<usize> {
    let said =
        std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok()).filter(|columns| *columns > 0);
    said.or_else(|| Some(usize::from(console::Term::stdout().size_checked()?.1)))
}

/// Text of others on one line of a terminal: no control character reaches it.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
