//! Aligned tables and lists of pairs, for people: as wide as the terminal, instants in this machine's time zone.

use serde_json::Value as Json;
use unicode_width::UnicodeWidthStr as _;

use super::output::{columns, plain};

/// Widest cell, columns; what is longer ends in `…`. The last column of a table is never cut.
const CELL_MAX: usize = 48;

/// The least that a table's last column gets; a terminal that has less gets the rows as blocks of pairs.
const LAST_MIN: usize = 16;

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
            table.row(columns.iter().map(|(_, name)| {
                let value = element.pointer(&format!("/{name}")).unwrap_or(&Json::Null);
                if is_instant(name) { Cell::from(&minute(value)) } else { value.into() }
            }));
        }
        table
    }

    /// The table as text, or `none` where it has no rows.
    pub(super) fn text(self, none: &str) -> String {
        self.text_within(none, columns())
    }

    /// The same in so many columns of a terminal; `None`: as wide as it is.
    fn text_within(mut self, none: &str, room: Option<usize>) -> String {
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
        let before: usize = widths[..last].iter().map(|width| width + 2).sum();
        let left = room.map(|room| room.saturating_sub(before));
        if left.is_some_and(|left| left < widths[last] && left < LAST_MIN) {
            return self.blocks();
        }
        let right: Vec<bool> = (0..self.heads.len()).map(|column| self.is_right(column)).collect();
        let line = |cells: &mut dyn Iterator<Item = &str>| {
            let padded = cells.enumerate().map(|(column, text)| pad(text, widths[column], right[column]));
            padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        let mut lines = vec![line(&mut self.heads.iter().copied())];
        for row in &self.rows {
            let mut parts = wrap(&row[last].text, left.unwrap_or(usize::MAX)).into_iter();
            let end = parts.next().unwrap_or_default();
            let cells = row[..last].iter().map(|cell| cell.text.as_str());
            lines.push(line(&mut cells.chain([end.as_str()])));
            lines.extend(parts.map(|part| format!("{:before$}{part}", "")));
        }
        lines.join("\n")
    }

    /// Each row as pairs, where there is no room for a table.
    fn blocks(&self) -> String {
        let block = |row: &Vec<Cell>| {
            let values: Vec<Json> = row.iter().map(|cell| Json::String(cell.text.clone())).collect();
            let heads: Vec<String> = self.heads.iter().map(|head| head.to_lowercase()).collect();
            pairs(heads.iter().map(String::as_str).zip(&values))
        };
        self.rows.iter().map(block).collect::<Vec<_>>().join("\n\n")
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
    let value = |name: &&str| if is_instant(name) { when(&object[*name]) } else { object[*name].clone() };
    let values: Vec<Json> = names.iter().map(value).collect();
    let words: Vec<String> = names.iter().map(|name| name.replace('_', " ")).collect();
    pairs(words.iter().map(String::as_str).zip(&values))
}

/// Whether a member of the API's JSON is an instant, by its name.
fn is_instant(name: &str) -> bool {
    let name = name.rsplit('/').next().unwrap_or_default();
    name.ends_with("_at") || matches!(name, "at" | "since" | "as_of")
}

/// An instant on the clock of this machine's time zone, to the second.
pub(super) fn when(instant: &Json) -> Json {
    on_the_clock(instant, "%Y-%m-%d %H:%M:%S %Z")
}

/// The same to the minute, for tables.
pub(super) fn minute(instant: &Json) -> Json {
    on_the_clock(instant, "%Y-%m-%d %H:%M %Z")
}

fn on_the_clock(instant: &Json, format: &str) -> Json {
    let at = instant.as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok());
    match at {
        Some(at) => Json::String(at.to_zoned(jiff::tz::TimeZone::system()).strftime(format).to_string()),
        None => instant.clone(),
    }
}

/// A text in lines of at most so many columns, broken between words; a longer word has a line of its own.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    if text.width() <= width {
        return vec![text.to_owned()];
    }
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.width() + 1 + word.width() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
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
    fn a_table_keeps_to_the_terminal_by_breaking_its_last_column_or_by_blocks() {
        let rows = json!([{ "a": "first", "b": 5, "c": "a rather long sentence that is told of it" }]);
        let table = || Table::of(&rows, &[("A", "a"), ("B", "b"), ("C", "c")]);
        let narrow = table().text_within("", Some(34));
        assert_eq!(narrow.lines().count(), 3, "{narrow}");
        assert!(narrow.lines().all(|line| line.width() <= 34), "{narrow}");
        assert_eq!(table().text_within("", Some(20)).lines().next(), Some("a  first"));
        assert_eq!(table().text_within("", None).lines().count(), 2);
    }

    #[test]
    fn an_instant_is_told_on_the_clock_and_what_is_none_stays() {
        let told = when(&json!("2026-06-15T09:00:05.000123Z"));
        let told = told.as_str().unwrap();
        assert!(told.len() > 20 && told.contains(":05 ") && !told.contains("000123"), "{told}");
        assert_eq!((when(&Json::Null), when(&json!("soon"))), (Json::Null, json!("soon")));
        assert!(
            members(&json!({ "closed_at": "2026-06-15T09:00:05Z" }), &["closed_at"])
                .starts_with("closed at  20")
        );
    }

    #[test]
    fn control_characters_of_others_never_reach_the_terminal() {
        let table = Table::of(&json!([{ "a": "x\u{1b}[2J\ny" }]), &[("A", "a")]).text("");
        assert_eq!(table, "A\nx\u{fffd}[2J\u{fffd}y");
        assert!(!pairs([("a", &json!("\u{1b}c"))]).contains('\u{1b}'));
    }
}
