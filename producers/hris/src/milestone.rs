//! An item as a milestone, or as a pointer to one.

use std::collections::BTreeMap;
use std::fmt::Write;

use mirabelle_domain::{Day, MilestoneKind};

use crate::malformed::{Code, Malformed};
use crate::mapping::{AttributeMapping, AttributeType, KindRule, MilestoneMapping, OccurrencePart, Path};
use crate::report::{Attribute, ExternalId, MilestoneReport, Pointer, Report};
use crate::row::{Reader, Scalar};
use crate::worker::no_person;

/// What the item reports, or `None` where it has no code and so no milestone.
///
/// What lacks the person, the day or a part of the occurrence but has keys is a pointer: read back, it will be whole.
pub(crate) fn read(
    reader: &Reader<'_>,
    mapping: &MilestoneMapping,
    entity: Option<&str>,
) -> Result<Option<Report>, Malformed> {
    let Some((_, code)) = reader.first_text(&mapping.code)? else { return Ok(None) };
    let reason = reader.first_text(&mapping.reason)?.map(|(_, reason)| reason);
    let Some(rule) = rule(&mapping.kinds, code, reason) else {
        return Ok(Some(Report::NotAboutAWorker { what: printable(code) }));
    };
    let person = reader.id(&reader.mapping().id)?;
    let effective = reader.day(&mapping.effective)?;
    let published_at = reader.instant(&mapping.published_at)?;
    let occurrence = match effective {
        Some(day) => occurrence(reader, rule, day)?,
        None => None,
    };
    let (kind, missing) = match (rule.kind, person.as_ref(), effective, occurrence) {
        (Some(kind), Some(person), Some(effective), Some(occurrence)) => {
            return Ok(Some(Report::Milestone(MilestoneReport {
                person: person.clone(),
                kind,
                occurrence,
                effective,
                published_at,
                attributes: attributes(reader, &mapping.attributes)?,
                retracts: rule.retracts || rescinded(reader, mapping)?,
            })));
        }
        (kind, person, effective, occurrence) => {
            (kind, missing(reader, mapping, person, effective, occurrence))
        }
    };
    pointer(reader, entity.unwrap_or(code), kind, person, published_at, missing).map(Some)
}

/// The source's id of the report, where it has one.
pub(crate) fn source_id(
    reader: &Reader<'_>,
    mapping: &MilestoneMapping,
) -> Result<Option<String>, Malformed> {
    for path in &mapping.source_id {
        let id = reader.name(path)?;
        if id.is_some() {
            return Ok(id);
        }
    }
    Ok(None)
}

/// The rule of code and reason before the one of the code alone.
fn rule<'m>(kinds: &'m [KindRule], code: &str, reason: Option<&str>) -> Option<&'m KindRule> {
    let of_code = || kinds.iter().filter(|rule| rule.code == code);
    let exact = of_code().find(|rule| rule.reason.is_some() && rule.reason.as_deref() == reason);
    exact.or_else(|| of_code().find(|rule| rule.reason.is_none()))
}

/// A code that may be shown: codes are short ASCII words.
fn printable(code: &str) -> String {
    if code.len() <= 96 && code.bytes().all(|byte| byte.is_ascii_graphic()) {
        format!("no rule in the kind table for the code {code}")
    } else {
        "no rule in the kind table for its code".to_owned()
    }
}

fn missing(
    reader: &Reader<'_>,
    mapping: &MilestoneMapping,
    person: Option<&ExternalId>,
    effective: Option<Day>,
    occurrence: Option<String>,
) -> Option<Malformed> {
    if person.is_none() {
        return Some(no_person(&reader.mapping().id));
    }
    if effective.is_none() {
        let what = format!(
            "a milestone without its day; send it, or correct the mapping: {}",
            list(&mapping.effective)
        );
        return Some(Malformed::new(Code::NoEffectiveDate, what, ""));
    }
    if occurrence.is_none() {
        let what = "nothing tells this milestone apart from others of its kind; map its `occurrence`";
        return Some(Malformed::new(Code::NoOccurrence, what, ""));
    }
    None
}

/// The paths of a mapping, for people.
fn list(paths: &[Path]) -> String {
    paths.iter().map(Path::as_str).collect::<Vec<_>>().join(", ")
}

/// The item as a pointer, if it has keys or is meant to be read back; else what it lacks.
fn pointer(
    reader: &Reader<'_>,
    entity: &str,
    kind: Option<MilestoneKind>,
    person: Option<ExternalId>,
    published_at: Option<i64>,
    missing: Option<Malformed>,
) -> Result<Report, Malformed> {
    let mut keys = reader.row.keys()?;
    if keys.is_empty()
        && let (None, Some(person)) = (kind, &person)
    {
        keys.insert(last_name(&reader.mapping().id), person.as_str().to_owned());
    }
    match missing {
        Some(missing) if keys.is_empty() => Err(missing),
        _ => Ok(Report::Pointer(Pointer { entity: entity.to_owned(), keys, person, kind, published_at })),
    }
}

fn last_name(path: &Path) -> String {
    path.names().last().cloned().unwrap_or_default()
}

/// The occurrence, or `None` where a part of it is absent.
fn occurrence(reader: &Reader<'_>, rule: &KindRule, day: Day) -> Result<Option<String>, Malformed> {
    let mut joined = String::new();
    for part in &rule.occurrence {
        if !joined.is_empty() {
            joined.push('/');
        }
        match part {
            OccurrencePart::Text(text) => escape(&mut joined, text),
            OccurrencePart::Year => escape(&mut joined, &day.civil().year().to_string()),
            OccurrencePart::Value(path) => match reader.text(path)? {
                Some(value) => escape(&mut joined, value),
                None => return Ok(None),
            },
            OccurrencePart::Date(path) => match reader.day(std::slice::from_ref(path))? {
                Some(day) => escape(&mut joined, &day.to_string()),
                None => return Ok(None),
            },
        }
    }
    if joined.len() > OCCURRENCE_BYTES_MAX {
        let what = "what tells this milestone apart is longer than 128 bytes; map something shorter";
        return Err(Malformed::new(Code::ValueTooLong, what, ""));
    }
    Ok(if joined.is_empty() { None } else { Some(joined) })
}

