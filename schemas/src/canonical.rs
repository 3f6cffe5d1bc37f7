//! Canonical JSON: RFC 8785 (JCS) as far as bodies need it, with members that are null left out.
//!
//! Members are sorted by the UTF-16 code units of their names, nothing is written between tokens, text is escaped only
//! where it must be. Numbers are whole and written out in decimal, beyond 2^53 too, where JCS would round them.

use std::fmt::Write;

use serde::Serialize;
use serde_json::Value;

/// The canonical text of a body.
///
/// # Panics
/// When the body has no JSON form, or holds a fraction: no body of the domain does.
pub(crate) fn json<T: Serialize>(body: &T) -> String {
    let value = serde_json::to_value(body).expect("every body has a JSON form");
    let mut out = String::with_capacity(256);
    write_value(&value, &mut out);
    out
}

fn write_value(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => {
            assert!(!number.is_f64(), "no body holds a fraction");
            write!(out, "{number}").expect("a String takes everything");
        }
        Value::String(text) => write_text(text, out),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_value(item, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            // Sorted here, whatever order the map has: its order depends on a feature of serde_json.
            let mut members: Vec<_> = members.iter().filter(|(_, value)| !value.is_null()).collect();
            members.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
            out.push('{');
            for (index, (name, value)) in members.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_text(name, out);
                out.push(':');
                write_value(value, out);
            }
            out.push('}');
        }
    }
}

fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            control if control < ' ' => {
                write!(out, "\\u{:04x}", u32::from(control)).expect("a String takes everything");
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn canonical_json_sorts_members_and_leaves_out_nulls_at_every_depth() {
        let value = json!({"b": null, "c": {"z": 1, "a": null, "é": [true, {"n": null}]}, "a": "x"});
        assert_eq!(json(&value), r#"{"a":"x","c":{"z":1,"é":[true,{}]}}"#);
    }

    #[test]
    fn canonical_json_escapes_text_as_rfc_8785_does() {
        let text = "\u{20ac}$\u{f}\n\u{41}'\u{42}\u{22}\u{5c}\\\"/\u{7f}";
        assert_eq!(json(&text), "\"\u{20ac}$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\u{7f}\"");
    }

    #[test]
    fn canonical_json_sorts_by_utf_16_code_units() {
        // U+1F600 is D83D DE00 in UTF-16 and comes before U+FB33, though its bytes in UTF-8 come after.
        let value = json!({"\u{fb33}": 1, "\u{1f600}": 2, "\u{20ac}": 3, "1": 4, "\r": 5});
        assert_eq!(json(&value), "{\"\\r\":5,\"1\":4,\"\u{20ac}\":3,\"\u{1f600}\":2,\"\u{fb33}\":1}");
    }

    #[test]
    fn numbers_beyond_two_to_the_53_stay_exact() {
        assert_eq!(json(&json!([i64::MIN, i64::MAX])), "[-9223372036854775808,9223372036854775807]");
    }
}
