//! A delivery, as it lies in a file.

use std::io::Read as _;
use std::path::Path;

use anyhow::Context as _;
use bytes::Bytes;

use crate::cli::failure::Failure;

/// Longest file that is read, bytes: more than the API takes, so that it is the API that says how much that is.
const FILE_MAX: u64 = 64 << 20;

/// A delivery, before it is sent.
pub(super) struct Delivery {
    pub(super) content_type: String,
    pub(super) bytes: Bytes,
}

impl Delivery {
    /// Reads a file, or standard input for `-`.
    pub(super) fn read(file: &Path, content_type: Option<&str>) -> Result<Delivery, Failure> {
        let context = || format!("could not read {}", file.display());
        let mut bytes = Vec::new();
        let read = if file.as_os_str() == "-" {
            std::io::stdin().lock().take(FILE_MAX + 1).read_to_end(&mut bytes)
        } else {
            std::fs::File::open(file).with_context(context)?.take(FILE_MAX + 1).read_to_end(&mut bytes)
        };
        read.with_context(context)?;
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > FILE_MAX {
            return Err(
                anyhow::anyhow!("{} is longer than {FILE_MAX} bytes: split it", file.display()).into()
            );
        }
        let known = content_type.or_else(|| by_ending(file)).or_else(|| by_first_character(&bytes));
        let content_type = known.ok_or_else(|| {
            let file = file.display();
            Failure::usage(format!(
                "{file} is neither JSON, XML nor CSV by its name or beginning: say --content-type"
            ))
        })?;
        Ok(Delivery { content_type: content_type.to_owned(), bytes: bytes.into() })
    }
}

const JSON: &str = "application/json";
const XML: &str = "text/xml; charset=utf-8";
const CSV: &str = "text/csv; charset=utf-8";

fn by_ending(file: &Path) -> Option<&'static str> {
    match file.extension()?.to_str()?.to_ascii_lowercase().as_str() {
        "json" => Some(JSON),
        "xml" | "soap" => Some(XML),
        "csv" => Some(CSV),
        _ => None,
    }
}

fn by_first_character(bytes: &[u8]) -> Option<&'static str> {
    let bytes = bytes.strip_prefix(&[0xEF, 0xBB, 0xBF]).unwrap_or(bytes);
    match bytes.iter().find(|byte| !byte.is_ascii_whitespace())? {
        b'<' => Some(XML),
        b'{' | b'[' => Some(JSON),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_is_known_by_its_name_or_its_first_character_or_what_is_said() {
        let place = tempfile::tempdir().unwrap();
        let read = |name: &str, bytes: &[u8], said: Option<&str>| {
            let file = place.path().join(name);
            std::fs::write(&file, bytes).unwrap();
            Delivery::read(&file, said).map(|delivery| delivery.content_type)
        };
        assert_eq!(read("a.XML", b"", None).unwrap(), XML);
        assert_eq!(read("a.json", b"<", None).unwrap(), JSON);
        assert_eq!(read("b", b"\xEF\xBB\xBF\n <a/>", None).unwrap(), XML);
        assert_eq!(read("b.txt", b" [1]", None).unwrap(), JSON);
        assert_eq!(read("c.json", b"{}", Some("text/csv")).unwrap(), "text/csv");
        assert_eq!(read("c.csv", b"a,b", None).unwrap(), CSV);
        assert!(matches!(read("d", b"a,b", None), Err(Failure::Usage(_))));
        assert!(matches!(Delivery::read(&place.path().join("gone.xml"), None), Err(Failure::Other(_))));
    }
}
