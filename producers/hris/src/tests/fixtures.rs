//! The collection of deliveries with known sources that is not part of the repository: set `MIRABELLE_FIXTURES` to
//! its folder to check them. What it says of each is checked here, file by file, and that no file is left out.

use std::fs;
use std::path::PathBuf;

use mirabelle_domain::{MilestoneKind, WorkerStatus};
use serde_json::{Value, json};

use crate::{
    Asked, Code, Limits, Mapping, MilestoneReport, Profile, Report, System, WorkerDates, WorkerReport,
    read_as,
};

/// The folder, or `None` with a note.
fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("MIRABELLE_FIXTURES").map(PathBuf::from);
    if folder.is_none() {
        println!("skipped: MIRABELLE_FIXTURES names no folder");
    }
    folder
}

/// Reads one file after the other of one system, by its default mapping or by one that differs from it.
struct Fixtures {
    folder: PathBuf,
    system: System,
    looked_at: Vec<String>,
}

impl Fixtures {
    fn of(system: System, name: &str) -> Option<Fixtures> {
        Some(Fixtures { folder: folder()?.join(name), system, looked_at: Vec::new() })
    }

    fn read(&mut self, name: &str, differs: Value) -> Result<Vec<(Option<String>, Report)>, Code> {
        self.looked_at.push(name.to_owned());
        let body = fs::read(self.folder.join(name)).unwrap_or_else(|fault| panic!("{name}: {fault}"));
        let mut mapping = differs;
        mapping["extends"] = json!("default");
        let mapping = Mapping::from_json(self.system, &mapping).unwrap();
        assert_eq!(mapping.faults(), [], "{name}");
        let profile = Profile { system: self.system, mapping };
        let asked = Asked { today: Some("2026-06-15".parse().unwrap()), ..Asked::default() };
        let delivery = read_as(&profile, &asked, None, &body, &Limits::push()).map_err(|fault| fault.code)?;
        let one = |item: crate::Item| {
            (item.source_id, item.outcome.unwrap_or_else(|fault| panic!("{name}: {fault}")))
        };
        Ok(delivery.items.into_iter().map(one).collect())
    }

    fn workers(&mut self, name: &str, differs: Value) -> Vec<WorkerReport> {
        let worker = |(_, report)| match report {
            Report::Worker(report) => *report,
            other => panic!("{name}: {other:?}"),
        };
        self.read(name, differs).unwrap().into_iter().map(worker).collect()
    }

    fn milestones(&mut self, name: &str, differs: Value) -> Vec<(Option<String>, MilestoneReport)> {
        let milestone = |(id, report)| match report {
            Report::Milestone(report) => (id, report),
            other => panic!("{name}: {other:?}"),
        };
        self.read(name, differs).unwrap().into_iter().map(milestone).collect()
    }

    fn refused(&mut self, name: &str) -> Code {
        self.read(name, json!({})).unwrap_err()
    }

    /// Every file of the folder was looked at.
    fn nothing_left(mut self) {
        let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
        let mut all: Vec<String> = fs::read_dir(&self.folder).unwrap().map(name).collect();
        all.sort();
        self.looked_at.sort();
        self.looked_at.dedup();
        assert_eq!(all, self.looked_at);
    }
}

fn day(text: &str) -> Option<mirabelle_domain::Day> {
    Some(text.parse().unwrap())
}

/// (person, kind, day)
fn told(report: &MilestoneReport) -> (&str, MilestoneKind, String) {
    (report.person.as_str(), report.kind, report.effective.to_string())
}

