//! From bytes to text: size, charset, and which of the three formats it is.

use crate::limits::Limits;
use crate::malformed::{Code, Malformed};

/// A body as text, and how many bytes (a byte order mark) stood before it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text<'a> {
    pub(crate) text: &'a str,
    pub(crate) skipped: usize,
}

/// The three formats that the doors read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Xml,
    Csv,
}

/// The body as UTF-8 within the limits, and its format. What is neither JSON nor XML is CSV where that is declared, or
/// expected and nothing else is declared.
pub(crate) fn open<'a>(
    content_type: Option<&str>,
    body: &'a [u8],
    limits: &Limits,
    reads_csv: bool,
) -> Result<(Format, Text<'a>), Malformed> {
    if body.len() > limits.bytes {
        let what = format!("more than {} bytes; send less at once", limits.bytes);
        return Err(Malformed::body(Code::BodyTooLarge, what));
    }
    let declared = declared_format(content_type)?;
    let text = decode(body)?;
    let trimmed = text.text.trim_start_matches([' ', '\t', '\r', '\n']);
    let format = match trimmed.as_bytes().first() {
        None => return Err(Malformed::body(Code::EmptyBody, "nothing but white space was sent")),
        Some(b'<') if is_html(trimmed) => {
            let what = "an HTML page, often a log-in form or a proxy's; check address and credentials";
            return Err(Malformed::body(Code::HtmlPage, what));
        }
        Some(b'<') => Format::Xml,
        Some(b'{' | b'[') => Format::Json,
        Some(_) if declared == Some(Format::Csv) || (reads_csv && declared.is_none()) => Format::Csv,
        Some(_) => {
            let what = "neither JSON (an object or array) nor XML; send one of the two, or CSV where it is configured";
            return Err(Malformed::body(Code::FormatNotRead, what));
        }
    };
    if format == Format::Csv && !reads_csv {
        let what = "this connection reads no CSV; configure it in the mapping, or send another format";
        return Err(Malformed::body(Code::FormatNotRead, what));
    }
    if declared.is_some_and(|declared| declared != format) {
        let what = "Content-Type and body disagree about JSON, XML and CSV; correct the header or the body";
        return Err(Malformed::body(Code::ContentTypeDisagrees, what));
    }
    Ok((format, text))
}

fn is_html(text: &str) -> bool {
    let starts = |word: &str| text.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word));
    starts("<!doctype html") || starts("<html")
}

/// What the header claims: `None` where it is absent or says nothing (text/plain, octet-stream).
fn declared_format(content_type: Option<&str>) -> Result<Option<Format>, Malformed> {
    let Some(value) = content_type else { return Ok(None) };
    let mut parts = value.split(';');
    let media = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
    for parameter in parts {
        let Some((name, value)) = parameter.split_once('=') else { continue };
        let charset = value.trim().trim_matches('"').to_ascii_lowercase();
        if name.trim().eq_ignore_ascii_case("charset") && !is_utf8_name(&charset) {
            return Err(Malformed::new(
                Code::CharsetNotSupported,
                "a charset other than UTF-8 is declared; send UTF-8",
                "Content-Type",
            ));
        }
    }
    match media.as_str() {
        "text/html" | "application/xhtml+xml" => Err(Malformed::new(
            Code::HtmlPage,
            "an HTML page, often a log-in form or a proxy's; check address and credentials",
            "Content-Type",
        )),
        "application/json" | "text/json" => Ok(Some(Format::Json)),
        "text/csv" | "application/csv" | "text/comma-separated-values" | "text/tab-separated-values" => {
            Ok(Some(Format::Csv))
        }
        "application/xml" | "text/xml" | "application/soap+xml" => Ok(Some(Format::Xml)),
        other if other.ends_with("+json") => Ok(Some(Format::Json)),
        other if other.ends_with("+xml") => Ok(Some(Format::Xml)),
        _ => Ok(None),
    }
}

/// Names of UTF-8 and of its subset, in lower case.
pub(crate) fn is_utf8_name(charset: &str) -> bool {
    matches!(charset, "utf-8" | "utf8" | "us-ascii" | "ascii")
}

fn decode(body: &[u8]) -> Result<Text<'_>, Malformed> {
    let wide = body.starts_with(&[0xFE, 0xFF]) || body.starts_with(&[0xFF, 0xFE]);
    // UTF-16 and UTF-32 without a mark: every format begins with an ASCII character, so a zero is among its first four.
    if wide || body.iter().take(4).any(|&byte| byte == 0) {
        return Err(Malformed::body(Code::CharsetNotSupported, "UTF-16 or UTF-32; send UTF-8"));
    }
    let skipped = if body.starts_with(&[0xEF, 0xBB, 0xBF]) { 3 } else { 0 };
    match std::str::from_utf8(&body[skipped..]) {
        Ok(text) => Ok(Text { text, skipped }),
        Err(error) => Err(Malformed::byte(
            Code::NotUtf8,
            "not UTF-8 from here on; send UTF-8",
            skipped + error.valid_up_to(),
        )),
    }
}
