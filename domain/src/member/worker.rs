//! What of a worker's state decisions depend on, packed.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::command::ReportWorker;
use crate::fact::WorkerRecorded;
use crate::ids::Occurrence;
use crate::time::{Day, Timestamp};
use crate::worker::{MilestoneKind, WorkerState, WorkerStatus};

use super::draft::Draft;
use super::{Member, milestone};

/// No source has said when.
const UNSAID: Timestamp = Timestamp(i64::MIN);

/// The worker as last reported. What is personal, and what only the clock asks for, is in the log, not here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Worker {
    /// The latest change that a source dated, never later than when it was taken in: a source whose clock is ahead
    /// can't shut out its own later states.
    changed_at: Timestamp,
    /// The first day here of all that were reported.
    pub(super) first_day: Option<Day>,
    pub(super) last_day: Option<Day>,
    pub(super) status: WorkerStatus,
    texts: Texts,
}

/// Fields of a worker that conditions may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Department,
    CostCentre,
    WorkerType,
    Company,
    Country,
    Location,
}

impl Field {
    /// The field of a condition's name.
    pub(super) fn named(name: &str) -> Option<Field> {
        Some(match name {
            "department" => Field::Department,
            "cost_centre" => Field::CostCentre,
            "worker_type" => Field::WorkerType,
            "company" => Field::Company,
            "country" => Field::Country,
            "location" => Field::Location,
            _ => return None,
        })
    }
}

/// Six optional texts in one allocation, shared between copies: for each present one its field, its length as u32
/// little-endian, its bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Texts(Arc<[u8]>);

impl Texts {
    fn of(state: &WorkerState) -> Texts {
        let texts = [
            (Field::Department, &state.department),
            (Field::CostCentre, &state.cost_centre),
            (Field::WorkerType, &state.worker_type),
            (Field::Company, &state.company),
            (Field::Country, &state.country),
            (Field::Location, &state.location),
        ];
        let mut packed = Vec::new();
        for (field, text) in texts {
            if let Some(text) = text {
                let length = u32::try_from(text.len()).expect("a record is far shorter than 4 GiB");
                packed.push(field as u8);
                packed.extend_from_slice(&length.to_le_bytes());
                packed.extend_from_slice(text.as_bytes());
            }
        }
        Texts(packed.into())
    }

    fn get(&self, field: Field) -> Option<&str> {
        let mut rest: &[u8] = &self.0;
        while let Some((&[of, a, b, c, d], after)) = rest.split_first_chunk::<5>() {
            let (text, next) = after.split_at(u32::from_le_bytes([a, b, c, d]) as usize);
            if of == field as u8 {
                return Some(std::str::from_utf8(text).expect("the bytes were packed from a str"));
            }
            rest = next;
        }
        None
    }
}

impl Worker {
    /// Bytes of the packed texts.
    #[cfg(test)]
    pub(super) fn packed(&self) -> usize {
        self.texts.0.len()
    }

    pub(super) fn text(&self, field: Field) -> Option<&str> {
        self.texts.get(field)
    }

    /// Whether the member was here on that day, as far as the dates are known. Whoever joins on that very day may be
    /// known with older dates only.
    pub(super) fn was_here(&self, day: Day, kind: MilestoneKind) -> bool {
        let early = self.first_day.is_some_and(|first| day < first);
        let late = self.last_day.is_some_and(|last| day > last);
        is_joining(kind) || !(early || late)
    }
}

/// Whether a member begins to work here with such a milestone.
pub(super) fn is_joining(kind: MilestoneKind) -> bool {
    matches!(kind, MilestoneKind::Hire | MilestoneKind::Rehire)
}

/// Records a worker's state, and considers again the milestones that have waited for one.
pub(super) fn report(draft: &mut Draft<'_>, body: &ReportWorker) {
    let known = draft.member.worker.as_ref().map_or(UNSAID, |worker| worker.changed_at);
    let current = body.changed_at.is_none_or(|changed_at| changed_at >= known);
    let waiting: Vec<(MilestoneKind, Occurrence)> =
        if current { milestone::waiting_for(&draft.member, body.state.hire) } else { Vec::new() };
    draft.push(WorkerRecorded {
        connection: body.connection.clone(),
        changed_at: body.changed_at,
        current,
        state: body.state.clone(),
    });
    for (kind, occurrence) in waiting {
        milestone::consider(draft, kind, &occurrence);
    }
}

pub(super) fn recorded(member: &mut Member, fact: &WorkerRecorded, at: Timestamp) {
    if !fact.current {
        return;
    }
    let known = member.worker.as_ref().map_or(UNSAID, |worker| worker.changed_at);
    let state = &fact.state;
    member.worker = Some(Worker {
        changed_at: fact.changed_at.map_or(known, |changed_at| changed_at.min(at).max(known)),
        first_day: state.original_hire.into_iter().chain(state.hire).min(),
        last_day: state.termination,
        status: state.status,
        texts: Texts::of(state),
    });
    milestone::worker_came(member);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_texts_come_out_as_they_went_in_whatever_they_hold() {
        let state = WorkerState {
            department: Some("R&D \u{1f} \u{0} Zürich".to_owned()),
            company: Some(String::new()),
            country: Some("CH".to_owned()),
            location: Some("x".repeat(70_000)),
            ..WorkerState::default()
        };
        let texts = Texts::of(&state);
        assert_eq!(texts.get(Field::Department), state.department.as_deref());
        assert_eq!(texts.get(Field::CostCentre), None);
        assert_eq!(texts.get(Field::WorkerType), None);
        assert_eq!(texts.get(Field::Company), Some(""));
        assert_eq!(texts.get(Field::Country), Some("CH"));
        assert_eq!(texts.get(Field::Location), state.location.as_deref());
    }
}
