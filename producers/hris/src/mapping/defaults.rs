//! What each system's mapping is before a customer draws another. The README of the crate shows them as tables.

use std::collections::BTreeMap;

use mirabelle_domain::{MilestoneKind, WorkerStatus};

use super::{
    AnswerRule, AttributeMapping, AttributeType, Csv, Dataset, DateFormat, Expected, KindRule, Mapping,
    MilestoneMapping, NumericIds, OccurrencePart, Path, Profile, Rescinded, System, WorkerField,
    WorkerMapping,
};

impl Profile {
    /// The system with its default mapping.
    pub fn default_for(system: System) -> Profile {
        Profile { system, mapping: Mapping::default_for(system) }
    }
}

impl Mapping {
    /// The system's documented default.
    pub fn default_for(system: System) -> Mapping {
        match system {
            System::SuccessFactors => successfactors(),
            System::Workday => workday(),
            System::Darwinbox => darwinbox(),
        }
    }
}

fn path(text: &'static str) -> Path {
    Path::known(text)
}

fn paths(texts: &[&'static str]) -> Vec<Path> {
    texts.iter().map(|text| path(text)).collect()
}

fn fields(table: &[(WorkerField, &[&'static str])]) -> BTreeMap<WorkerField, Vec<Path>> {
    table.iter().map(|(field, texts)| (*field, paths(texts))).collect()
}

fn statuses(table: &[(&str, WorkerStatus)]) -> BTreeMap<String, WorkerStatus> {
    table.iter().map(|(word, status)| ((*word).to_owned(), *status)).collect()
}

fn aliases(table: &[(&str, &'static str)]) -> BTreeMap<String, Path> {
    table.iter().map(|(name, text)| ((*name).to_owned(), path(text))).collect()
}

fn attribute(name: &str, at: &[&'static str], is: AttributeType) -> (String, AttributeMapping) {
    (name.to_owned(), AttributeMapping { at: paths(at), is })
}

/// A rule for a code, whatever the reason.
fn rule(code: &str, kind: MilestoneKind, occurrence: Vec<OccurrencePart>) -> KindRule {
    KindRule { code: code.to_owned(), reason: None, kind: Some(kind), occurrence, retracts: false }
}

/// A rule for a code that is only a hint to read the thing back.
fn read_back(code: &str) -> KindRule {
    KindRule { code: code.to_owned(), reason: None, kind: None, occurrence: Vec::new(), retracts: false }
}

fn values(texts: &[&'static str]) -> Vec<OccurrencePart> {
    texts.iter().map(|text| OccurrencePart::Value(path(text))).collect()
}

/// What a person has once: a corrected day, a repeated report, a second employment never pay again.
fn once() -> Vec<OccurrencePart> {
    vec![OccurrencePart::Text("first".to_owned())]
}

fn successfactors() -> Mapping {
    use WorkerField as F;
    let fields = fields(&[
        (F::Status, &["/emplStatus"]),
        (F::OriginalHire, &["/originalStartDate"]),
        (F::Hire, &["/hireDate"]),
        (F::ContinuousService, &["/serviceDate"]),
        (F::Seniority, &["/seniorityDate"]),
        (F::Termination, &["/terminationDate"]),
        (F::Department, &["/department"]),
        (F::CostCentre, &["/costCenter"]),
        (F::WorkerType, &["/employeeClass"]),
        (F::Company, &["/company"]),
        (F::Country, &["/countryOfCompany"]),
        (F::Location, &["/location"]),
        (F::Zone, &["/timezone"]),
        (F::BirthDate, &["/dateOfBirth"]),
        (F::GivenName, &["/firstName"]),
        (F::FamilyName, &["/lastName"]),
        (F::DisplayName, &["/displayName"]),
        (F::Email, &["/email"]),
        (F::Manager, &["/managerPersonIdExternal"]),
        (F::ChangedAt, &["/lastModifiedDateTime"]),
    ]);
    let statuses = statuses(&[
        ("A", WorkerStatus::Active),
        ("U", WorkerStatus::OnLeave),
        ("P", WorkerStatus::OnLeave),
        ("T", WorkerStatus::Terminated),
        ("R", WorkerStatus::Terminated),
    ]);
    Mapping {
        id: path("/personIdExternal"),
        numeric_ids: NumericIds::Refused,
        aliases: aliases(&[("userId", "/userId"), ("perPersonUuid", "/perPersonUuid")]),
        rows: paths(&[""]),
        answer: AnswerRule { ok: None, failed_if_present: paths(&["/error"]) },
        // The order of day and month hangs on who writes: where a date fits both, it is set aside until one is fixed.
        dates: vec![
            DateFormat::Iso,
            DateFormat::EpochMidnight,
            DateFormat::MonDY,
            DateFormat::Mdy,
            DateFormat::Dmy,
        ],
        stamp_dates: Vec::new(),
        stamp_zone: None,
        day_zone: None,
        csv: Some(Csv::default()),
        namespace: None,
        hint: None,
        blanks: Vec::new(),
        worker: Some(WorkerMapping { fields, statuses, status_if_absent: WorkerStatus::Active }),
        milestone: Some(successfactors_milestones()),
        datasets: BTreeMap::new(),
        dataset: None,
        variants: Vec::new(),
    }
}

fn successfactors_milestones() -> MilestoneMapping {
    use MilestoneKind as K;
    const EMPLOYMENT: &str = "com.successfactors.Employment.AssignmentInformation.";
    // SuccessFactors knows a job record by user id, start and a number within the day. The user id stays out: it is an
    // employee number, and occurrences are kept in clear. The number stays out because files lack it, and a promotion
    // that is pushed and also stands in a file must be one. The price: a corrected start is another occurrence.
    let job = || vec![OccurrencePart::Date(path("/startDate"))];
    let dated = || vec![OccurrencePart::Date(path("/effectiveDate"))];
    MilestoneMapping {
        code: paths(&["/@meta/type", "/event"]),
        reason: paths(&["/eventReason"]),
        effective: paths(&["/@event/effectiveStartDate", "/effectiveDate", "/startDate"]),
        source_id: paths(&["/@event/eventId", "/eventId"]),
        published_at: paths(&["/@event/publishedAt", "/@meta/publishedAt"]),
        rescinded: None,
        attributes: BTreeMap::from([
            attribute("rating", &["/rating"], AttributeType::Decimal),
            attribute("award_code", &["/awardCode"], AttributeType::Text),
            attribute("reason", &["/eventReason"], AttributeType::Text),
        ]),
        kinds: vec![
            rule(&format!("{EMPLOYMENT}Hire"), K::Hire, once()),
            rule(&format!("{EMPLOYMENT}Rehire"), K::Rehire, vec![OccurrencePart::Year]),
            rule(&format!("{EMPLOYMENT}Promotion"), K::Promotion, job()),
            rule(&format!("{EMPLOYMENT}ChangeInTitle"), K::JobChange, job()),
            read_back(&format!("{EMPLOYMENT}Termination")),
            rule("com.successfactors.SpotAward.Given", K::SpotAward, values(&["/externalCode"])),
            rule("com.successfactors.PerformanceReview.Completed", K::Review, values(&["/formDataId"])),
            rule("com.successfactors.Goal.Completed", K::Goal, values(&["/goalId"])),
            // Employee Central's own codes, as Integration Center sends them.
            rule("H", K::Hire, once()),
            rule("R", K::Rehire, vec![OccurrencePart::Year]),
            rule("8", K::Promotion, dated()),
            rule("16", K::JobChange, dated()),
            rule("6", K::Transfer, dated()),
        ],
    }
}

fn workday() -> Mapping {
    use WorkerField as F;
    let fields = fields(&[
        (F::Status, &["/Worker_Status"]),
        (F::OriginalHire, &["/Original_Hire_Date"]),
        (F::Hire, &["/Hire_Date"]),
        (F::ContinuousService, &["/Continuous_Service_Date"]),
        (F::Seniority, &["/Seniority_Date"]),
        (F::Termination, &["/Termination_Date"]),
        (F::Department, &["/Department"]),
        (F::CostCentre, &["/Cost_Center"]),
        (F::WorkerType, &["/Worker_Type"]),
        (F::Company, &["/Company"]),
        (F::Country, &["/Country"]),
        (F::Location, &["/Location"]),
        (F::Zone, &["/Time_Zone"]),
        (F::BirthDate, &["/Date_of_Birth"]),
        (F::GivenName, &["/First_Name"]),
        (F::FamilyName, &["/Last_Name"]),
        (F::DisplayName, &["/Preferred_Name"]),
        (F::Email, &["/Email"]),
        (F::Manager, &["/Manager_Employee_ID"]),
        (F::ChangedAt, &["/Last_Modified"]),
    ]);
    let statuses = statuses(&[
        ("Active", WorkerStatus::Active),
        ("On Leave", WorkerStatus::OnLeave),
        ("Not Yet Started", WorkerStatus::Pending),
        ("Terminated", WorkerStatus::Terminated),
    ]);
    Mapping {
        id: path("/Employee_ID"),
        numeric_ids: NumericIds::Refused,
        aliases: aliases(&[("WID", "/WID")]),
        rows: paths(&["/Report_Entry", "/root/Report_Entry"]),
        answer: AnswerRule::default(),
        dates: vec![DateFormat::Iso],
        stamp_dates: Vec::new(),
        stamp_zone: None,
        day_zone: None,
        csv: Some(Csv::default()),
        namespace: None,
        hint: None,
        blanks: Vec::new(),
        worker: Some(WorkerMapping { fields, statuses, status_if_absent: WorkerStatus::Active }),
        milestone: Some(workday_milestones()),
        datasets: BTreeMap::new(),
        dataset: None,
        variants: Vec::new(),
    }
}

fn workday_milestones() -> MilestoneMapping {
    use MilestoneKind as K;
    let by_id = || values(&["/Milestone_ID"]);
    MilestoneMapping {
        code: paths(&["/Milestone"]),
        reason: paths(&["/Milestone_Reason"]),
        effective: paths(&["/Milestone_Date"]),
        source_id: Vec::new(),
        published_at: paths(&["/Milestone_Entered"]),
        rescinded: Some(Rescinded {
            at: path("/Rescinded"),
            values: vec!["1".to_owned(), "true".to_owned()],
        }),
        attributes: BTreeMap::from([
            attribute("rating", &["/Rating"], AttributeType::Decimal),
            attribute("award_code", &["/Award_Code"], AttributeType::Text),
            attribute("reason", &["/Milestone_Reason"], AttributeType::Text),
        ]),
        kinds: vec![
            rule("Hire", K::Hire, once()),
            rule("Rehire", K::Rehire, vec![OccurrencePart::Year]),
            rule("Promotion", K::Promotion, by_id()),
            rule("Job Change", K::JobChange, by_id()),
            rule("Transfer", K::Transfer, by_id()),
            rule("Review", K::Review, by_id()),
            rule("Goal", K::Goal, by_id()),
            rule("Spot Award", K::SpotAward, by_id()),
            rule("Certification", K::Certification, by_id()),
            // Types of business processes, as the transaction log of Get_Workers names them.
            rule("Hire Employee", K::Hire, once()),
            rule("Promote Employee", K::Promotion, by_id()),
            rule("Transfer Employee", K::Transfer, by_id()),
            rule("Change Job", K::JobChange, by_id()),
            read_back("Terminate Employee"),
            // PECI's derived codes.
            rule("HIR", K::Hire, once()),
            read_back("TERM"),
        ],
    }
}

fn darwinbox() -> Mapping {
    use WorkerField as F;
    // `anniversary_date` is the wedding anniversary: it is read nowhere.
    let fields = fields(&[
        (F::Status, &["/employee_status"]),
        (F::Hire, &["/date_of_joining"]),
        (F::Termination, &["/date_of_exit"]),
        (F::Department, &["/department_name"]),
        (F::CostCentre, &["/cost_center"]),
        (F::WorkerType, &["/employee_type"]),
        (F::Company, &["/group_company_code"]),
        (F::Country, &["/office_country"]),
        (F::Location, &["/office_city"]),
        (F::BirthDate, &["/date_of_birth"]),
        (F::GivenName, &["/first_name"]),
        (F::FamilyName, &["/last_name"]),
        (F::DisplayName, &["/full_name"]),
        (F::Email, &["/company_email_id"]),
        (F::Manager, &["/direct_manager_employee_id"]),
        (F::ChangedAt, &["/updated_on"]),
    ]);
    let statuses = statuses(&[("Active", WorkerStatus::Active), ("Inactive", WorkerStatus::Terminated)]);
    let dataset = |leavers: bool, word: &str| Dataset {
        dates: Vec::new(),
        leavers,
        marked: Some(Expected { at: path("/employee_status"), is: word.to_owned() }),
    };
    Mapping {
        id: path("/employee_id"),
        numeric_ids: NumericIds::Refused,
        aliases: aliases(&[("user_unique_id", "/user_unique_id")]),
        rows: paths(&["/employee_data"]),
        answer: AnswerRule {
            ok: Some(Expected { at: path("/status"), is: "1".to_owned() }),
            failed_if_present: Vec::new(),
        },
        // Which of the two a tenant sends hangs on its settings and on the dataset; a month in letters can't be
        // mistaken for a number, so both are read everywhere.
        dates: vec![DateFormat::Dmy, DateFormat::DMonY],
        stamp_dates: vec![DateFormat::Dmy, DateFormat::DMonY],
        stamp_zone: None,
        day_zone: None,
        csv: Some(Csv::default()),
        namespace: None,
        hint: None,
        blanks: Vec::new(),
        worker: Some(WorkerMapping { fields, statuses, status_if_absent: WorkerStatus::Active }),
        milestone: None,
        datasets: BTreeMap::from([
            ("active".to_owned(), dataset(false, "Active")),
            ("inactive".to_owned(), dataset(true, "Inactive")),
        ]),
        dataset: None,
        variants: Vec::new(),
    }
}
