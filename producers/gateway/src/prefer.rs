//! What callers prefer (RFC 7240): to wait so long for a decision, or not at all.

use std::time::Duration;

use axum::http::HeaderMap;

use crate::state::State;

/// How long the caller is ready to wait (RFC 7240), and the preference that was heeded.
pub(crate) fn patience(state: &State, headers: &HeaderMap) -> (Duration, Option<String>) {
    let options = &state.options;
    let wait = preference(headers, "wait").and_then(|seconds| seconds.parse::<u32>().ok());
    match wait.map(|seconds| u64::from(seconds) * 1_000) {
        Some(ms) => {
            let ms = ms.min(options.wait_max_ms);
            (Duration::from_millis(ms), Some(format!("wait={}", ms / 1_000)))
        }
        None if preference(headers, "respond-async").is_some() => {
            (Duration::ZERO, Some("respond-async".to_owned()))
        }
        None => (Duration::from_millis(options.wait_default_ms), None),
    }
}

/// The value of a preference, empty where it has none; of several of one name the first counts (RFC 7240 §2). Names in
/// any case, values as tokens or in quotes, parameters left aside.
fn preference(headers: &HeaderMap, name: &str) -> Option<String> {
    let lines = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    for item in lines.flat_map(|line| unquoted(line, ',')) {
        let Some(first) = unquoted(item, ';').into_iter().next() else { continue };
        let (told, value) = first.split_once('=').unwrap_or((first, ""));
        if !told.trim().eq_ignore_ascii_case(name) {
            continue;
        }
        let value = value.trim();
        let quoted = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        return Some(quoted.unwrap_or(value).replace('\\', ""));
    }
    None
}

/// The parts of a text between separators that don't stand in quotes.
fn unquoted(text: &str, separator: char) -> Vec<&str> {
    let (mut parts, mut begin, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if c == separator && !quoted => {
                parts.push(&text[begin..at]);
                begin = at + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[begin..]);
    parts
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn told(lines: &[&str], name: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("prefer", HeaderValue::from_str(line).unwrap());
        }
        preference(&headers, name)
    }

    #[test]
    fn preferences_are_read_in_any_case_with_values_in_quotes_and_parameters_left_aside() {
        for lines in [
            &["wait=7"][..],
            &["Wait=7"],
            &["WAIT = \"7\""],
            &["respond-async, wait=\"7\"; foo=\"a, wait=9\""],
            &["foo=\"wait=9, x\", wait=7"],
            &["foo", "bar;wait=9", "wait=7;x=y, wait=9"],
        ] {
            assert_eq!(told(lines, "wait").as_deref(), Some("7"), "{lines:?}");
        }
        assert_eq!(told(&["Respond-Async; x"], "respond-async").as_deref(), Some(""));
        assert_eq!(told(&["foo=\"respond-async\"", "x;respond-async"], "respond-async"), None);
    }
}
