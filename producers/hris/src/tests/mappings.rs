//! Mappings as customers draw them.

use mirabelle_domain::{MilestoneKind, WorkerStatus};

use super::bodies::{envelope, hire};
use crate::mapping::{DateFormat, KindRule, Mapping, NumericIds, OccurrencePart, Profile, System};
use crate::{Code, Limits, Report, read};

const SYSTEMS: [System; 3] = [System::SuccessFactors, System::Workday, System::Darwinbox];

fn only(profile: &Profile, body: &str) -> Result<Report, Code> {
    let mut delivery = read(profile, None, body.as_bytes(), &Limits::push()).unwrap();
    assert_eq!(delivery.items.len(), 1);
    delivery.items.remove(0).outcome.map_err(|fault| fault.code)
}

#[test]
fn every_default_mapping_is_without_fault_and_survives_as_json() {
    for system in SYSTEMS {
        let mapping = Mapping::default_for(system);
        assert_eq!(mapping.faults(), [], "{system:?}");
        let json = serde_json::to_string_pretty(&mapping).unwrap();
        assert_eq!(serde_json::from_str::<Mapping>(&json).unwrap(), mapping, "{system:?}");
        assert!(!json.contains("anniversary_date"), "the wedding anniversary is read nowhere");
    }
}

#[test]
fn the_readme_names_every_path_of_the_defaults() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let mut paths = 0;
    for system in SYSTEMS {
        let json = serde_json::to_string(&Mapping::default_for(system)).unwrap();
        for text in json.split('"').filter(|text| text.starts_with('/') && *text != "/error") {
            assert!(readme.contains(&format!("`{text}`")), "{system:?}: {text} is missing in the README");
            paths += 1;
        }
    }
    assert!(paths > 70, "only {paths} paths found");
}

