//! What holds for every body.

use mirabelle_domain::Day;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::bodies::{envelope, hire, items, report};
use crate::body::Text;
use crate::dates::{self, DateFormat};
use crate::json::{self, Node, Value};
use crate::malformed::Code;
use crate::{Limits, Profile, RAW_ENVELOPE_MAX, System, read};

const SYSTEMS: [System; 3] = [System::SuccessFactors, System::Workday, System::Darwinbox];
const LIMITS: Limits = Limits { bytes: 1 << 16, depth: 16, values: 2_000, items: 50, value_bytes: 64 };

/// Reads the body as every system's, and checks what must hold whatever it is.
fn read_everywhere(body: &[u8]) {
    for system in SYSTEMS {
        let Ok(delivery) = read(&Profile::default_for(system), None, body, &LIMITS) else { continue };
        assert!(delivery.items.len() <= LIMITS.items);
        let kept: usize = delivery.items.iter().map(|item| item.raw.len()).sum();
        assert!(kept <= body.len() + delivery.items.len() * RAW_ENVELOPE_MAX);
    }
}

fn good_body() -> impl Strategy<Value = Vec<u8>> {
    let soap = envelope(&format!("{}{}", hire("1", "P-1"), hire("2", "P-2")));
    let rows =
        report(r#"{"Employee_ID":"1","Hire_Date":"2020-01-01"},{"Employee_ID":"2","Milestone":"Hire"}"#);
    let answer = r#"{"status":1,"employee_data":[{"employee_id":"1","date_of_joining":"01-Jan-2020"}]}"#;
    select(vec![soap.into_bytes(), rows.into_bytes(), answer.as_bytes().to_vec()])
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic_and_cost_a_bounded_multiple(body in vec(any::<u8>(), 0..2_000)) {
        read_everywhere(&body);
    }

    #[test]
    fn a_damaged_delivery_never_panics(
        mut body in good_body(),
        damage in vec((any::<Index>(), 0..4_u8, any::<u8>()), 1..6),
    ) {
        for (place, act, byte) in damage {
            let at = place.index(body.len().max(1)).min(body.len().saturating_sub(1));
            match act {
                0 => body.truncate(at),
                1 if !body.is_empty() => body[at] = byte,
                2 => body.insert(at, byte),
                _ if !body.is_empty() => { body.remove(at); }
                _ => {}
            }
        }
        read_everywhere(&body);
    }

    #[test]
    fn markup_at_random_never_panics(parts in vec(select(MARKUP), 0..200)) {
        read_everywhere(parts.concat().as_bytes());
        read_everywhere(envelope(&parts.concat()).as_bytes());
        read_everywhere(envelope(&hire("1", &parts.concat())).as_bytes());
    }

    #[test]
    fn a_cut_off_delivery_is_never_read(cut in any::<Index>(), body in good_body()) {
        let cut = cut.index(body.len());
        for system in SYSTEMS {
            prop_assert!(read(&Profile::default_for(system), None, &body[..cut], &Limits::push()).is_err());
        }
    }

    #[test]
    fn the_order_of_items_changes_none_of_them(mut ids in vec("[a-z]{1,3}", 0..12), shift in any::<Index>()) {
        let read_in = |ids: &[String]| {
            let all: String = ids.iter().map(|id| hire(id, &format!("P-{id}"))).collect();
            let mut read: Vec<String> =
                items(System::SuccessFactors, envelope(&all)).iter().map(|item| format!("{item:?}")).collect();
            read.sort();
            read
        };
        let before = read_in(&ids);
        let by = shift.index(ids.len() + 1);
        ids.rotate_left(by);
        prop_assert_eq!(before, read_in(&ids));
    }

    #[test]
    fn every_day_reads_back_in_every_format(days in -25_567..=84_370_i32) {
        let day = Day(days);
        let date = day.civil();
        let (y, m, d) = (date.year(), date.month(), date.day());
        for (text, format) in [
            (format!("{y:04}-{m:02}-{d:02}"), DateFormat::Iso),
            (format!("{y:04}-{m:02}-{d:02}T00:00:00+14:00"), DateFormat::Iso),
            (format!("{d:02}-{m:02}-{y:04}"), DateFormat::Dmy),
            (format!("{d}.{m}.{y}"), DateFormat::Dmy),
            (format!("{m:02}/{d:02}/{y:04}"), DateFormat::Mdy),
            (date.strftime("%d-%b-%Y").to_string(), DateFormat::DMonY),
            (date.strftime("%e %B %Y").to_string().trim().to_owned(), DateFormat::DMonY),
            (format!("/Date({})/", i64::from(days) * 86_400_000), DateFormat::EpochMidnight),
        ] {
            prop_assert_eq!(dates::day(&text, &[format], None), Ok(day), "{}", text);
        }
    }

    #[test]
    fn any_text_is_a_date_or_not_and_never_a_panic(text in "\\PC{0,30}", number in "[-/.0-9T:Z+ ]{0,30}") {
        use DateFormat::{DMonY, Dmy, EpochMidnight, Iso, Mdy};
        for text in [text, number] {
            for format in [Iso, Dmy, DMonY, Mdy, EpochMidnight] {
                if let Ok(day) = dates::day(&text, &[format], None) {
                    prop_assert!((1900..=2200).contains(&day.civil().year()));
                }
            }
            let _ = dates::instant(&text, &[Dmy, DMonY], None);
        }
    }

    /// Against another reader: what we accept it reads alike, and what only we refuse we refuse for our own reasons.
    #[test]
    fn json_is_read_as_another_reader_reads_it_or_refused(parts in vec(select(JSON), 0..40)) {
        let text = parts.concat();
        let ours = json::parse(Text { text: &text, skipped: 0 }, &Limits::push());
        let other = serde_json::from_str::<serde_json::Value>(&text);
        let skimmed = json::skim(Text { text: &text, skipped: 0 }, &Limits::push());
        prop_assert_eq!(skimmed.map(|node| node.span), ours.as_ref().map(|node| node.span.clone()).map_err(Clone::clone));
        match (ours, other) {
            (Ok(ours), Ok(other)) => prop_assert!(alike(&ours, &other), "{}", text),
            (Ok(_), Err(fault)) => prop_assert!(fault.to_string().contains("out of range"), "{}: {}", text, fault),
            (Err(fault), Ok(_)) => {
                let own = matches!(fault.code, Code::DuplicateMember | Code::TooDeep | Code::LoneSurrogate);
                prop_assert!(own, "{}: {}", text, fault);
            }
            (Err(_), Err(_)) => {}
        }
    }

    #[test]
    fn json_that_another_writer_wrote_is_read_as_it_was_meant(value in any_json()) {
        for text in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
            let ours = json::parse(Text { text: &text, skipped: 0 }, &Limits::push()).unwrap();
            prop_assert!(alike(&ours, &value), "{}", text);
            prop_assert_eq!(ours.span, 0..text.len());
        }
    }
}

