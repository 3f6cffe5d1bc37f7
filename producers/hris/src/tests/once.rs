//! The same thing twice in one delivery.

use super::bodies::{envelope, hire, items, report};
use crate::System::{SuccessFactors, Workday};
use crate::{Code, Report};

#[test]
fn a_source_id_twice_counts_once_if_equal_and_not_at_all_if_different() {
    let twice = format!(
        "{}{}",
        hire("a", "P-1"),
        hire("a", "P-1").replace("<e:params>", "<e:repost>1</e:repost><e:params>")
    );
    let equal = items(SuccessFactors, envelope(&twice));
    assert!(matches!(equal.as_slice(), [Ok(Report::Milestone(_))]));

    let other = format!("{}{}{}{}", hire("a", "P-1"), hire("b", "P-2"), hire("a", "P-3"), hire("a", "P-1"));
    let different = items(SuccessFactors, envelope(&other));
    assert_eq!(different.len(), 3, "the third is the first again");
    assert_eq!(different[0], Err(Code::SourceIdTwice));
    assert!(matches!(&different[1], Ok(Report::Milestone(report)) if report.person.as_str() == "P-2"));
    assert_eq!(different[2], Err(Code::SourceIdTwice));

    let bad = hire("a", "P-1").replace("2026-03-02", "2026-02-30");
    let contradicted = items(SuccessFactors, envelope(&format!("{}{bad}", hire("a", "P-1"))));
    assert_eq!(contradicted, [Err(Code::SourceIdTwice), Err(Code::ImpossibleDate)]);
    let bad_twice = items(SuccessFactors, envelope(&format!("{bad}{bad}")));
    assert_eq!(bad_twice, [Err(Code::ImpossibleDate)]);

    let without = hire("", "P-1");
    assert_eq!(
        items(SuccessFactors, envelope(&format!("{without}{without}"))).len(),
        2,
        "no id, no claim to be one"
    );
}

#[test]
fn a_worker_twice_counts_once_if_equal_and_not_at_all_if_different() {
    let row = |id: &str, day: &str| format!("{{\"Employee_ID\":\"{id}\",\"Hire_Date\":\"{day}\"}}");
    let equal = [row("1", "2020-01-01"), row("1", "2020-01-01-08:00")].join(",");
    assert!(matches!(items(Workday, report(&equal)).as_slice(), [Ok(Report::Worker(_))]));

    let different = [row("1", "2020-01-01"), row("01", "2020-01-01"), row("1", "2021-01-01")].join(",");
    let different = items(Workday, report(&different));
    assert_eq!((&different[0], &different[2]), (&Err(Code::WorkerTwice), &Err(Code::WorkerTwice)));
    assert!(matches!(&different[1], Ok(Report::Worker(report)) if report.person.as_str() == "01"));

    let unreadable = [row("1", "2020-01-01"), row("1", "2020-02-31")].join(",");
    assert_eq!(items(Workday, report(&unreadable)), [Err(Code::WorkerTwice), Err(Code::ImpossibleDate)]);

    let milestones = r#"{"Employee_ID":"1","Milestone":"Review","Milestone_ID":"7","Milestone_Date":"2026-01-01"},
        {"Employee_ID":"1","Milestone":"Review","Milestone_ID":"8","Milestone_Date":"2026-01-01"},
        {"Employee_ID":"1","Hire_Date":"2020-01-01"}"#;
    assert_eq!(items(Workday, report(milestones)).iter().filter(|item| item.is_ok()).count(), 3);
}
