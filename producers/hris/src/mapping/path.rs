use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A JSON pointer (RFC 6901) of at most 12 names and 256 bytes; the empty one is the whole.
///
/// A name of the form `[name=value]` goes no level down: of a list (an array, or repeated elements) it takes the entries
/// whose member, child or attribute (`@name`) has that value: `/employmentNav/results/[assignmentClass=ST]/startDate`,
/// `/Worker_Reference/ID/[@type=WID]`.
#[derive(Clone, PartialEq, Eq)]
pub struct Path {
    text: String,
    names: Vec<String>,
}

/// Not a JSON pointer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a path is a JSON pointer such as /Employee_ID, of at most 12 names and 256 bytes")]
pub struct NotAPath;

impl Path {
    /// The pointer as text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its names, unescaped.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// `/name` for a name that needs no escape.
    pub(crate) fn known(text: &'static str) -> Path {
        text.parse().expect("the paths of the defaults are pointers, and a test reads each")
    }
}

impl FromStr for Path {
    type Err = NotAPath;

    fn from_str(text: &str) -> Result<Path, NotAPath> {
        if text.len() > 256 || text.chars().any(char::is_control) {
            return Err(NotAPath);
        }
        let mut names = Vec::new();
        if !text.is_empty() {
            let rest = text.strip_prefix('/').ok_or(NotAPath)?;
            for name in rest.split('/') {
                names.push(unescape(name)?);
            }
        }
        if names.len() > 12 {
            return Err(NotAPath);
        }
        Ok(Path { text: text.to_owned(), names })
    }
}

/// The name and the value of a name that selects.
pub(crate) fn selection(name: &str) -> Option<(&str, &str)> {
    let inside = name.strip_prefix('[')?.strip_suffix(']')?;
    inside.split_once('=').filter(|(name, _)| !name.is_empty())
}

fn unescape(name: &str) -> Result<String, NotAPath> {
    let mut pieces = name.split('~');
    let mut unescaped = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let rest = match piece.as_bytes().first() {
            Some(b'0') => '~',
            Some(b'1') => '/',
            _ => return Err(NotAPath),
        };
        unescaped.push(rest);
        unescaped.push_str(&piece[1..]);
    }
    Ok(unescaped)
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

impl Serialize for Path {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Path {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Path, D::Error> {
        std::borrow::Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_json_pointer_and_nothing_else() {
        let path: Path = "/a~1b/~0c//d".parse().unwrap();
        assert_eq!(path.names(), ["a/b", "~c", "", "d"]);
        assert!("".parse::<Path>().unwrap().names().is_empty());
        for text in ["a", "/a~", "/a~2", "/\u{7}", "/1/2/3/4/5/6/7/8/9/10/11/12/13"] {
            assert_eq!(text.parse::<Path>(), Err(NotAPath), "{text}");
        }
        assert_eq!(selection("[@type=WID]"), Some(("@type", "WID")));
        assert_eq!(selection("[a=b=c]"), Some(("a", "b=c")));
        assert_eq!((selection("[a]"), selection("a=b"), selection("[=b]")), (None, None, None));
        assert!(format!("/{}", "x".repeat(256)).parse::<Path>().is_err());
    }
}
