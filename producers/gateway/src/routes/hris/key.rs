//! Under which key a report becomes a command: the same report, the same key; so sent twice, decided once.

use mirabelle_domain::Key;

/// The source's own id as a key. A retraction under the id of what it takes back is no other content of it. An id that
/// is no key (spaces, too long, not ASCII) counts by its digest.
pub(super) fn source_key(what: &str, id: &str) -> Key {
    let prefix = if what == "retraction" { "retract:" } else { "" };
    let key = format!("{prefix}{id}").parse();
    key.unwrap_or_else(|_| derived_key("i", &[what.as_bytes(), id.as_bytes()]))
}

/// A key made from what is reported: the same report, the same key.
pub(super) fn derived_key(space: &str, parts: &[&[u8]]) -> Key {
    let mut hasher = blake3::Hasher::new_derive_key("mirabelle hris key 1");
    for part in parts {
        hasher.update(&(part.len() as u64).to_be_bytes()).update(part);
    }
    let hash = hasher.finalize();
    let key = format!("{space}:{}", &hash.to_hex()[..32]).parse();
    key.expect("hexadecimal digits are a key")
}

/// An instant as bytes; none differs from every one.
pub(super) fn stamp(micros: Option<i64>) -> [u8; 9] {
    let mut bytes = [0; 9];
    if let Some(micros) = micros {
        bytes[0] = 1;
        bytes[1..].copy_from_slice(&micros.to_be_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_id_is_its_own_key_and_its_retraction_another() {
        assert_eq!(source_key("milestone", "d1-02").as_str(), "d1-02");
        assert_eq!(source_key("retraction", "d1-02").as_str(), "retract:d1-02");
    }

    #[test]
    fn an_id_that_is_no_key_counts_by_its_digest() {
        for id in ["with a space", "ünïcode", &"x".repeat(256)] {
            let key = source_key("milestone", id);
            assert!(key.as_str().starts_with("i:") && key.as_str().len() == 34, "{key}");
            assert_eq!(key, source_key("milestone", id));
            assert_ne!(key, source_key("retraction", id));
        }
    }

    #[test]
    fn parts_never_run_into_each_other() {
        assert_ne!(derived_key("n", &[b"ab", b"c"]), derived_key("n", &[b"a", b"bc"]));
        assert_ne!(stamp(None), stamp(Some(0)));
    }
}
