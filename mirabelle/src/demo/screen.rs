//! What a person sees: at most 80 columns, colour only on a terminal that wants it.

use std::io::{IsTerminal as _, Write as _};

/// Widest line.
pub(super) const WIDTH: usize = 80;

/// Standard output.
#[derive(Clone, Copy, Debug)]
pub(super) struct Screen {
    colour: bool,
}

/// How a text stands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ink {
    Bold,
    Dim,
    Green,
    Red,
}

impl Ink {
    fn code(self) -> &'static str {
        match self {
            Ink::Bold => "1",
            Ink::Dim => "2",
            Ink::Green => "32",
            Ink::Red => "31",
        }
    }
}

/// A column of a table: its heading and width; the last one takes what is left.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    pub(super) title: &'static str,
    pub(super) width: usize,
    pub(super) right: bool,
}

/// A column of text.
pub(super) const fn left(title: &'static str, width: usize) -> Column {
    Column { title, width, right: false }
}

/// A column of numbers.
pub(super) const fn right(title: &'static str, width: usize) -> Column {
    Column { title, width, right: true }
}

impl Screen {
    /// The screen of this process. `NO_COLOR` is respected.
    pub(super) fn of_process() -> Screen {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        Screen { colour: std::io::stdout().is_terminal() && !unwanted && !dumb }
    }

    /// A line; whoever closed the screen does not want it.
    pub(super) fn line(self, text: impl AsRef<str>) {
        writeln!(std::io::stdout(), "{}", text.as_ref().trim_end()).ok();
    }

    /// A heading, with room above it.
    pub(super) fn heading(self, text: &str) {
        self.line("");
        self.line(self.ink(Ink::Bold, text));
    }

    /// Something that was expected, and is so.
    pub(super) fn ok(self, text: &str) {
        for (index, part) in wrap(text, WIDTH - 4).iter().enumerate() {
            let sign = if index == 0 { self.ink(Ink::Green, "✓") } else { " ".to_owned() };
            self.line(format!("  {sign} {part}"));
        }
    }

    /// Something for whoever wants to know more.
    pub(super) fn aside(self, indent: usize, text: &str) {
        for part in wrap(text, WIDTH - indent) {
            self.line(format!("{:indent$}{}", "", self.ink(Ink::Dim, &part)));
        }
    }

    /// The headings of a table.
    pub(super) fn head(self, columns: &[Column]) {
        let titles: Vec<String> = columns.iter().map(|column| column.title.to_owned()).collect();
        self.line(format!("  {}", self.ink(Ink::Dim, &cells(columns, &titles))));
    }

    /// A row of a table.
    pub(super) fn row(self, columns: &[Column], texts: &[String]) {
        self.line(format!("  {}", cells(columns, texts)));
    }

    /// A text in an ink, where there is colour.
    pub(super) fn ink(self, ink: Ink, text: &str) -> String {
        if self.colour { format!("\x1b[{}m{text}\x1b[0m", ink.code()) } else { text.to_owned() }
    }
}

fn cells(columns: &[Column], texts: &[String]) -> String {
    let mut out = String::new();
    for (column, text) in columns.iter().zip(texts) {
        let pad = column.width.saturating_sub(text.chars().count());
        let (before, after) = if column.right { (pad, 0) } else { (0, pad) };
        out.push_str(&format!("{:before$}{text}{:after$}  ", "", ""));
    }
    out.trim_end().to_owned()
}

/// A text in lines of at most `width` characters, broken between words; a longer word has a line of its own.
/// What fits stays as it is.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    if text.chars().count() <= width {
        return vec![text.to_owned()];
    }
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// `8150` as `8,150`.
pub(super) fn thousands(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if number < 0 { format!("-{out}") } else { out }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_in_groups_of_three() {
        for (number, text) in [(0, "0"), (999, "999"), (8_150, "8,150"), (-1_000_000, "-1,000,000")] {
            assert_eq!(thousands(number), text);
        }
    }

    #[test]
    fn a_long_text_is_broken_between_words_and_keeps_them_all() {
        let text = "a condition of the campaign does not hold: attributes.rating at_least 5: found \"4\"";
        let lines = wrap(text, 30);
        assert!(lines.len() > 2 && lines.iter().all(|line| line.chars().count() <= 30), "{lines:?}");
        assert_eq!(lines.join(" "), text);
        assert_eq!(wrap("budget   10 = 4 + 6", 30), ["budget   10 = 4 + 6"]);
    }

    #[test]
    fn a_row_keeps_its_columns_whatever_their_alignment() {
        let columns = [left("person", 6), right("points", 7)];
        assert_eq!(cells(&columns, &["Asha".to_owned(), "500".to_owned()]), "Asha        500");
    }
}