const OCCURRENCE_BYTES_MAX: usize = 128;

/// Printable ASCII as it is; everything else, `%` and the separator as `%XX` of its bytes, so that two values never
/// become one.
fn escape(joined: &mut String, value: &str) {
    for byte in value.bytes() {
        if byte.is_ascii_graphic() && byte != b'%' && byte != b'/' {
            joined.push(char::from(byte));
        } else {
            // Writing to a string can't fail.
            let _ = write!(joined, "%{byte:02X}");
        }
    }
}

fn rescinded(reader: &Reader<'_>, mapping: &MilestoneMapping) -> Result<bool, Malformed> {
    if reader.row.rescinded() {
        return Ok(true);
    }
    let Some(rescinded) = &mapping.rescinded else { return Ok(false) };
    let value = reader.text(&rescinded.at)?;
    Ok(value.is_some_and(|value| rescinded.values.iter().any(|known| known == value)))
}

fn attributes(
    reader: &Reader<'_>,
    mapping: &BTreeMap<String, AttributeMapping>,
) -> Result<BTreeMap<String, Attribute>, Malformed> {
    let mut attributes = BTreeMap::new();
    for (name, attribute) in mapping {
        let Some((path, value)) = reader.first(&attribute.at)? else { continue };
        let Some(value) = typed(value, attribute.is) else {
            let what = "an attribute that is not of its configured type; correct it or the mapping";
            return Err(Malformed::new(Code::BadAttribute, what, path.as_str()));
        };
        attributes.insert(name.clone(), value);
    }
    Ok(attributes)
}

fn typed(value: Scalar<'_>, wanted: AttributeType) -> Option<Attribute> {
    let (text, number) = match value {
        Scalar::Text(text) => (text, true),
        Scalar::Number(text) => (text, true),
        Scalar::Bool(true) => ("true", false),
        Scalar::Bool(false) => ("false", false),
    };
    match wanted {
        AttributeType::Text => Some(Attribute::Text(text.to_owned())),
        AttributeType::Int if number => whole_number(text).map(Attribute::Int),
        AttributeType::Decimal if number => decimal(text).map(Attribute::Decimal),
        AttributeType::Int | AttributeType::Decimal => None,
    }
}

/// An optional minus and digits: no plus, no exponent, no separators.
fn whole_number(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

/// A decimal number in its shortest form, so that equal numbers are equal texts whichever way they came: no zeros at
/// its ends, no fraction of nothing, no minus before zero.
fn decimal(text: &str) -> Option<String> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if unsigned.len() > 31 || !plain(whole) || !plain(fraction) {
        return None;
    }
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    let sign =
        if unsigned.len() < text.len() && !(whole.is_empty() && fraction.is_empty()) { "-" } else { "" };
    let whole = if whole.is_empty() { "0" } else { whole };
    let point = if fraction.is_empty() { "" } else { "." };
    Some(format!("{sign}{whole}{point}{fraction}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_different_values_never_become_one_occurrence() {
        let escaped = |value: &str| {
            let mut joined = String::new();
            escape(&mut joined, value);
            joined
        };
        assert_eq!(escaped("EMP-7_a.b"), "EMP-7_a.b");
        assert_eq!(escaped("a b"), "a%20b");
        assert_ne!(escaped("a/b"), "a/b");
        assert_ne!(escaped("%20"), escaped(" "));
        assert_eq!(escaped("é"), "%C3%A9");
        assert!(escaped("Größe 4/5 %").bytes().all(|byte| byte.is_ascii_graphic()));
    }

    #[test]
    fn equal_decimals_are_equal_texts() {
        for (text, wanted) in [
            ("4.50", "4.5"),
            ("4.0", "4"),
            ("4", "4"),
            ("004.5", "4.5"),
            ("0.50", "0.5"),
            ("100", "100"),
            ("-0.0", "0"),
            ("-1.10", "-1.1"),
            ("0", "0"),
            ("-0.5", "-0.5"),
        ] {
            assert_eq!(
                typed(Scalar::Text(text), AttributeType::Decimal),
                Some(Attribute::Decimal(wanted.into()))
            );
            assert_eq!(
                typed(Scalar::Number(text), AttributeType::Decimal),
                Some(Attribute::Decimal(wanted.into()))
            );
        }
    }

    #[test]
    fn an_attribute_that_is_not_of_its_type_is_refused() {
        assert_eq!(typed(Scalar::Number("5"), AttributeType::Int), Some(Attribute::Int(5)));
        assert_eq!(typed(Scalar::Text("-5"), AttributeType::Int), Some(Attribute::Int(-5)));
        assert_eq!(typed(Scalar::Bool(true), AttributeType::Text), Some(Attribute::Text("true".into())));
        for text in ["+5", "5.0", "1e3", "9223372036854775808", "", "５", "NaN"] {
            assert_eq!(typed(Scalar::Text(text), AttributeType::Int), None, "{text}");
        }
        for text in ["1e3", "+1.0", ".5", "5.", "NaN", "inf", "1,5", "1.2.3"] {
            assert_eq!(typed(Scalar::Text(text), AttributeType::Decimal), None, "{text}");
        }
        assert_eq!(typed(Scalar::Bool(true), AttributeType::Int), None);
    }
}
