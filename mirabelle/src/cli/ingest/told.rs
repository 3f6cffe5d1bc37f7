//! What became of deliveries, told.

use bytes::Bytes;
use serde_json::Value as Json;

use crate::cli::failure::Failure;
use crate::cli::output::{print, tell, tell_error};
use crate::cli::table::said;

/// The API's answer to one delivery.
pub(super) struct Answer {
    pub(super) body: Json,
    pub(super) bytes: Bytes,
}

/// What became of all items so far.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Sums {
    /// Files that were answered.
    pub(super) delivered: usize,
    /// Files that were not.
    pub(super) failed: usize,
    accepted: u64,
    duplicate: u64,
    ignored: u64,
    dead_letter: u64,
    refused: u64,
}

impl Sums {
    /// Tells an answer, and adds it up.
    pub(super) fn add(&mut self, file: &str, answer: &Answer, json: bool) {
        self.count(&answer.body);
        if json {
            print(&String::from_utf8_lossy(&answer.bytes));
            return;
        }
        for item in answer.body["items"].as_array().into_iter().flatten() {
            tell(&line(file, item));
        }
    }

    fn count(&mut self, body: &Json) {
        self.delivered += 1;
        let count = |name: &str| body["counts"][name].as_u64().unwrap_or(0);
        self.accepted += count("accepted");
        self.duplicate += count("duplicate");
        self.ignored += count("ignored");
        self.dead_letter += count("dead_letter");
        self.refused += count("refused");
    }

    /// Whether nothing needs anybody's look.
    pub(super) fn is_whole(&self) -> bool {
        self.failed == 0 && self.dead_letter == 0 && self.refused == 0
    }

    /// One line for people.
    pub(super) fn text(&self) -> String {
        let items = [
            (self.accepted, "accepted"),
            (self.duplicate, "known already"),
            (self.ignored, "ignored"),
            (self.dead_letter, "to the dead letters"),
            (self.refused, "refused"),
        ];
        let told =
            items.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
        let mut parts: Vec<String> = told.collect();
        if parts.is_empty() {
            parts.push("no items".to_owned());
        }
        if self.failed > 0 {
            parts.push(format!("{} file(s) not delivered", self.failed));
        }
        parts.join(", ")
    }
}

/// An item of a delivery.
fn line(file: &str, item: &Json) -> String {
    let mut text = format!("{file} [{}] {}", item["index"], said(&item["status"]));
    for member in ["what", "id", "reason"] {
        let told = said(&item[member]);
        if !told.is_empty() {
            text.push_str(&format!(" {told}"));
        }
    }
    match said(&item["detail"]) {
        detail if detail.is_empty() => text,
        detail => format!("{text}: {detail}"),
    }
}

/// A file that was not delivered.
pub(super) fn failed(file: &str, failure: &Failure) {
    tell_error(&format!("{file} was not delivered:"));
    failure.tell();
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_went_to_the_dead_letters_or_was_not_sent_makes_a_delivery_partial() {
        let mut sums = Sums::default();
        sums.count(&json!({ "counts": { "accepted": 3, "duplicate": 2, "ignored": 1 } }));
        assert!(sums.is_whole());
        assert_eq!(sums.text(), "3 accepted, 2 known already, 1 ignored");
        sums.count(&json!({ "counts": { "dead_letter": 1 } }));
        assert!(!sums.is_whole());
        let mut sums = Sums { failed: 2, ..Sums::default() };
        assert!(!sums.is_whole());
        assert_eq!(sums.text(), "no items, 2 file(s) not delivered");
        sums.count(&json!({ "counts": { "refused": 4 } }));
        assert_eq!(sums.text(), "4 refused, 2 file(s) not delivered");
    }

    #[test]
    fn an_item_is_a_line_with_what_it_became_and_why() {
        let item = json!({ "index": 3, "status": "dead_letter", "id": "EV-1041", "reason": "no_date", "detail": "give a day" });
        assert_eq!(line("a.xml", &item), "a.xml [3] dead_letter EV-1041 no_date: give a day");
    }
}
