//! The same bad input on every format: what a format refuses, another one does not let through.

use super::bodies::{envelope, hire, read_as};
use crate::System::{Darwinbox, SuccessFactors, Workday};
use crate::{Code, Limits, Profile, Report, System, read};
use mirabelle_domain::MilestoneKind;

/// A good body of every format with one person, whose id is `{id}`, hired on `{day}`.
const FORMATS: &[(&str, System, &str)] = &[
    ("json", Workday, r#"{"Report_Entry":[{"Employee_ID":"{id}","Hire_Date":"{day}"}]}"#),
    (
        "raas",
        Workday,
        "<r:Report_Data xmlns:r=\"urn:com.workday.report/X\"><r:Report_Entry><r:Employee_ID>{id}</r:Employee_ID><r:Hire_Date>{day}</r:Hire_Date></r:Report_Entry></r:Report_Data>",
    ),
    ("csv", Workday, "Employee_ID,Hire_Date\n{id},{day}\n"),
    (
        "sync",
        Workday,
        "<ws:Worker_Sync xmlns:ws=\"urn:com.workday/workersync\"><ws:Worker><ws:Summary><ws:Employee_ID>{id}</ws:Employee_ID></ws:Summary><ws:Status><ws:Hire_Date>{day}</ws:Hire_Date></ws:Status></ws:Worker></ws:Worker_Sync>",
    ),
    (
        "peci",
        Workday,
        "<p:Workers_Effective_Stack xmlns:p=\"urn:com.workday/peci\"><p:Worker><p:Worker_Summary><p:Employee_ID>{id}</p:Employee_ID></p:Worker_Summary><p:Effective_Change><p:Derived_Event_Code>HIR</p:Derived_Event_Code><p:Effective_Moment>{day}</p:Effective_Moment></p:Effective_Change></p:Worker></p:Workers_Effective_Stack>",
    ),
    (
        "workers",
        Workday,
        "<wd:Get_Workers_Response xmlns:wd=\"urn:com.workday/bsvc\"><wd:Response_Data><wd:Worker><wd:Worker_Reference><wd:ID wd:type=\"Employee_ID\">{id}</wd:ID></wd:Worker_Reference><wd:Worker_Data><wd:Employment_Data><wd:Worker_Status_Data><wd:Hire_Date>{day}</wd:Hire_Date></wd:Worker_Status_Data></wd:Employment_Data></wd:Worker_Data></wd:Worker></wd:Response_Data></wd:Get_Workers_Response>",
    ),
    (
        "odata",
        SuccessFactors,
        r#"{"d":{"results":[{"__metadata":{"type":"SFOData.PerPerson"},"personIdExternal":"{id}","employmentNav":{"results":[{"assignmentClass":"ST","startDate":"{day}"}]}}]}}"#,
    ),
    (
        "compound",
        SuccessFactors,
        "<queryResponse xmlns=\"urn:sfobject.sfapi.successfactors.com\"><result><sfobject><person><person_id_external>{id}</person_id_external><employment_information><start_date>{day}</start_date></employment_information></person></sfobject></result></queryResponse>",
    ),
    (
        "event",
        SuccessFactors,
        "<e:ExternalEvent xmlns:e=\"http://notification.event.successfactors.com\"><e:externalEventMeta><e:type>com.successfactors.Employment.AssignmentInformation.Hire</e:type></e:externalEventMeta><e:events><e:event><e:effectiveStartDate>{day}</e:effectiveStartDate><e:params><e:param><name>personIdExternal</name><value>{id}</value></e:param></e:params></e:event></e:events></e:ExternalEvent>",
    ),
    (
        "employee",
        Darwinbox,
        r#"{"status":1,"employee_data":[{"employee_id":"{id}","date_of_joining":"{day}"}]}"#,
    ),
];

fn body(format: &str, id: &str, day: &str) -> String {
    format.replace("{id}", id).replace("{day}", day)
}

/// A day as the format's default mapping reads it.
fn good_day(system: System) -> &'static str {
    if system == Darwinbox { "10-06-2024" } else { "2024-06-10" }
}

fn is_xml(format: &str) -> bool {
    format.starts_with('<')
}

fn is_json(format: &str) -> bool {
    format.starts_with('{') && format.contains(':')
}