const MARKUP: &[&str] = &[
    "<",
    ">",
    "</",
    "/>",
    "<a>",
    "</a>",
    "<e:event>",
    "</e:event>",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "<?",
    "?>",
    "<!DOCTYPE",
    "&",
    ";",
    "&lt;",
    "&#x41;",
    "&#0;",
    " xmlns=\"\"",
    " xmlns:e=\"x\"",
    "\"",
    "'",
    "=",
    "x",
    " ",
    "\n",
    "é",
    "<name>",
    "</name>",
    "<value>",
    "</value>",
    "<S:Envelope>",
    "<?xml version=\"1.0\"?>",
];

const JSON: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\"a\"",
    "\"b\"",
    "\"\\u0061\"",
    "\"\\ud800\"",
    "\"\\ud83d\\ude00\"",
    "\"",
    "\\",
    "1",
    "-",
    "0",
    "1.5",
    "e9",
    "E+1",
    ".",
    "true",
    "false",
    "null",
    "tru",
    " ",
    "\n",
    "\t",
    "\u{1}",
    "é",
    "{\"a\":1}",
    "[1,2]",
    "{\"a\":1,\"a\":2}",
    "[[[]]]",
    "\"\\n\\/\"",
];

fn alike(ours: &Node<'_>, other: &serde_json::Value) -> bool {
    match (&ours.value, other) {
        (Value::Null, serde_json::Value::Null) => true,
        (Value::Bool(one), serde_json::Value::Bool(other)) => one == other,
        (Value::Number(one), serde_json::Value::Number(other)) => {
            serde_json::from_str::<serde_json::Number>(one).is_ok_and(|one| one == *other)
        }
        (Value::Text(one), serde_json::Value::String(other)) => one == other,
        (Value::Array(one), serde_json::Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| alike(one, other))
        }
        (Value::Object(one), serde_json::Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(name, one)| other.get(&**name).is_some_and(|other| alike(one, other)))
        }
        _ => false,
    }
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        any::<String>().prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(5, 60, 8, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..8).prop_map(serde_json::Value::from),
            vec((any::<String>(), inner), 0..40).prop_map(|members| members.into_iter().collect()),
        ]
    })
}
