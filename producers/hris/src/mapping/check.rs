use std::collections::BTreeSet;

use jiff::tz::TimeZoneDatabase;
use mirabelle_domain::MilestoneKind;

use super::{Mapping, OccurrencePart, Path};
use crate::dates::DateFormat;

/// Why a mapping can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} (mapping {at})")]
pub struct MappingFault {
    /// Where in the mapping, as a JSON pointer.
    pub at: String,
    /// What is wrong.
    pub what: &'static str,
}

/// Rules of a kind table, attributes, aliases, datasets, blanks: each at most so many.
const ENTRIES_MAX: usize = 1_000;
const KEYS_MAX: usize = 32;
const VARIANTS_MAX: usize = 32;

impl Mapping {
    /// Everything that is wrong with it, to be asked when it is drafted. An empty answer means that it can be used.
    pub fn faults(&self) -> Vec<MappingFault> {
        let mut faults = Vec::new();
        self.check_formats(&mut faults);
        self.check_milestone(&mut faults);
        self.check_variants(&mut faults);
        let mut fault = |wrong: bool, at: &str, what: &'static str| {
            if wrong {
                faults.push(MappingFault { at: at.to_owned(), what });
            }
        };
        fault(whole(&self.id), "/id", "the id is a field, not the whole item");
        fault(
            self.worker.is_none() && self.milestone.is_none() && self.hint.is_none(),
            "",
            "neither a worker nor a milestone is mapped, and rows are no hints",
        );
        fault(
            self.worker.as_ref().is_some_and(|worker| worker.fields.values().flatten().any(whole)),
            "/worker/fields",
            "a field is never the whole item",
        );
        let unknown = self.dataset.as_ref().is_some_and(|name| !self.datasets.contains_key(name));
        fault(unknown, "/dataset", "no such dataset in this mapping");
        let many = self.aliases.len() > ENTRIES_MAX
            || self.datasets.len() > ENTRIES_MAX
            || self.blanks.len() > ENTRIES_MAX
            || self.rows.len() > ENTRIES_MAX
            || self.hint.as_ref().is_some_and(|hint| hint.keys.len() > KEYS_MAX);
        fault(many, "", "a list of more than 1,000 entries");
        faults
    }

    fn check_formats(&self, faults: &mut Vec<MappingFault>) {
        let mut fault = |wrong: bool, at: String, what: &'static str| {
            if wrong {
                faults.push(MappingFault { at, what });
            }
        };
        fault(self.dates.is_empty(), "/dates".to_owned(), "at least one format of dates is needed");
        let epoch = self.stamp_dates.contains(&DateFormat::EpochMidnight);
        fault(epoch, "/stamp_dates".to_owned(), "an instant in milliseconds needs no format of dates");
        for (zone, at) in [(&self.stamp_zone, "/stamp_zone"), (&self.day_zone, "/day_zone")] {
            let wrong = zone.as_ref().is_some_and(|zone| TimeZoneDatabase::bundled().get(zone).is_err());
            fault(wrong, at.to_owned(), "not an IANA time zone");
        }
        let entity = self.hint.as_ref().map(|hint| hint.entity.as_str());
        let shown = |name: &str| (1..=96).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_graphic());
        fault(
            entity.is_some_and(|entity| !shown(entity)),
            "/hint/entity".to_owned(),
            "a name is 1 to 96 printable ASCII characters without spaces",
        );
        let trailer = self.csv.as_ref().and_then(|csv| csv.trailer.as_ref());
        fault(
            trailer.is_some_and(|trailer| trailer.count == 0 || trailer.first.is_empty()),
            "/csv/trailer".to_owned(),
            "the number of rows stands behind the first field, which tells the last line from a row",
        );
    }

    fn check_variants(&self, faults: &mut Vec<MappingFault>) {
        let mut names = BTreeSet::new();
        for (index, variant) in self.variants.iter().enumerate() {
            let at = |place: &str| format!("/variants/{index}{place}");
            let mut fault = |wrong: bool, place: &str, what: &'static str| {
                if wrong {
                    faults.push(MappingFault { at: at(place), what });
                }
            };
            let again = !names.insert(&variant.name) || variant.name.is_empty();
            fault(again, "/name", "a variant has a name that no other has");
            fault(!variant.mapping.variants.is_empty(), "/mapping/variants", "a variant has no variants");
            fault(index >= VARIANTS_MAX, "", "more than 32 variants");
            for MappingFault { at: place, what } in variant.mapping.faults() {
                faults.push(MappingFault { at: at(&format!("/mapping{place}")), what });
            }
        }
    }

    fn check_milestone(&self, faults: &mut Vec<MappingFault>) {
        let Some(milestone) = &self.milestone else { return };
        let mut fault = |wrong: bool, at: String, what: &'static str| {
            if wrong {
                faults.push(MappingFault { at, what });
            }
        };
        fault(milestone.code.is_empty(), "/milestone/code".to_owned(), "at least one path is needed");
        fault(
            milestone.effective.is_empty(),
            "/milestone/effective".to_owned(),
            "at least one path is needed",
        );
        fault(milestone.kinds.is_empty(), "/milestone/kinds".to_owned(), "at least one rule is needed");
        let many = milestone.kinds.len() > ENTRIES_MAX || milestone.attributes.len() > ENTRIES_MAX;
        fault(many, "/milestone".to_owned(), "a list of more than 1,000 entries");
        let mut seen = BTreeSet::new();
        for (index, rule) in milestone.kinds.iter().enumerate() {
            let at = |field: &str| format!("/milestone/kinds/{index}{field}");
            fault(
                !seen.insert((&rule.code, &rule.reason)),
                at(""),
                "a second rule for the same code and reason",
            );
            let needed = rule.kind.is_some() && rule.occurrence.is_empty();
            fault(needed, at("/occurrence"), "a kind needs what tells two of its milestones apart");
            let born = rule.kind == Some(MilestoneKind::Birthday);
            fault(
                born,
                at("/kind"),
                "birthdays come of the sealed birth date: a report of one would keep its day in clear for ever",
            );
            fault(rule.kind.is_none() && rule.retracts, at("/retracts"), "only a kind can be taken back");
            let bad_text = rule.occurrence.iter().any(|part| match part {
                OccurrencePart::Text(text) => {
                    text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic())
                }
                OccurrencePart::Value(_) | OccurrencePart::Date(_) | OccurrencePart::Year => false,
            });
            fault(bad_text, at("/occurrence"), "a fixed text is printable ASCII without spaces");
        }
    }
}

fn whole(path: &Path) -> bool {
    path.names().is_empty()
}
