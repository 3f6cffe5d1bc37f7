//! What must be refused, by which code, and what must not be.

use super::bodies::{CURRENT, SOAP_11, envelope, hire, items, person, read_as, refusal, report, set_aside};
use crate::System::{Darwinbox, SuccessFactors, Workday};
use crate::{Code, Limits, Profile, Report, read};

#[test]
fn a_body_of_a_wrong_charset_or_type_is_refused_before_it_is_parsed() {
    let good = report(r#"{"Employee_ID":"1"}"#);
    let wide: Vec<u8> = good.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let marked: Vec<u8> = [0xFF, 0xFE].into_iter().chain(wide.iter().copied()).collect();
    let latin = envelope(&hire("1", "Jos\u{1}")).replace('\u{1}', "XX").into_bytes();
    let latin: Vec<u8> = latin.iter().map(|&byte| if byte == b'X' { 0xE9 } else { byte }).collect();
    assert_eq!(refusal(Workday, wide), Code::CharsetNotSupported);
    assert_eq!(refusal(Workday, marked), Code::CharsetNotSupported);
    assert_eq!(refusal(SuccessFactors, latin), Code::NotUtf8);
    assert_eq!(refusal(Workday, b"{\"Report_Entry\":[{\"Employee_ID\":\"\xC3\x28\"}]}"), Code::NotUtf8);
    assert_eq!(refusal(Workday, b"{\"Report_Entry\":[{\"Employee_ID\":\"\xED\xA0\x80\"}]}"), Code::NotUtf8);
    assert_eq!(refusal(Workday, ""), Code::EmptyBody);
    assert_eq!(refusal(Workday, " \r\n\t"), Code::EmptyBody);
    assert_eq!(refusal(Workday, "Bad Gateway\n"), Code::NoRows);
    assert_eq!(refusal(Workday, "Employee_ID,Hire_Date"), Code::Truncated);
    assert_eq!(refusal(Workday, envelope("")), Code::NotAnExternalEvent);
    assert_eq!(refusal(Darwinbox, "<!DOCTYPE html><html></html>"), Code::HtmlPage);
    assert_eq!(refusal(SuccessFactors, "<HTML><body/></HTML>"), Code::HtmlPage);
    for (declared, code) in [
        ("application/json; charset=utf-16", Code::CharsetNotSupported),
        ("application/json;charset=\"ISO-8859-1\"", Code::CharsetNotSupported),
        ("text/html", Code::HtmlPage),
        ("text/xml", Code::ContentTypeDisagrees),
        ("application/soap+xml; action=x", Code::ContentTypeDisagrees),
    ] {
        let fault = read(&Profile::default_for(Workday), Some(declared), good.as_bytes(), &Limits::push());
        assert_eq!(fault.unwrap_err().code, code, "{declared}");
    }
    for declared in
        ["application/json", "application/vnd.x+json; charset=UTF-8", "text/plain", "", ";;;", "x"]
    {
        let read = read(&Profile::default_for(Workday), Some(declared), good.as_bytes(), &Limits::push());
        assert_eq!(read.unwrap().items.len(), 1, "{declared}");
    }
    let with_mark: Vec<u8> = [0xEF, 0xBB, 0xBF].into_iter().chain(good.bytes()).collect();
    assert_eq!(person(Workday, with_mark), "1");
}

#[test]
fn hostile_json_is_refused_whole_by_its_own_code() {
    for (body, code) in [
        (r#"{"Report_Entry":[{"Employee_ID":"1"}]} x"#.to_owned(), Code::TrailingContent),
        (r#"{"Report_Entry":[{"Employee_ID":"1"}]}{}"#.to_owned(), Code::TrailingContent),
        (r#"{"Report_Entry":[{"Employee_ID":"1"}"#.to_owned(), Code::Truncated),
        (r#"{"Report_Entry":[{"Employee_ID":"1"#.to_owned(), Code::Truncated),
        (r#"{"Report_Entry":[{"Employee_ID":tr"#.to_owned(), Code::Truncated),
        (report(r#"{"Employee_ID":"1","Employee_ID":"1"}"#), Code::DuplicateMember),
        (report(r#"{"Employee_ID":"1","\u0045mployee_ID":"2"}"#), Code::DuplicateMember),
        (report(r#"{"x":{"a":1,"a":2}}"#), Code::DuplicateMember),
        (r#"{"Report_Entry":[],"Report_Entry":[]}"#.to_owned(), Code::DuplicateMember),
        (report(r#"{"Employee_ID":"\ud800"}"#), Code::LoneSurrogate),
        (report(r#"{"Employee_ID":"\udc00\ud800"}"#), Code::LoneSurrogate),
        (report(r#"{"Employee_ID":"\ud800\u0041"}"#), Code::LoneSurrogate),
        (report(r#"{"Employee_ID":00018}"#), Code::JsonSyntax),
        (report(r#"{"Employee_ID":"1",}"#), Code::JsonSyntax),
        (report(r#"{"Employee_ID":NaN}"#), Code::JsonSyntax),
        (report(r#"{'Employee_ID':'1'}"#), Code::JsonSyntax),
        (report("{\"Employee_ID\":\"1\n\"}"), Code::JsonSyntax),
        (report(r#"{"Employee_ID":"\x31"}"#), Code::JsonSyntax),
        (format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)), Code::TooDeep),
        (report(&format!("{{\"ignored\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000))), Code::TooDeep),
        (format!("{{\"Report_Entry\":{}", "{\"a\":".repeat(100_000)), Code::TooDeep),
        (report(&format!("{{\"ignored\":[{}1]}}", "1,".repeat(200_000))), Code::TooManyValues),
        (report(&format!("{}{{}}", "{},".repeat(2_000))), Code::TooManyItems),
        (format!("{{\"Report_Entry\":[]{}}}", " ".repeat(4 << 20)), Code::BodyTooLarge),
        ("{}".to_owned(), Code::NoRows),
        (r#"{"Report_Entry":null}"#.to_owned(), Code::NoRows),
        (r#"{"Report_Entry":"none"}"#.to_owned(), Code::NoRows),
        ("[]".to_owned(), Code::NoRows),
    ] {
        assert_eq!(refusal(Workday, &body), code, "{}", &body[..body.len().min(120)]);
    }
    assert_eq!(refusal(Darwinbox, r#"{"employee_data":[]}"#), Code::PullFailed);
    assert_eq!(refusal(Darwinbox, r#"{"status":0,"employee_data":[]}"#), Code::PullFailed);
    assert_eq!(refusal(Darwinbox, r#"[{"status":1}]"#), Code::PullFailed);
    assert_eq!(refusal(SuccessFactors, r#"{"error":null,"personIdExternal":"1"}"#), Code::PullFailed);
}

#[test]
fn hostile_xml_is_refused_whole_by_its_own_code() {
    let good = envelope(&hire("1", "P-1"));
    let depth = format!("{}{}", "<x>".repeat(100_000), "</x>".repeat(100_000));
    let attributes: String = (0..100).map(|n| format!(" a{n}=\"1\"")).collect();
    for (body, code) in [
        (format!("<!DOCTYPE a>{good}"), Code::DoctypeRefused),
        (
            format!("<?xml version=\"1.0\"?><!DOCTYPE a SYSTEM \"http://127.0.0.1/x\">{good}"),
            Code::DoctypeRefused,
        ),
        (envelope(&hire("1", "<!DOCTYPE a>")), Code::DoctypeRefused),
        (envelope(&hire("1", "&lol;")), Code::EntityRefused),
        (envelope(&hire("1", "&#0;")), Code::XmlSyntax),
        (envelope(&hire("1", "&#7;")), Code::ControlCharacter),
        (envelope(&hire("1", "\u{0}")), Code::ControlCharacter),
        (envelope(&hire("1", "&#xD800;")), Code::XmlSyntax),
        (envelope(&hire("1", "a & b")), Code::XmlSyntax),
        (format!("{good}<x/>"), Code::TrailingContent),
        (format!("{good}{good}"), Code::TrailingContent),
        (format!("{good}trailing"), Code::TrailingContent),
        (format!("{good}</x>"), Code::TrailingContent),
        (good[..good.len() - 9].to_owned(), Code::Truncated),
        (good[..good.len() / 2].to_owned(), Code::Truncated),
        (good.replace("<S:Body>", "<S:Body><!-- "), Code::Truncated),
        (good.replace("</S:Body>", "</S:Boby>"), Code::XmlSyntax),
        (good.replace("<S:Body>", "<S:Body a=\"1\" a=\"2\">"), Code::XmlSyntax),
        (good.replace("<S:Body>", "<S:Body a=\"<\">"), Code::XmlSyntax),
        (good.replace("<S:Body>", &format!("<S:Body{attributes}>")), Code::TooManyValues),
        (good.replace("<e:events>", "<!-- a -- b --><e:events>"), Code::XmlSyntax),
        (format!("<?xml version=\"1.1\"?>{good}"), Code::XmlSyntax),
        (format!(" <?xml version=\"1.0\"?>{good}"), Code::XmlSyntax),
        (format!("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>{good}"), Code::CharsetNotSupported),
        (format!("<?xml version=\"1.0\" encoding=\"UTF-16\"?>{good}"), Code::CharsetNotSupported),
        (envelope(&depth), Code::TooDeep),
        (depth, Code::TooDeep),
        (envelope(&"<e:event/>".repeat(2_001)), Code::TooManyItems),
        (envelope(&"<x/>".repeat(200_000)), Code::TooManyValues),
        (good.replace("xmlns:e=", "xmlns:f="), Code::WrongNamespace),
        (good.replace(CURRENT, "urn:example"), Code::WrongNamespace),
        (good.replace(CURRENT, &CURRENT.to_uppercase()), Code::WrongNamespace),
        (good.replace(SOAP_11, "urn:example"), Code::WrongNamespace),
        (good.replace("<e:events>", "<e:events xmlns:e=\"urn:example\">"), Code::WrongNamespace),
        (good.replace("<S:Body>", "<S:Body xmlns:S=\"urn:example\">"), Code::WrongNamespace),
        ("<a/>".to_owned(), Code::NotAnExternalEvent),
        (format!("<S:Envelope xmlns:S=\"{SOAP_11}\"/>"), Code::NotAnExternalEvent),
        (format!("<S:Envelope xmlns:S=\"{SOAP_11}\"><S:Body/></S:Envelope>"), Code::NotAnExternalEvent),
        (good.replace("<S:Body>", "<S:Body></S:Body><S:Body>"), Code::DuplicateMember),
        (good.replace("<S:Body>", "<S:Body><x/>"), Code::DuplicateMember),
        (good.replace("<e:events>", "<e:events></e:events><e:events>"), Code::DuplicateMember),
    ] {
        assert_eq!(refusal(SuccessFactors, &body), code, "{}", &body[..body.len().min(300)]);
    }
}

#[test]
fn a_bad_item_of_a_soap_delivery_is_set_aside_alone() {
    for (bad, code) in [
        (hire("1", ""), None),
        (hire("1", "P<!-- -->1"), Some(Code::MarkupInValue)),
        (hire("1", "P<?pi?>1"), Some(Code::MarkupInValue)),
        (hire("1", "<!-- -->"), Some(Code::MarkupInValue)),
        (hire("1", "<b>P1</b>"), Some(Code::NotAPlainValue)),
        (hire("1", &"9".repeat(129)), Some(Code::BadId)),
        (hire("1", &"9".repeat(1 << 20)), Some(Code::ValueTooLong)),
        (hire("1", "7\u{85}1"), Some(Code::ControlCharacter)),
        (hire("1", "7\n1"), Some(Code::ControlCharacter)),
        (hire("1", "7\u{202E}1"), Some(Code::ControlCharacter)),
        (hire("1", "7\u{200B}1"), Some(Code::ControlCharacter)),
        (hire("1", "P-1").replace("2026-03-02", "2026-02-30"), Some(Code::ImpossibleDate)),
        (hire("1", "P-1").replace("2026-03-02", "9999-12-31"), Some(Code::YearOutOfRange)),
        (hire("1", "P-1").replace("2026-03-02", "03/02/2026"), Some(Code::AmbiguousDate)),
        (hire("1", "P-1").replace("2026-03-02", "31/31/2026"), Some(Code::ImpossibleDate)),
        (hire("1", "P-1").replace("2026-03-02", "2 March"), Some(Code::BadDate)),
        (hire("1", "P-1").replace("2026-03-02", "1728000000"), Some(Code::AmbiguousDate)),
        (hire("1", "P-1").replace("2026-03-02", "1772438400123"), Some(Code::AmbiguousDate)),
        (hire("1", "P-1").replace("1772438400123", "1772438400"), Some(Code::BadTimestamp)),
        (hire("1", "P-1").replace("1772438400123", "soon"), Some(Code::BadTimestamp)),
        (hire("1", "P-1").replace("<name>userId<", "<name>personIdExternal<"), Some(Code::ValuesDisagree)),
        (
            hire("1", "P-1").replace("<e:eventId>", "<e:eventId>2</e:eventId><e:eventId>"),
            Some(Code::DuplicateMember),
        ),
        (hire("1", "P-1").replace("<name>", "<name xmlns=\"urn:example\">"), Some(Code::WrongNamespace)),
        (hire(&"i".repeat(129), "P-1"), Some(Code::BadId)),
        ("<e:event/>".to_owned(), Some(Code::NoPerson)),
    ] {
        let both = items(SuccessFactors, envelope(&format!("{bad}{}", hire("2", "P-2"))));
        assert_eq!(both.len(), 2, "{bad:.300}");
        match code {
            Some(code) => assert_eq!(both[0], Err(code), "{bad:.300}"),
            None => assert!(matches!(both[0], Ok(Report::Pointer(_))), "{bad:.300}"),
        }
        assert!(matches!(&both[1], Ok(Report::Milestone(report)) if report.person.as_str() == "P-2"));
    }
    let no_type = envelope(&hire("1", "P-1")).replace("e:type>", "e:kind>");
    assert_eq!(set_aside(SuccessFactors, no_type), Code::NoCode);
}

#[test]
fn a_bad_row_is_set_aside_alone() {
    for (bad, code) in [
        (r#"{"Employee_ID":31001}"#.to_owned(), Code::NumberForId),
        (r#"{"Employee_ID":true}"#.to_owned(), Code::BadId),
        (r#"{"Employee_ID":["31001"]}"#.to_owned(), Code::NotAPlainValue),
        (r#"{"Employee_ID":{"ID":"31001"}}"#.to_owned(), Code::NotAPlainValue),
        (r#"{"Employee_ID":null}"#.to_owned(), Code::NoPerson),
        (r#"{"Employee_ID":"  "}"#.to_owned(), Code::NoPerson),
        (r#"{"employee_id":"31001"}"#.to_owned(), Code::NoPerson),
        (r#"{"Employee_ID":"3\u00001"}"#.to_owned(), Code::ControlCharacter),
        (r#"{"Employee_ID":"3\t1"}"#.to_owned(), Code::ControlCharacter),
        (r#"{"Employee_ID":"3\ufeff1"}"#.to_owned(), Code::ControlCharacter),
        (format!("{{\"Employee_ID\":\"{}\"}}", "1".repeat(129)), Code::BadId),
        (format!("{{\"Employee_ID\":\"{}\"}}", "1".repeat(1 << 20)), Code::ValueTooLong),
        (format!("{{\"Employee_ID\":\"1\",\"Department\":\"{}\"}}", "x".repeat(1_025)), Code::ValueTooLong),
        (r#"{"Employee_ID":"1","Department":"a\u0000b"}"#.to_owned(), Code::ControlCharacter),
        (r#"{"Employee_ID":"1","Department":["a"]}"#.to_owned(), Code::NotAPlainValue),
        (r#"{"Employee_ID":"1","Hire_Date":"2023-02-29"}"#.to_owned(), Code::ImpossibleDate),
        (r#"{"Employee_ID":"1","Hire_Date":"1899-12-31"}"#.to_owned(), Code::YearOutOfRange),
        (r#"{"Employee_ID":"1","Hire_Date":20240610}"#.to_owned(), Code::BadDate),
        (r#"{"Employee_ID":"1","Hire_Date":"2024-06-10T23:00:00Z"}"#.to_owned(), Code::AmbiguousDate),
        (r#"{"Employee_ID":"1","Worker_Status":"active"}"#.to_owned(), Code::UnknownStatus),
        (r#"{"Employee_ID":"1","Last_Modified":"yesterday"}"#.to_owned(), Code::BadTimestamp),
        (r#"{"Employee_ID":"1","Milestone":"Promotion","Milestone_ID":"7"}"#.to_owned(), Code::NoEffectiveDate),
        (
            r#"{"Employee_ID":"1","Milestone":"Promotion","Milestone_Date":"2026-01-01"}"#.to_owned(),
            Code::NoOccurrence,
        ),
        (
            r#"{"Employee_ID":"1","Milestone":"Review","Milestone_ID":"7","Milestone_Date":"2026-01-01","Rating":"1e3"}"#
                .to_owned(),
            Code::BadAttribute,
        ),
        (
            format!(
                r#"{{"Employee_ID":"1","Milestone":"Review","Milestone_ID":"{}","Milestone_Date":"2026-01-01"}}"#,
                "ü".repeat(22)
            ),
            Code::ValueTooLong,
        ),
        ("[]".to_owned(), Code::NotAnObject),
        (r#"["Employee_ID","1"]"#.to_owned(), Code::NotAnObject),
        ("\"1\"".to_owned(), Code::NotAnObject),
        ("null".to_owned(), Code::NotAnObject),
    ] {
        let both = items(Workday, report(&format!("{bad},{{\"Employee_ID\":\"2\"}}")));
        assert_eq!(both.len(), 2, "{bad:.300}");
        assert_eq!(both[0], Err(code), "{bad:.300}");
        assert!(matches!(&both[1], Ok(Report::Worker(report)) if report.person.as_str() == "2"));
    }
}

#[test]
fn what_is_not_used_is_ignored_whatever_it_holds() {
    let huge = format!(
        r#"{{"Employee_ID":"00018","a":["x",{{}}],"b":"{}","c":"\u0000","d":1e999,"anniversary_date":"soon"}}"#,
        "y".repeat(1 << 20)
    );
    assert_eq!(person(Workday, report(&huge)), "00018");
    let payload =
        "<e:eventPayload><name>Z</name><!-- x --><?pi x?><a:b xmlns:a=\"urn:a\">&lt;</a:b></e:eventPayload>";
    let unknown = hire("1", "P-1").replace("<e:params>", &format!("{payload}<e:new a=\"b\"/><e:params>"));
    assert_eq!(person(SuccessFactors, envelope(&unknown)), "P-1");
    let param = "<e:param><name>x</name><value>1</value></e:param>";
    let many = hire("1", "P-1").replace("<e:params>", &format!("<e:params>{}", param.repeat(50_000)));
    assert_eq!(person(SuccessFactors, envelope(&many)), "P-1");
    let too_many = hire("1", "P-1").replace("<e:params>", &format!("<e:params>{}", param.repeat(70_000)));
    assert_eq!(refusal(SuccessFactors, envelope(&too_many)), Code::TooManyValues);
}

#[test]
fn an_id_survives_as_it_is_written() {
    for id in ["00018", "P-7 00", "../../etc/passwd", "%2e%2e", "é東京", "O'Neil", "0", "1e3", "-1"] {
        let quoted = serde_json::to_string(id).unwrap();
        assert_eq!(person(Workday, report(&format!("{{\"Employee_ID\":{quoted}}}"))), id);
        assert_eq!(person(SuccessFactors, envelope(&hire("1", id))), id);
    }
    assert_eq!(person(SuccessFactors, envelope(&hire("1", "\n  <![CDATA[ 00018 ]]>\n"))), "00018");
    assert_eq!(person(SuccessFactors, envelope(&hire("1", "a&amp;b&#x3C;&#99;"))), "a&b<c");
    assert_eq!(person(Workday, report(r#"{"Employee_ID":"\ud83d\ude00\u0041"}"#)), "😀A");
}

#[test]
fn a_member_twice_is_found_among_any_number_of_members() {
    for members in [2, 31, 32, 33, 34, 500] {
        let distinct: Vec<String> = (0..members).map(|n| format!("\"m{n}\":{n}")).collect();
        let body = |more: &str| report(&format!("{{\"Employee_ID\":\"1\",{}{more}}}", distinct.join(",")));
        assert_eq!(person(Workday, body("")), "1");
        for again in [0, members / 2, members - 1] {
            assert_eq!(
                refusal(Workday, body(&format!(",\"m{again}\":0"))),
                Code::DuplicateMember,
                "{members}"
            );
        }
    }
}

#[test]
fn what_is_printed_for_people_who_debug_holds_nobody() {
    let row =
        r#"{"Employee_ID":"1","First_Name":"Rosalind","Date_of_Birth":"1920-07-25","Email":"r@example.com"}"#;
    let printed = format!("{:?}", read_as(Workday, report(row)).unwrap());
    assert!(printed.contains("given_name") && printed.contains("birth_date"), "{printed}");
    for value in ["Rosalind", "1920", "-18057", "r@example.com"] {
        assert!(!printed.contains(value), "{printed}");
    }
}

#[test]
fn every_code_is_snake_case_and_stands_for_one_reason() {
    let names: std::collections::BTreeSet<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(names.len(), Code::ALL.len());
    assert!(names.iter().all(|name| name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'_' | b'8'))));
}

#[test]
fn every_reason_of_a_dead_letter_stands_in_the_operators_page() {
    let page = include_str!("../../../../docs/operations.md");
    for code in Code::ALL {
        assert!(
            page.contains(&format!("`{code}`")),
            "docs/operations.md does not say what to do about {code}"
        );
    }
}

#[test]
fn a_reason_never_holds_what_was_sent() {
    let secret = "Rosalind-Franklin-1920";
    let bodies = [
        (SuccessFactors, envelope(&hire("1", secret)).replace("2026-03-02", secret)),
        (SuccessFactors, envelope(&hire("1", secret)).replace("1772438400123", secret)),
        (SuccessFactors, envelope(&hire("1", &format!("<{secret}/>{secret}<!-- {secret} -->")))),
        (SuccessFactors, envelope(&hire("1", &format!("&{secret};")))),
        (SuccessFactors, envelope(&hire("1", &format!("</{secret}>")))),
        (SuccessFactors, envelope(&hire("1", &format!("<{secret}:a/>")))),
        (
            SuccessFactors,
            envelope(&hire("1", "P-1").replace(">userId<", ">personIdExternal<").replace("P-1", secret)),
        ),
        (Workday, report(&format!("{{\"Employee_ID\":\"1\",\"Hire_Date\":\"{secret}\"}}"))),
        (Workday, report(&format!("{{\"Employee_ID\":\"1\",\"Worker_Status\":\"{secret}\"}}"))),
        (Workday, report(&format!("{{\"Employee_ID\":\"{secret}\\u0007\"}}"))),
        (Workday, report(&format!("{{\"Employee_ID\":[\"{secret}\"]}}"))),
        (Workday, report(&format!("{{\"{secret}\":1,\"{secret}\":2}}"))),
        (Workday, report(&format!("{{\"Employee_ID\":\"{secret}\"x}}"))),
        (Darwinbox, format!("{{\"status\":\"{secret}\"}}")),
    ];
    for (system, body) in bodies {
        let faults = match read_as(system, &body) {
            Err(fault) => vec![fault],
            Ok(delivery) => delivery.items.into_iter().filter_map(|item| item.outcome.err()).collect(),
        };
        assert!(!faults.is_empty(), "{body}");
        for fault in faults {
            let shown = format!("{fault} {fault:?}").to_lowercase();
            assert!(!shown.contains("rosalind") && !shown.contains("franklin"), "{shown}");
        }
    }
}