/// The person of the only item, or why it is set aside.
fn person(system: System, body: &str) -> Result<String, Code> {
    let mut items = read_as(system, body).unwrap_or_else(|fault| panic!("{fault}: {body:.300}")).items;
    assert_eq!(items.len(), 1, "{body:.300}");
    match items.remove(0).outcome.map_err(|fault| fault.code)? {
        Report::Worker(report) => Ok(report.person.to_string()),
        Report::Milestone(report) => Ok(report.person.to_string()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_format_reads_its_good_body_and_keeps_the_id_as_it_is() {
    for (name, system, format) in FORMATS {
        for id in ["00018", "0", "-1", "1e3", "é東京", "P-7 00"] {
            assert_eq!(person(*system, &body(format, id, good_day(*system))).as_deref(), Ok(id), "{name}");
        }
    }
}

#[test]
fn every_format_sets_a_bad_id_or_day_aside() {
    for (name, system, format) in FORMATS {
        let day = good_day(*system);
        let long = "9".repeat(129);
        let huge = "9".repeat(1 << 20);
        for (id, code) in [
            ("7\u{202E}1", Code::ControlCharacter),
            ("7\u{200B}1", Code::ControlCharacter),
            ("7\u{85}1", Code::ControlCharacter),
            (long.as_str(), Code::BadId),
            (huge.as_str(), Code::ValueTooLong),
        ] {
            assert_eq!(person(*system, &body(format, id, day)), Err(code), "{name} {id:.20}");
        }
        let nobody = read_as(*system, body(format, "", day)).unwrap().items.remove(0).outcome;
        assert_eq!(nobody.unwrap_err().code, Code::NoPerson, "{name}");
        let darwinbox = *system == Darwinbox;
        for (day, code) in [
            (if darwinbox { "31-04-2024" } else { "2024-04-31" }, Code::ImpossibleDate),
            (if darwinbox { "01-01-0001" } else { "0001-01-01" }, Code::YearOutOfRange),
            (if darwinbox { "31-12-9999" } else { "9999-12-31" }, Code::YearOutOfRange),
            (if darwinbox { "31-Dec-9999" } else { "1899-12-31" }, Code::YearOutOfRange),
            ("soon", Code::BadDate),
            ("1718006395", if *system == SuccessFactors { Code::AmbiguousDate } else { Code::BadDate }),
            ("1718006395007", if *system == SuccessFactors { Code::AmbiguousDate } else { Code::BadDate }),
            ("-1718006395007", if *system == SuccessFactors { Code::AmbiguousDate } else { Code::BadDate }),
            ("2024-06-10T22:00:00Z", if darwinbox { Code::BadDate } else { Code::AmbiguousDate }),
            ("05/06/2024", if *system == SuccessFactors { Code::AmbiguousDate } else { Code::BadDate }),
        ] {
            // Day, month, year is what a Darwinbox connection fixes.
            if darwinbox && day == "05/06/2024" {
                continue;
            }
            assert_eq!(person(*system, &body(format, "1", day)), Err(code), "{name} {day}");
        }
    }
}

#[test]
fn every_format_refuses_another_charset_a_login_page_and_nothing() {
    for (name, system, format) in FORMATS {
        let good = body(format, "1", good_day(*system));
        let refused = |bytes: &[u8]| match read(&Profile::default_for(*system), None, bytes, &Limits::push())
        {
            Err(fault) => fault.code,
            Ok(delivery) => panic!("{name}: {delivery:?}"),
        };
        let little: Vec<u8> = good.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> =
            [0xFE, 0xFF].into_iter().chain(good.encode_utf16().flat_map(u16::to_be_bytes)).collect();
        assert_eq!(refused(&little), Code::CharsetNotSupported, "{name}");
        assert_eq!(refused(&big), Code::CharsetNotSupported, "{name}");
        let latin = body(format, "Jos\u{1}", good_day(*system)).replace('\u{1}', "XX").into_bytes();
        let latin: Vec<u8> = latin.iter().map(|&byte| if byte == b'X' { 0xE9 } else { byte }).collect();
        if !format.contains('X') {
            assert_eq!(refused(&latin), Code::NotUtf8, "{name}");
        }
        if is_xml(format) {
            let declared = format!("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>{good}");
            assert_eq!(refused(declared.as_bytes()), Code::CharsetNotSupported, "{name}");
        }
        for page in ["<!doctype HTML><html><form/></html>", "<html><body>Log in</body></html>"] {
            assert_eq!(refused(page.as_bytes()), Code::HtmlPage, "{name}");
        }
        assert_eq!(refused(b"<?xml version=\"1.0\"?><Html><body/></Html>"), Code::HtmlPage, "{name}");
        assert_eq!(refused(b""), Code::EmptyBody, "{name}");
    }
}

#[test]
fn nothing_of_a_format_is_read_where_it_was_cut_off() {
    for (name, system, format) in FORMATS {
        let good = body(format, "00018", good_day(*system));
        let good = good.trim_end_matches('\n');
        for cut in (0..good.len()).filter(|cut| good.is_char_boundary(*cut)) {
            let part = &good[..cut];
            // A table has no end but that of its lines: cut between two of them it is a shorter one.
            if part.ends_with('\n') {
                continue;
            }
            let read = read_as(*system, part);
            assert!(read.is_err(), "{name}: {part}");
        }
    }
}

#[test]
fn every_xml_format_refuses_what_pretends_and_what_bombs() {
    for (name, system, format) in FORMATS.iter().filter(|(_, _, format)| is_xml(format)) {
        let good = body(format, "1", good_day(*system));
        let refused =
            |body: &str| read_as(*system, body).map(|delivery| format!("{delivery:?}")).unwrap_err().code;
        assert_eq!(
            refused(&format!("<!DOCTYPE a [<!ENTITY b \"c\">]>{good}")),
            Code::DoctypeRefused,
            "{name}"
        );
        assert_eq!(refused(&body(format, "&b;", "2024-06-10")), Code::EntityRefused, "{name}");
        assert_eq!(refused(&format!("{good}{good}")), Code::TrailingContent, "{name}");
        let deep = format!("{}{}", "<x>".repeat(100_000), "</x>".repeat(100_000));
        assert_eq!(refused(&body(format, &deep, "2024-06-10")), Code::TooDeep, "{name}");
        let many = "<x/>".repeat(200_001);
        assert_eq!(refused(&body(format, &many, "2024-06-10")), Code::TooManyValues, "{name}");
        assert_eq!(
            refused(&body(format, "<q:x/>", "2024-06-10")),
            Code::WrongNamespace,
            "{name}: no declaration"
        );
        let of = |id: &str| person(*system, &body(format, id, "2024-06-10"));
        assert_eq!(of("P<!-- -->1"), Err(Code::MarkupInValue), "{name}");
        assert_eq!(of("P<?pi?>1"), Err(Code::MarkupInValue), "{name}");
        assert_eq!(of("<![CDATA[ 00018 ]]>").as_deref(), Ok("00018"), "{name}");
        assert_eq!(of("a&amp;b&#x3C;&#99;").as_deref(), Ok("a&b<c"), "{name}");
        if *name != "compound" {
            assert_eq!(of("<b>1</b>"), Err(Code::NotAPlainValue), "{name}");
        }
    }
}

#[test]
fn a_namespace_is_told_by_its_name_and_never_by_a_prefix() {
    for (name, system, format) in FORMATS.iter().filter(|(_, _, format)| is_xml(format)) {
        let good = body(format, "1", good_day(*system));
        let start = good.find("xmlns").unwrap();
        let uri = &good[start..];
        let uri = uri[uri.find('"').unwrap() + 1..].split('"').next().unwrap();
        if *name == "raas" {
            continue;
        }
        for wrong in ["urn:example:pretends", &uri.to_uppercase(), &format!("{uri}/")] {
            let pretending = good.replacen(uri, wrong, 1);
            let fault = read_as(*system, &pretending).unwrap_err();
            let codes = [Code::WrongNamespace, Code::NotAnExternalEvent, Code::NoRows];
            assert!(codes.contains(&fault.code), "{name}: {fault}");
        }
    }
    let inside = "<r:Report_Data xmlns:r=\"urn:a\"><r:Report_Entry><r:Employee_ID xmlns:r=\"urn:b\">1</r:Employee_ID>\
        </r:Report_Entry></r:Report_Data>";
    assert_eq!(person(Workday, inside), Err(Code::WrongNamespace));
    let mut profile = Profile::default_for(Workday);
    profile.mapping.namespace = Some("urn:com.workday.report/Y".to_owned());
    let (_, _, raas) = FORMATS[1];
    let other = read(&profile, None, body(raas, "1", "2024-06-10").as_bytes(), &Limits::push());
    assert_eq!(other.unwrap_err().code, Code::WrongNamespace);
}

#[test]
fn every_json_format_refuses_what_is_no_strict_json_and_numbers_for_ids() {
    for (name, system, format) in FORMATS.iter().filter(|(_, _, format)| is_json(format)) {
        let day = good_day(*system);
        let refused =
            |body: &str| read_as(*system, body).map(|delivery| format!("{delivery:?}")).unwrap_err().code;
        assert_eq!(refused(&body(format, "\\ud800", day)), Code::LoneSurrogate, "{name}");
        assert_eq!(refused(&format!("{}x", body(format, "1", day))), Code::TrailingContent, "{name}");
        let number = body(format, "31001", day).replace("\"31001\"", "31001");
        assert_eq!(person(*system, &number), Err(Code::NumberForId), "{name}");
        let zeros = body(format, "31001", day).replace("\"31001\"", "0031001");
        assert_eq!(refused(&zeros), Code::JsonSyntax, "{name}");
        let list = body(format, "31001", day).replace("\"31001\"", "[\"31001\"]");
        assert_eq!(person(*system, &list), Err(Code::NotAPlainValue), "{name}");
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(refused(&body(format, "31001", day).replace("\"31001\"", &deep)), Code::TooDeep, "{name}");
    }
    for body in [r#"{"d":null}"#, r#"{"d":{"results":{}}}"#, r#"{"d":"x"}"#, r#"{"d":[1]}"#] {
        assert_eq!(read_as(SuccessFactors, body).map(drop).unwrap_err().code, Code::NoRows, "{body}");
    }
}

#[test]
fn the_same_person_twice_counts_once_or_not_at_all_in_every_format_of_whole_states() {
    let twice = |format: &str, from: &str, to: &str, days: [&str; 2]| {
        let place = |body: &str| {
            let start = body.find(from).unwrap();
            start..start + body[start..].find(to).unwrap() + to.len()
        };
        let (one, other) = (body(format, "1", days[0]), body(format, "1", days[1]));
        let (first, second) = (place(&one), place(&other));
        let comma = if format.starts_with('{') { "," } else { "" };
        format!("{}{comma}{}{}", &one[..first.end], &other[second], &one[first.end..])
    };
    for (name, from, to) in [
        ("json", "{\"Employee_ID\"", "\"}"),
        ("raas", "<r:Report_Entry>", "</r:Report_Entry>"),
        ("csv", "1,", "\n"),
        ("sync", "<ws:Worker>", "</ws:Worker>"),
        ("workers", "<wd:Worker>", "</wd:Worker>"),
        ("odata", "{\"__metadata\"", "]}}"),
        ("employee", "{\"employee_id\"", "\"}"),
    ] {
        let (_, system, format) = FORMATS.iter().find(|(own, ..)| *own == name).unwrap();
        let day = good_day(*system);
        let equal = read_as(*system, twice(format, from, to, [day, day])).unwrap();
        assert_eq!(equal.items.len(), 1, "{name}");
        let other = if *system == Darwinbox { "11-06-2024" } else { "2024-06-11" };
        let different = read_as(*system, twice(format, from, to, [day, other])).unwrap();
        let codes: Vec<Code> =
            different.items.into_iter().map(|item| item.outcome.unwrap_err().code).collect();
        assert_eq!(codes, [Code::WorkerTwice, Code::WorkerTwice], "{name}");
    }
}

#[test]
fn a_hire_and_a_termination_out_of_order_are_both_what_they_are() {
    let change = |code: &str, day: &str| {
        format!(
            "<p:Effective_Change><p:Derived_Event_Code>{code}</p:Derived_Event_Code>\
             <p:Effective_Moment>{day}</p:Effective_Moment></p:Effective_Change>"
        )
    };
    let both = format!("{}{}", change("TERM", "2026-06-30"), change("HIR", "2026-06-01"));
    let stack = format!(
        "<p:Workers_Effective_Stack xmlns:p=\"urn:com.workday/peci\"><p:Worker><p:Worker_Summary>\
         <p:Employee_ID>1</p:Employee_ID></p:Worker_Summary>{both}</p:Worker></p:Workers_Effective_Stack>"
    );
    let items = read_as(Workday, stack).unwrap().items;
    assert!(matches!(&items[0].outcome, Ok(Report::Pointer(pointer)) if pointer.kind.is_none()));
    assert!(matches!(&items[1].outcome, Ok(Report::Milestone(hire)) if hire.kind == MilestoneKind::Hire));
}

#[test]
fn a_hundred_thousand_parameters_are_refused_in_bounded_memory() {
    let param = "<e:param><name>x</name><value>1</value></e:param>";
    let many = hire("1", "P-1").replace("<e:params>", &format!("<e:params>{}", param.repeat(100_000)));
    let fault = read(
        &Profile::default_for(SuccessFactors),
        None,
        envelope(&many).as_bytes(),
        &Limits { bytes: 16 << 20, ..Limits::push() },
    );
    assert_eq!(fault.unwrap_err().code, Code::TooManyValues);
}

#[test]
fn a_reason_of_any_format_never_holds_what_was_sent() {
    let secret = "Rosalind1920";
    for (name, system, format) in FORMATS {
        for wrong in
            [body(format, "1", secret), body(format, &format!("{secret}\u{202E}"), good_day(*system))]
        {
            let faults = match read_as(*system, &wrong) {
                Err(fault) => vec![fault],
                Ok(delivery) => delivery.items.into_iter().filter_map(|item| item.outcome.err()).collect(),
            };
            assert!(!faults.is_empty(), "{name}");
            for fault in faults {
                let shown = format!("{fault} {fault:?}").to_lowercase();
                assert!(!shown.contains("rosalind"), "{name}: {shown}");
            }
        }
    }
}
