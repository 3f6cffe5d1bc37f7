//! Tables, pages of an answer, variants of a mapping.

use serde_json::json;

use super::bodies::{SOAP_11, read_as, report};
use crate::System::{SuccessFactors, Workday};
use crate::{Asked, Code, Limits, Mapping, Profile, Report, read};

#[test]
fn a_table_refuses_what_is_not_one() {
    let csv = |text: &str| read_as(Workday, text).map(|delivery| format!("{delivery:?}")).unwrap_err().code;
    assert_eq!(csv("Employee_ID,Employee_ID\n1,2\n"), Code::DuplicateMember);
    assert_eq!(csv("Number,Hire_Date\n1,2020-01-01\n"), Code::NoRows);
    assert_eq!(csv(",,\n1,2,3\n"), Code::NoRows);
    assert_eq!(csv("Employee_ID,Department\n1,\"a\"b\n"), Code::CsvSyntax);
    assert_eq!(csv("Employee_ID,Department\n1,\"a\n2,b\n"), Code::Truncated);
    assert_eq!(csv("Employee_ID,Department\n1,a\n2,b"), Code::Truncated);
    assert_eq!(csv(&format!("Employee_ID{}\n1\n", ",x".repeat(1_001))), Code::TooManyValues);
    assert_eq!(csv(&format!("Employee_ID\n{}", "1\n".repeat(2_001))), Code::TooManyItems);
    let mut profile = Profile::default_for(Workday);
    profile.mapping.csv = None;
    let closed = read(&profile, Some("text/csv"), b"Employee_ID\n1\n", &Limits::push());
    assert_eq!(closed.unwrap_err().code, Code::FormatNotRead);
    let disagrees =
        read(&Profile::default_for(Workday), Some("text/csv"), report("").as_bytes(), &Limits::push());
    assert_eq!(disagrees.unwrap_err().code, Code::ContentTypeDisagrees);
    let spread = "\u{feff}Employee_ID , Department\r\n\r\n\"00018\",\"a \"\"b\"\"\"\r\n";
    let mut items = read_as(Workday, spread).unwrap().items;
    let Ok(Report::Worker(worker)) = items.remove(0).outcome else { panic!("{items:?}") };
    assert_eq!((worker.person.as_str(), worker.business.department.as_deref()), ("00018", Some("a \"b\"")));
}

#[test]
fn an_answer_of_get_workers_that_does_not_add_up_is_a_failed_pull() {
    let answer = |results: &str, data: &str| {
        format!(
            "<wd:Get_Workers_Response xmlns:wd=\"urn:com.workday/bsvc\"><wd:Response_Results>{results}</wd:Response_Results>{data}</wd:Get_Workers_Response>"
        )
    };
    let refused =
        |body: &str| read_as(Workday, body).map(|delivery| format!("{delivery:?}")).unwrap_err().code;
    assert_eq!(refused(&answer("<wd:Total_Results>12</wd:Total_Results>", "")), Code::NoRows);
    assert_eq!(refused(&answer("<wd:Page>many</wd:Page>", "<wd:Response_Data/>")), Code::PullFailed);
    let none = read_as(Workday, answer("<wd:Total_Results>0</wd:Total_Results>", "")).unwrap();
    assert_eq!((none.items.len(), none.total), (0, Some(0)));
    for fault in [
        format!("<S:Envelope xmlns:S=\"{SOAP_11}\"><S:Body><S:Fault/></S:Body></S:Envelope>"),
        format!("<S:Fault xmlns:S=\"{SOAP_11}\"><faultcode>x</faultcode></S:Fault>"),
    ] {
        assert_eq!(refused(&fault), Code::PullFailed);
        assert_eq!(read_as(SuccessFactors, &fault).map(drop).unwrap_err().code, Code::PullFailed);
    }
}

#[test]
fn more_of_an_answer_is_only_asked_for_where_it_says_how() {
    let query = |more: &str| {
        format!(
            "<queryResponse xmlns=\"urn:sfobject.sfapi.successfactors.com\"><result>{more}</result></queryResponse>"
        )
    };
    let next =
        |body: &str| read_as(SuccessFactors, body).map(|delivery| delivery.next).map_err(|fault| fault.code);
    assert_eq!(next(&query("<hasMore>false</hasMore>")), Ok(None));
    assert_eq!(next(&query("<hasMore>true</hasMore>")), Err(Code::PullFailed));
    assert_eq!(next(&query("<error><errorCode>x</errorCode></error>")), Err(Code::PullFailed));
    let long = format!("{{\"d\":{{\"results\":[],\"__next\":\"{}\"}}}}", "x".repeat(8_193));
    assert_eq!(next(&long), Err(Code::NotAPlainValue));
    assert_eq!(next(r#"{"d":{"results":[],"__next":7}}"#), Err(Code::NotAPlainValue));
    assert_eq!(next(r#"{"d":{"results":[],"__next":null}}"#), Ok(None));
}

#[test]
fn a_variant_is_used_where_it_fits_or_is_asked_for_and_nowhere_else() {
    let body = json!({"extends": "default", "variants": [
        {"name": "told", "when": {"equals": [{"at": "/kind", "is": "7"}]}, "mapping": {"extends": "base", "id": "/a"}},
        {"name": "asked", "mapping": {"extends": "base", "id": "/b"}},
        {"name": "table", "when": {"has": ["/Second"]}, "mapping": {"extends": "base", "id": "/Second"}}]});
    let profile = Profile { system: Workday, mapping: Mapping::from_json(Workday, &body).unwrap() };
    let row = r#"{"Employee_ID":"base","a":"told","b":"asked"}"#;
    let of = |body: &str, variant: Option<&str>| {
        let asked = Asked { variant, ..Asked::default() };
        let delivery = crate::read_as(&profile, &asked, None, body.as_bytes(), &Limits::push()).unwrap();
        match delivery.items.into_iter().next().unwrap().outcome {
            Ok(Report::Worker(worker)) => worker.person.to_string(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(of(&report(row), None), "base");
    assert_eq!(of(&format!(r#"{{"kind":7,"Report_Entry":[{row}]}}"#), None), "told");
    assert_eq!(of(&report(row), Some("asked")), "asked");
    assert_eq!(of("Employee_ID,Second\nbase,table\n", None), "table");
    assert_eq!(of("Employee_ID,Third\nbase,table\n", None), "base");
}