#[test]
fn the_collected_successfactors_deliveries_yield_what_their_sources_say() {
    let Some(mut fixtures) = Fixtures::of(System::SuccessFactors, "successfactors") else { return };
    let hire = fixtures.milestones("event-hire.constructed.xml", json!({}));
    let [(id, report)] = hire.as_slice() else { panic!("{hire:?}") };
    assert_eq!(id.as_deref(), Some("0c9e5b52-41c4-4c6f-8a5e-3e0b7c11aa10"));
    assert_eq!(told(report), ("700101", MilestoneKind::Hire, "2024-06-10".to_owned()));
    assert_eq!(report.published_at, Some(1_718_006_395_007_000));

    let changes = fixtures.milestones("event-job-title-change-two-events.constructed.xml", json!({}));
    let told_of: Vec<_> = changes.iter().map(|(_, report)| told(report)).collect();
    let change = MilestoneKind::JobChange;
    assert_eq!(
        told_of,
        [("P-700102", change, "2024-12-01".to_owned()), ("P-700103", change, "2024-12-15".to_owned())]
    );
    // Published on 1 January 2025.
    assert!(changes.iter().all(|(_, report)| report.published_at > Some(1_735_689_600_000_000)));

    let award = fixtures.read("event-spot-award-given.guess.xml", json!({})).unwrap();
    let [(_, Report::Pointer(pointer))] = award.as_slice() else { panic!("{award:?}") };
    assert_eq!((pointer.entity.as_str(), pointer.kind), ("SpotAward", Some(MilestoneKind::SpotAward)));
    assert_eq!(pointer.keys.get("externalCode").map(String::as_str), Some("1204"));

    let person = fixtures.workers("odata-PerPerson-three-employments.json", json!({}));
    let [person] = person.as_slice() else { panic!("{person:?}") };
    assert_eq!((person.person.as_str(), person.status), ("108733", WorkerStatus::Active));
    assert!(
        person.aliases.contains(&("userId".to_owned(), "108733".to_owned())),
        "the standard employment's"
    );
    let began = day("2014-01-01");
    assert_eq!(
        (person.dates.original_hire, person.dates.hire, person.dates.termination),
        (began, began, None)
    );
    assert_eq!(person.personal.birth_date, day("1960-03-14"));

    compound_employee(&mut fixtures);
    integration_center(&mut fixtures);
    for (name, code) in [
        ("odata-error.json", Code::PullFailed),
        ("compoundemployee-login-failure.xml", Code::PullFailed),
        ("odata-Goal_1.json", Code::NotAboutAWorker),
        ("ack-success-current-namespace.xml", Code::NotAnExternalEvent),
        ("ack-failure-current-namespace.xml", Code::NotAnExternalEvent),
        ("ack-success-old-namespace.xml", Code::NotAnExternalEvent),
        ("contract-NotifyImplPort.wsdl", Code::NotAnExternalEvent),
    ] {
        assert_eq!(fixtures.refused(name), code, "{name}");
    }
    let time_off = fixtures.read("odata-EmployeeTime.json", json!({})).unwrap();
    assert!(matches!(time_off.as_slice(), [(_, Report::NotAboutAWorker { .. })]), "{time_off:?}");
    fixtures.nothing_left();
}

fn compound_employee(fixtures: &mut Fixtures) {
    let compound = fixtures.read("compoundemployee-query-response.xml", json!({})).unwrap();
    let [(_, Report::Worker(worker)), (_, Report::Milestone(hire)), (_, Report::Milestone(transfer))] =
        compound.as_slice()
    else {
        panic!("{compound:?}")
    };
    assert_eq!((worker.person.as_str(), worker.dates.hire), ("307", day("2019-08-13")));
    assert_eq!(told(hire), ("307", MilestoneKind::Hire, "2019-08-13".to_owned()));
    assert_eq!(told(transfer), ("307", MilestoneKind::Transfer, "2019-08-13".to_owned()));
    let reason = hire.attributes.get("reason").map(ToString::to_string);
    assert_eq!(reason.as_deref(), Some("HIRNEW"), "what it was before is no part of it");
}

fn integration_center(fixtures: &mut Fixtures) {
    let by_user = json!({"id": "/userId", "worker": {"fields": {"status": null}}});
    let contract = fixtures.workers("integration-center-contractchange.json", by_user);
    assert_eq!(contract.len(), 1);
    assert_eq!((contract[0].person.as_str(), contract[0].dates.hire), ("00018", day("2015-04-06")));

    let name = "integration-center-milestones.guess.csv";
    let rows = fixtures.milestones(name, json!({"dates": ["mdy"]}));
    let told_of: Vec<_> = rows.iter().map(|(_, report)| told(report)).collect();
    assert_eq!(
        told_of,
        [
            ("P-700101", MilestoneKind::Hire, "2024-06-10".to_owned()),
            ("P-700102", MilestoneKind::Promotion, "2024-12-01".to_owned()),
        ]
    );
}

