//! Bodies of configuration, from files.

use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use serde_json::Value as Json;

/// Longest file that is read: what the API takes.
const FILE_MAX: u64 = 1 << 20;

/// The JSON text of a body: a JSON file as it was written, a TOML file translated. `-` is JSON on standard input.
pub(super) fn read(path: &Path) -> anyhow::Result<String> {
    let text = text_of(path)?;
    let is_toml = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("toml"));
    if is_toml {
        let table: toml::Table =
            text.parse().with_context(|| format!("{} is not valid TOML", path.display()))?;
        return Ok(json_of(toml::Value::Table(table)).to_string());
    }
    // Only whether it is JSON at all: what it says, the API reads strictly, as it was written.
    serde_json::from_str::<serde::de::IgnoredAny>(&text)
        .with_context(|| format!("{} is not valid JSON; a TOML file's name ends in .toml", path.display()))?;
    Ok(text.trim().to_owned())
}

fn text_of(path: &Path) -> anyhow::Result<String> {
    let context = || format!("could not read {}", path.display());
    let mut text = String::new();
    let read = if path.as_os_str() == "-" {
        std::io::stdin().lock().take(FILE_MAX + 1).read_to_string(&mut text)
    } else {
        let file = std::fs::File::open(path).with_context(context)?;
        file.take(FILE_MAX + 1).read_to_string(&mut text)
    };
    if u64::try_from(read.with_context(context)?).unwrap_or(u64::MAX) > FILE_MAX {
        bail!("{} is longer than {FILE_MAX} bytes: the API takes no longer configuration", path.display());
    }
    Ok(text)
}

fn json_of(value: toml::Value) -> Json {
    match value {
        toml::Value::String(text) => Json::String(text),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => number.into(),
        toml::Value::Boolean(yes) => yes.into(),
        // Days and instants are texts in JSON.
        toml::Value::Datetime(when) => Json::String(when.to_string()),
        toml::Value::Array(elements) => elements.into_iter().map(json_of).collect(),
        toml::Value::Table(members) => {
            Json::Object(members.into_iter().map(|(name, value)| (name, json_of(value))).collect())
        }
    }
}

/// A draft's request: `body` stands in it byte for byte as it was written.
pub(super) fn request(name: &str, value: &str, body: &str, more: &[(&str, &Option<String>)]) -> String {
    let mut text = format!("{{{}:{},\"body\":{body}", Json::from(name), Json::from(value));
    for (name, value) in more {
        if let Some(value) = value {
            text.push_str(&format!(",{}:{}", Json::from(*name), Json::from(value.as_str())));
        }
    }
    text.push('}');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_json_body_stands_in_the_request_as_it_was_written() {
        let body = "{\"points\": 1.50e1,\n \"a\": 1, \"a\": 2}";
        let text = request("name", "a \"b\"", body, &[("reason", &Some("why".to_owned())), ("x", &None)]);
        assert_eq!(text, format!("{{\"name\":\"a \\\"b\\\"\",\"body\":{body},\"reason\":\"why\"}}"));
    }

    #[test]
    fn a_toml_body_becomes_json_with_days_as_texts() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("campaign.toml");
        std::fs::write(&file, "points = 500\nstarts_on = 2026-01-31\n[when]\nyears = [5, 10]\n").unwrap();
        let json: Json = serde_json::from_str(&read(&file).unwrap()).unwrap();
        let wanted =
            serde_json::json!({"points": 500, "starts_on": "2026-01-31", "when": {"years": [5, 10]}});
        assert_eq!(json, wanted);
        std::fs::write(&file, "points = ").unwrap();
        assert!(format!("{:#}", read(&file).unwrap_err()).contains("campaign.toml is not valid TOML"));
    }
}
