//! The collection of deliveries with known sources that is not part of the repository: set `MIRABELLE_FIXTURES` to
//! its folder to check them.

use std::fs;
use std::path::PathBuf;

use mirabelle_domain::{MilestoneKind, WorkerStatus};

use crate::mapping::{Path, WorkerField};
use crate::{Code, Limits, Malformed, MilestoneReport, Profile, Report, System, WorkerReport, read};

/// The folder, or `None` with a note.
fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("MIRABELLE_FIXTURES").map(PathBuf::from);
    if folder.is_none() {
        println!("skipped: MIRABELLE_FIXTURES names no folder");
    }
    folder
}

fn reports(profile: &Profile, path: PathBuf) -> Result<Vec<(Option<String>, Report)>, Malformed> {
    let body = fs::read(&path).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()));
    let delivery = read(profile, None, &body, &Limits::push())?;
    let one = |item: crate::Item| {
        (item.source_id, item.outcome.unwrap_or_else(|fault| panic!("{path:?}: {fault}")))
    };
    Ok(delivery.items.into_iter().map(one).collect())
}

fn milestone((_, report): &(Option<String>, Report)) -> &MilestoneReport {
    match report {
        Report::Milestone(report) => report,
        other => panic!("{other:?}"),
    }
}

fn worker((_, report): &(Option<String>, Report)) -> &WorkerReport {
    match report {
        Report::Worker(report) => report,
        other => panic!("{other:?}"),
    }
}

fn path(text: &str) -> Path {
    text.parse().unwrap()
}

#[test]
fn the_collected_successfactors_deliveries_yield_what_their_sources_say() {
    let Some(folder) = folder().map(|folder| folder.join("successfactors")) else { return };
    let profile = Profile::default_for(System::SuccessFactors);

    let hire = reports(&profile, folder.join("event-hire.constructed.xml")).unwrap();
    assert_eq!(hire.len(), 1);
    assert_eq!(hire[0].0.as_deref(), Some("0c9e5b52-41c4-4c6f-8a5e-3e0b7c11aa10"));
    let report = milestone(&hire[0]);
    assert_eq!((report.person.as_str(), report.kind), ("700101", MilestoneKind::Hire));
    assert_eq!(
        (report.effective.to_string().as_str(), report.published_at),
        ("2024-06-10", Some(1_718_006_395_007_000))
    );

    let changes =
        reports(&profile, folder.join("event-job-title-change-two-events.constructed.xml")).unwrap();
    let seen: Vec<_> = changes.iter().map(milestone).collect();
    assert!(seen.iter().all(|report| report.kind == MilestoneKind::JobChange));
    let people: Vec<_> =
        seen.iter().map(|report| (report.person.as_str(), report.effective.to_string())).collect();
    assert_eq!(people, [("P-700102", "2024-12-01".to_owned()), ("P-700103", "2024-12-15".to_owned())]);

    let award = reports(&profile, folder.join("event-spot-award-given.guess.xml")).unwrap();
    let Report::Pointer(pointer) = &award[0].1 else { panic!("{award:?}") };
    assert_eq!((pointer.entity.as_str(), pointer.kind), ("SpotAward", Some(MilestoneKind::SpotAward)));
    assert_eq!(pointer.keys.get("externalCode").map(String::as_str), Some("1204"));

    let mut drawn = profile.clone();
    drawn.mapping.id = path("/userId");
    drawn.mapping.worker.as_mut().unwrap().fields.remove(&WorkerField::Status);
    let contract = reports(&drawn, folder.join("integration-center-contractchange.json")).unwrap();
    let report = worker(&contract[0]);
    assert_eq!(
        (report.person.as_str(), report.dates.hire.unwrap().to_string().as_str()),
        ("00018", "2015-04-06")
    );

    // Not read by a default mapping: nothing of it may become a worker or a milestone.
    for name in ["odata-PerPerson-three-employments.json", "odata-Goal_1.json", "odata-EmployeeTime.json"] {
        let body = fs::read(folder.join(name)).unwrap();
        let delivery = read(&profile, None, &body, &Limits::push()).unwrap();
        let codes: Vec<_> = delivery.items.into_iter().map(|item| item.outcome.unwrap_err().code).collect();
        assert_eq!(codes, [Code::NoPerson], "{name}");
    }
    for (name, code) in [
        ("odata-error.json", Code::PullFailed),
        ("compoundemployee-login-failure.xml", Code::NotAnExternalEvent),
        ("compoundemployee-query-response.xml", Code::NotAnExternalEvent),
        ("ack-success-current-namespace.xml", Code::NotAnExternalEvent),
        ("ack-success-old-namespace.xml", Code::NotAnExternalEvent),
        ("contract-NotifyImplPort.wsdl", Code::NotAnExternalEvent),
        ("integration-center-milestones.guess.csv", Code::FormatNotRead),
    ] {
        assert_eq!(reports(&profile, folder.join(name)).unwrap_err().code, code, "{name}");
    }
}

#[test]
fn the_collected_workday_deliveries_yield_what_their_sources_say() {
    let Some(folder) = folder().map(|folder| folder.join("workday")) else { return };
    let profile = Profile::default_for(System::Workday);
    let mut drawn = profile.clone();
    drawn.mapping.id = path("/Employee_Number");
    let wrapped = reports(&drawn, folder.join("raas-report-entry-wrapped.json")).unwrap();
    let people: Vec<_> = wrapped.iter().map(|report| worker(report).person.as_str()).collect();
    assert_eq!(people, ["10013", "10011"]);
    assert!(wrapped.iter().all(|report| worker(report).dates == crate::WorkerDates::default()));
    assert_eq!(
        reports(&profile, folder.join("orchestrate-execution-example.json")).unwrap_err().code,
        Code::NoRows,
        "no report at all"
    );
    for name in ["soap-fault-validation.xml", "get-workers-response.xml", "ccw-worker-sync.constructed.xml"] {
        assert_eq!(reports(&profile, folder.join(name)).unwrap_err().code, Code::FormatNotRead, "{name}");
    }
}

#[test]
fn the_collected_darwinbox_answers_yield_what_their_sources_say() {
    let Some(folder) = folder().map(|folder| folder.join("darwinbox")) else { return };
    let profile = Profile::default_for(System::Darwinbox);

    let active = reports(&profile, folder.join("employee-pull-active.constructed.json")).unwrap();
    let first = worker(&active[0]);
    assert_eq!((first.person.as_str(), first.status), ("DBX0101", WorkerStatus::Active));
    assert_eq!(first.dates.hire.unwrap().to_string(), "2019-04-01");
    assert_eq!(first.personal.birth_date.unwrap().to_string(), "1990-11-05");
    let second = worker(&active[1]);
    assert_eq!(second.personal.birth_date.unwrap().to_string(), "1988-02-29");
    assert_eq!(second.dates.hire.unwrap().to_string(), "2024-06-10");

    let inactive = reports(&profile, folder.join("employee-pull-inactive.constructed.json")).unwrap();
    let left = worker(&inactive[0]);
    assert_eq!((left.person.as_str(), left.status), ("DBX0090", WorkerStatus::Terminated));
    assert_eq!(left.dates.termination.unwrap().to_string(), "2024-05-31");
    assert_eq!(left.dates.hire.unwrap().to_string(), "2018-01-15");

    let minimal = reports(&profile, folder.join("employee-pull-minimal.json")).unwrap();
    let only = worker(&minimal[0]);
    assert_eq!((only.person.as_str(), &only.dates), ("EMP001", &crate::WorkerDates::default()));
}