#[test]
fn the_collected_workday_deliveries_yield_what_their_sources_say() {
    let Some(mut fixtures) = Fixtures::of(System::Workday, "workday") else { return };
    let synced = fixtures.workers("ccw-worker-sync.constructed.xml", json!({}));
    let [ada, bo] = synced.as_slice() else { panic!("{synced:?}") };
    assert_eq!((ada.person.as_str(), ada.dates.hire), ("31001", day("2024-06-10")));
    assert_eq!(ada.personal.birth_date, day("1988-02-29"));
    assert_eq!((bo.person.as_str(), bo.status), ("31002", WorkerStatus::Active));
    assert_eq!((bo.dates.hire, bo.dates.original_hire), (day("2023-01-09"), day("2015-03-02")));

    let hired = fixtures.milestones("peci-hire.constructed.xml", json!({}));
    let [(_, hire)] = hired.as_slice() else { panic!("{hired:?}") };
    assert_eq!(told(hire), ("31001", MilestoneKind::Hire, "2024-06-10".to_owned()));
    assert_eq!(hire.published_at, Some(1_716_930_191_512_000), "entered on 28 May, 14:03 in the west");

    let got = fixtures.workers("get-workers-response.xml", json!({}));
    let [worker] = got.as_slice() else { panic!("{got:?}") };
    assert_eq!((worker.person.as_str(), &worker.dates), ("1", &WorkerDates::default()));
    assert_eq!(worker.personal.birth_date, day("1960-01-01"));
    assert_eq!(worker.personal.display_name.as_deref(), Some("Example Worker"));

    let wrapped = fixtures.workers("raas-report-entry-wrapped.json", json!({"id": "/Employee_Number"}));
    let people: Vec<_> = wrapped.iter().map(|worker| worker.person.as_str()).collect();
    assert_eq!(people, ["10013", "10011"]);
    assert!(wrapped.iter().all(|worker| worker.dates == WorkerDates::default()));

    let name = "orchestrate-execution-example.json";
    assert_eq!(fixtures.refused(name), Code::NoRows, "no report, and no mapping for anything else");
    let drawn = json!({"variants": [{"name": "onboarding", "when": {"has": ["/response/body/orchestration"]},
        "mapping": {"extends": "default", "rows": ["/response/body/inputData"], "id": "/workerId",
            "worker": {"fields": {"hire": ["/startDate"], "department": ["/department"]}}}}]});
    let mapped = fixtures.workers(name, drawn);
    assert_eq!((mapped[0].person.as_str(), mapped[0].dates.hire), ("worker_xyz789", day("2026-06-01")));

    for (name, code) in [
        ("soap-fault-validation.xml", Code::PullFailed),
        ("launch-integration-event-response.xml", Code::NotAboutAWorker),
        ("get-integration-events-response.xml", Code::NotAboutAWorker),
        ("raas-report.xsd", Code::NoRows),
    ] {
        assert_eq!(fixtures.refused(name), code, "{name}");
    }
    fixtures.nothing_left();
}

#[test]
fn the_collected_darwinbox_answers_yield_what_their_sources_say() {
    let Some(mut fixtures) = Fixtures::of(System::Darwinbox, "darwinbox") else { return };
    let active = fixtures.workers("employee-pull-active.constructed.json", json!({}));
    let [first, second] = active.as_slice() else { panic!("{active:?}") };
    assert_eq!((first.person.as_str(), first.status), ("DBX0101", WorkerStatus::Active));
    assert_eq!((first.dates.hire, first.personal.birth_date), (day("2019-04-01"), day("1990-11-05")));
    assert_eq!((second.dates.hire, second.personal.birth_date), (day("2024-06-10"), day("1988-02-29")));

    let inactive = fixtures.workers("employee-pull-inactive.constructed.json", json!({}));
    let [left] = inactive.as_slice() else { panic!("{inactive:?}") };
    assert_eq!((left.person.as_str(), left.status), ("DBX0090", WorkerStatus::Terminated));
    assert_eq!((left.dates.termination, left.dates.hire), (day("2024-05-31"), day("2018-01-15")));

    let minimal = fixtures.workers("employee-pull-minimal.json", json!({}));
    assert_eq!((minimal[0].person.as_str(), &minimal[0].dates), ("EMP001", &WorkerDates::default()));
    fixtures.nothing_left();
}