#[test]
fn a_mapping_with_an_unknown_member_or_nonsense_is_refused() {
    for (wrong, word) in [
        (r#"{"id":"/a","dates":["iso"],"idd":"/b"}"#, "idd"),
        (r#"{"id":"a","dates":["iso"]}"#, "pointer"),
        (r#"{"id":"/a","dates":["ymd"]}"#, "ymd"),
        (r#"{"id":"/a","dates":["iso"],"worker":{"fields":{"salary":["/s"]}}}"#, "salary"),
    ] {
        let fault = serde_json::from_str::<Mapping>(wrong).unwrap_err().to_string();
        assert!(fault.contains(word), "{fault}");
    }
    let mut mapping = Mapping::default_for(System::SuccessFactors);
    mapping.dates.clear();
    mapping.stamp_zone = Some("Mars/Olympus".to_owned());
    mapping.dataset = Some("all".to_owned());
    let milestone = mapping.milestone.as_mut().unwrap();
    milestone.kinds.push(milestone.kinds[0].clone());
    milestone.kinds[1].occurrence.clear();
    milestone.kinds[2].occurrence = vec![OccurrencePart::Text("with space".to_owned())];
    milestone.kinds[4].retracts = true;
    let places: Vec<String> = mapping.faults().into_iter().map(|fault| fault.at).collect();
    let again = format!("/milestone/kinds/{}", mapping.milestone.as_ref().unwrap().kinds.len() - 1);
    for place in [
        "/dates",
        "/stamp_zone",
        "/dataset",
        &again,
        "/milestone/kinds/1/occurrence",
        "/milestone/kinds/2/occurrence",
        "/milestone/kinds/4/retracts",
    ] {
        assert!(places.iter().any(|own| own == place), "{place} is missing in {places:?}");
    }
    assert_eq!(places.len(), 7);
}

#[test]
fn a_mapping_that_reports_birthdays_is_refused() {
    let mut mapping = Profile::default_for(System::SuccessFactors).mapping;
    mapping.milestone.as_mut().unwrap().kinds[3].kind = Some(MilestoneKind::Birthday);
    let faults = mapping.faults();
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert_eq!(faults[0].at, "/milestone/kinds/3/kind");
}

#[test]
fn a_number_for_an_id_is_taken_as_written_only_where_the_mapping_says_so() {
    let mut profile = Profile::default_for(System::Workday);
    let body = |id: &str| format!("{{\"Report_Entry\":[{{\"Employee_ID\":{id}}}]}}");
    assert_eq!(only(&profile, &body("31001")), Err(Code::NumberForId));
    profile.mapping.numeric_ids = NumericIds::Verbatim;
    for id in ["31001", "123456789012345678901234567890"] {
        assert!(
            matches!(only(&profile, &body(id)), Ok(Report::Worker(report)) if report.person.as_str() == id)
        );
    }
    for id in ["-1", "1.0", "1e3"] {
        assert_eq!(only(&profile, &body(id)), Err(Code::NumberForId), "{id}");
    }
}

#[test]
fn a_reason_refines_a_code_and_a_code_can_take_back() {
    let mut profile = Profile::default_for(System::SuccessFactors);
    let rules = &mut profile.mapping.milestone.as_mut().unwrap().kinds;
    let rule = |reason: Option<&str>, kind, retracts| KindRule {
        code: "16".to_owned(),
        reason: reason.map(str::to_owned),
        kind: Some(kind),
        occurrence: vec![OccurrencePart::Date("/effectiveDate".parse().unwrap())],
        retracts,
    };
    *rules = vec![
        rule(None, MilestoneKind::JobChange, false),
        rule(Some("PROMO"), MilestoneKind::Promotion, false),
        rule(Some("UNDO"), MilestoneKind::JobChange, true),
    ];
    for (reason, kind, retracts) in [
        ("", MilestoneKind::JobChange, false),
        ("PROMO", MilestoneKind::Promotion, false),
        ("promo", MilestoneKind::JobChange, false),
        ("UNDO", MilestoneKind::JobChange, true),
    ] {
        let row = format!(
            r#"{{"personIdExternal":"1","event":"16","eventReason":"{reason}","effectiveDate":"2026-03-01"}}"#
        );
        let Ok(Report::Milestone(report)) = only(&profile, &row) else { panic!("{reason}") };
        assert_eq!(
            (report.kind, report.retracts, report.occurrence.as_str()),
            (kind, retracts, "2026-03-01")
        );
    }
}

#[test]
fn a_pushed_promotion_and_the_same_one_in_a_file_have_one_natural_key() {
    let profile = Profile::default_for(System::SuccessFactors);
    let start = "<e:entityKey><name>startDate</name><value>2026-03-02</value></e:entityKey>";
    let pushed = envelope(&hire("1", "P-1").replace("<e:entityKeys>", &format!("<e:entityKeys>{start}")));
    let pushed = pushed.replace("AssignmentInformation.Hire", "AssignmentInformation.Promotion");
    let key = |body: &str| match only(&profile, body) {
        Ok(Report::Milestone(report)) => (report.person, report.kind, report.occurrence),
        other => panic!("{other:?}"),
    };
    let millis = r#"{"personIdExternal":"P-1","event":"8","effectiveDate":"/Date(1772409600000)/"}"#;
    assert_eq!(key(&pushed), key(millis));
    let hired = envelope(&hire("2", "P-1"));
    assert_eq!(key(&hired), key(r#"{"personIdExternal":"P-1","event":"H","effectiveDate":"2026-03-09"}"#));
}

#[test]
fn a_leaver_comes_only_from_the_inactive_dataset() {
    let mut profile = Profile::default_for(System::Darwinbox);
    let row = |status: &str| {
        format!(
            "{{\"status\":1,\"employee_data\":[{{\"employee_id\":\"D1\",\"date_of_exit\":\"31-May-2024\"{}}}]}}",
            if status.is_empty() { String::new() } else { format!(",\"employee_status\":\"{status}\"") }
        )
    };
    let status = |profile: &Profile, word: &str| match only(profile, &row(word)) {
        Ok(Report::Worker(report)) => Ok(report.status),
        Ok(other) => panic!("{other:?}"),
        Err(code) => Err(code),
    };
    assert_eq!(
        status(&profile, ""),
        Ok(WorkerStatus::Active),
        "a row that says nothing comes from the usual answer"
    );
    assert_eq!(status(&profile, "Inactive"), Ok(WorkerStatus::Terminated));
    profile.mapping.dataset = Some("active".to_owned());
    assert_eq!(status(&profile, ""), Ok(WorkerStatus::Active));
    assert_eq!(status(&profile, "Inactive"), Err(Code::DatasetDisagrees));
    profile.mapping.dataset = Some("inactive".to_owned());
    assert_eq!(status(&profile, ""), Ok(WorkerStatus::Terminated));
    assert_eq!(status(&profile, "Inactive"), Ok(WorkerStatus::Terminated));
    assert_eq!(status(&profile, "Active"), Err(Code::DatasetDisagrees));
}

#[test]
fn a_dataset_reads_its_dates_in_its_own_format() {
    let mut profile = Profile::default_for(System::Darwinbox);
    profile.mapping.dates = vec![DateFormat::Mdy];
    profile.mapping.datasets.get_mut("inactive").unwrap().dates = vec![DateFormat::DMonY];
    let body = |status: &str, date: &str| {
        format!(
            r#"{{"status":"1","employee_data":{{"employee_id":"D1","employee_status":"{status}","date_of_birth":"{date}"}}}}"#
        )
    };
    let born = |status: &str, date: &str| match only(&profile, &body(status, date)) {
        Ok(Report::Worker(report)) => Ok(report.personal.birth_date.unwrap().to_string()),
        Ok(other) => panic!("{other:?}"),
        Err(code) => Err(code),
    };
    assert_eq!(born("Active", "05-11-1990"), Ok("1990-05-11".to_owned()));
    assert_eq!(born("Inactive", "05-Nov-1990"), Ok("1990-11-05".to_owned()));
    assert_eq!(born("Active", "05-Nov-1990"), Err(Code::BadDate));
    assert_eq!(born("Inactive", "05-11-1990"), Err(Code::BadDate));
}
