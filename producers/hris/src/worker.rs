//! A row as a worker's state.

use mirabelle_domain::{Day, WorkerStatus};

use crate::malformed::{Code, Malformed};
use crate::mapping::{Dataset, Path, WorkerField, WorkerMapping};
use crate::report::{ExternalId, WorkerBusiness, WorkerDates, WorkerPersonal, WorkerReport};
use crate::row::Reader;

/// The state that a row reports.
pub(crate) fn read(
    reader: &Reader<'_>,
    mapping: &WorkerMapping,
    dataset: Option<&Dataset>,
) -> Result<WorkerReport, Malformed> {
    let person = match reader.id(&reader.mapping().id)? {
        Some(person) => person,
        None => return Err(no_person(&reader.mapping().id)),
    };
    let mut aliases = Vec::with_capacity(reader.mapping().aliases.len());
    for (name, path) in &reader.mapping().aliases {
        for id in reader.ids(path)? {
            aliases.push((name.clone(), id.as_str().to_owned()));
        }
    }
    let fields = Fields { reader, mapping };
    Ok(WorkerReport {
        person,
        aliases,
        status: fields.status(dataset)?,
        dates: WorkerDates {
            original_hire: fields.day(WorkerField::OriginalHire)?,
            hire: fields.day(WorkerField::Hire)?,
            continuous_service: fields.day(WorkerField::ContinuousService)?,
            seniority: fields.day(WorkerField::Seniority)?,
            termination: fields.day(WorkerField::Termination)?,
        },
        business: WorkerBusiness {
            department: fields.text(WorkerField::Department)?,
            cost_centre: fields.text(WorkerField::CostCentre)?,
            worker_type: fields.text(WorkerField::WorkerType)?,
            company: fields.text(WorkerField::Company)?,
            country: fields.text(WorkerField::Country)?,
            location: fields.text(WorkerField::Location)?,
            zone: fields.text(WorkerField::Zone)?,
        },
        personal: WorkerPersonal {
            birth_date: fields.day(WorkerField::BirthDate)?,
            given_name: fields.text(WorkerField::GivenName)?,
            family_name: fields.text(WorkerField::FamilyName)?,
            display_name: fields.text(WorkerField::DisplayName)?,
            email: fields.text(WorkerField::Email)?,
            manager: fields.id(WorkerField::Manager)?,
        },
        changed_at: reader.instant(fields.paths(WorkerField::ChangedAt))?,
    })
}

pub(crate) fn no_person(id: &Path) -> Malformed {
    let what = "nobody is named by the id field; add it to what the source sends, or correct the mapping";
    Malformed::new(Code::NoPerson, what, id.as_str())
}

struct Fields<'f, 'r> {
    reader: &'f Reader<'r>,
    mapping: &'f WorkerMapping,
}

impl<'f> Fields<'f, '_> {
    fn paths(&self, field: WorkerField) -> &'f [Path] {
        self.mapping.fields.get(&field).map_or(&[], Vec::as_slice)
    }

    fn day(&self, field: WorkerField) -> Result<Option<Day>, Malformed> {
        self.reader.day(self.paths(field))
    }

    fn text(&self, field: WorkerField) -> Result<Option<String>, Malformed> {
        Ok(self.reader.first_text(self.paths(field))?.map(|(_, text)| text.to_owned()))
    }

    fn id(&self, field: WorkerField) -> Result<Option<ExternalId>, Malformed> {
        for path in self.paths(field) {
            if let Some(id) = self.reader.id(path)? {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }

    /// The status by the mapping's words. Whoever stands in a dataset of leavers has left.
    fn status(&self, dataset: Option<&Dataset>) -> Result<WorkerStatus, Malformed> {
        let by_word = match self.reader.first_text(self.paths(WorkerField::Status))? {
            None => self.reader.row.status().unwrap_or(self.mapping.status_if_absent),
            Some((path, word)) => match self.mapping.statuses.get(word) {
                Some(status) => *status,
                None => {
                    let what = "a status that the mapping does not know; add it to `statuses`";
                    return Err(Malformed::new(Code::UnknownStatus, what, path.as_str()));
                }
            },
        };
        let left = dataset.is_some_and(|dataset| dataset.leavers);
        Ok(if left { WorkerStatus::Terminated } else { by_word })
    }
}
