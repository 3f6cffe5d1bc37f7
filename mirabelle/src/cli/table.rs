//! Aligned tables and lists of pairs, for people.

use serde_json::Value as Json;
use unicode_width::UnicodeWidthStr as _;

use super::output::plain;

/// Widest cell, columns; what is longer ends in `…`. The last column of a table is never cut.
const CELL_MAX: usize = 48;

/// A table: columns of text, numbers to the right.
pub(super) struct Table {
    heads: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
}

/// One cell.
pub(super) struct Cell {
    text: String,
    right: bool,
}

impl From<&Json> for Cell {
    fn from(json: &Json) -> Cell {
        Cell { text: said(json), right: json.is_number() }
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Cell {
        Cell { text: plain(&text), right: false }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Cell {
        text.to_owned().into()
    }
}

impl Table {
    /// A table with these heads and no row.
    pub(super) fn new(heads: &[&'static str]) -> Table {
        Table { heads: heads.to_vec(), rows: Vec::new() }
    }

    /// Adds a row of as many cells as there are heads.
    pub(super) fn row<C: Into<Cell>>(&mut self, cells: impl IntoIterator<Item = C>) {
        let row: Vec<Cell> = cells.into_iter().map(Into::into).collect();
        debug_assert_eq!(row.len(), self.heads.len());
        self.rows.push(row);
    }

    /// A table of members of JSON objects: (head, member's name or `a/b` for a member's member).
    pub(super) fn of(elements: &Json, columns: &[(&'static str, &str)]) -> Table {
        let mut table = Table::new(&columns.iter().map(|(head, _)| *head).collect::<Vec<_>>());
        for element in elements.as_array().into_iter().flatten() {
            table.row(
                columns.iter().map(|(_, name)| element.pointer(&format!("/{name}")).unwrap_or(&Json::Null)),
            );
        }
        table
    }

    /// The table as text, or `none` where it has no rows.
    pub(super) fn text(mut self, none: &str) -> String {
        if self.rows.is_empty() {
            return none.to_owned();
        }
        let last = self.heads.len() - 1;
        for row in &mut self.rows {
            for cell in &mut row[..last] {
                cell.text = cut(&cell.text);
            }
        }
        let width = |column: usize| {
            let cells = self.rows.iter().map(|row| row[column].text.width());
            cells.chain([self.heads[column].len()]).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.heads.len()).map(width).collect();
        let right: Vec<bool> = (0..self.heads.len()).map(|column| self.is_right(column)).collect();
        let line = |cells: &mut dyn Iterator<Item = &str>| {
            let padded = cells.enumerate().map(|(column, text)| pad(text, widths[column], right[column]));
            padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        let mut lines = vec![line(&mut self.heads.iter().copied())];
        lines.extend(self.rows.iter().map(|row| line(&mut row.iter().map(|cell| cell.text.as_str()))));
        lines.join("\n")
    }

    /// Whether a column holds numbers alone.
    fn is_right(&self, column: usize) -> bool {
        let told = || self.rows.iter().map(|row| &row[column]).filter(|cell| !cell.text.is_empty());
        told().all(|cell| cell.right) && told().next().is_some()
    }
}

/// Pairs of name and value, a line each; what is not known is left out.
pub(super) fn pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a Json)>) -> String {
    let told: Vec<(&str, String)> = pairs
        .into_iter()
        .map(|(name, value)| (name, said(value)))
        .filter(|(_, text)| !text.is_empty())
        .collect();
    let width = told.iter().map(|(name, _)| name.width()).max().unwrap_or(0);
    let lines: Vec<String> =
        told.iter().map(|(name, text)| format!("{}  {text}", pad(name, width, false))).collect();
    lines.join("\n")
}

/// Members of an object as pairs, by their own names.
pub(super) fn members<'a>(object: &'a Json, names: &[&'a str]) -> String {
    pairs(names.iter().map(|name| (*name, &object[*name])))
}

/// A value for people: a text as it is, `yes` and `no`, a list with commas, nothing for what is not known.
pub(super) fn said(json: &Json) -> String {
    match json {
        Json::Null => String::new(),
        Json::Bool(true) => "yes".to_owned(),
        Json::Bool(false) => "no".to_owned(),
        Json::String(text) => plain(text),
        Json::Array(elements) => elements.iter().map(said).collect::<Vec<_>>().join(", "),
        other => plain(&other.to_string()),
    }
}

fn pad(text: &str, width: usize, right: bool) -> String {
    let blank = " ".repeat(width.saturating_sub(text.width()));
    if right { format!("{blank}{text}") } else { format!("{text}{blank}") }
}

fn cut(text: &str) -> String {
    if text.width() <= CELL_MAX {
        return text.to_owned();
    }
    let mut short = String::new();
    for c in text.chars() {
        if short.width() + 3 > CELL_MAX {
            break;
        }
        short.push(c);
    }
    short + "…"
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_table_is_aligned_by_what_is_seen_and_numbers_stand_to_the_right() {
        let rows = json!([
            { "name": "日本", "points": 5, "of": { "what": "a" } },
            { "name": "x", "points": 1_041 },
        ]);
        let table = Table::of(&rows, &[("NAME", "name"), ("POINTS", "points"), ("WHAT", "of/what")]);
        assert_eq!(table.text("none"), "NAME  POINTS  WHAT\n日本       5  a\nx       1041");
        assert_eq!(Table::of(&json!([]), &[("A", "a")]).text("none yet"), "none yet");
    }

    #[test]
    fn a_long_cell_is_cut_and_the_last_one_never() {
        let long = "ü".repeat(60);
        let table = Table::of(&json!([{ "a": long, "b": long }]), &[("A", "a"), ("B", "b")]).text("");
        let line = table.lines().nth(1).unwrap();
        assert!(line.contains("ü…  ü") && line.ends_with(&long), "{line}");
    }

    #[test]
    fn control_characters_of_others_never_reach_the_terminal() {
        let table = Table::of(&json!([{ "a": "x\u{1b}[2J\ny" }]), &[("A", "a")]).text("");
        assert_eq!(table, "A\nx\u{fffd}[2J\u{fffd}y");
        assert!(!pairs([("a", &json!("\u{1b}c"))]).contains('\u{1b}'));
    }
}
