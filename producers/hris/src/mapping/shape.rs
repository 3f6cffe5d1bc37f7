//! What a mapping says of bodies that customers draw themselves.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Expected, Mapping, Path};

/// How a CSV body is written: RFC 4180, the first line names the columns.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Csv {
    /// What stands between two fields.
    #[serde(default)]
    pub delimiter: Delimiter,
    /// The last line may lack its line end. Then a file that was cut off inside its last field can't be told from a
    /// whole one: leave it false where the source can end its lines.
    #[serde(default)]
    pub unterminated: bool,
    /// The last line is no row: it says how many rows there are.
    #[serde(default)]
    pub trailer: Option<Trailer>,
}

/// What stands between two fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delimiter {
    /// `,`
    #[default]
    Comma,
    /// `;`
    Semicolon,
    /// A tab.
    Tab,
    /// `|`
    Pipe,
}

impl Delimiter {
    pub(crate) fn byte(self) -> u8 {
        match self {
            Delimiter::Comma => b',',
            Delimiter::Semicolon => b';',
            Delimiter::Tab => b'\t',
            Delimiter::Pipe => b'|',
        }
    }
}

/// A last line with the number of rows. A file without it, or with another number of rows, was cut off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trailer {
    /// What its first field says.
    pub first: String,
    /// The field with the number, counted from 0.
    pub count: usize,
}

/// A row that only says that something has changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hint {
    /// What has to be read back, in the source's words: `Worker`.
    pub entity: String,
    /// Its keys, by name. Those that a row lacks are left out.
    #[serde(default)]
    pub keys: BTreeMap<String, Path>,
}

/// Another shape that comes by the same connection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variant {
    /// Its name, by which it can be asked for.
    pub name: String,
    /// What tells it by itself.
    #[serde(default)]
    pub when: When,
    /// How it is read. It has no variants of its own.
    pub mapping: Mapping,
}

/// What a body has to be; all of it holds. Where nothing is said, the variant is only used when it is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct When {
    /// The local name of an XML document's first element.
    #[serde(default)]
    pub root: Option<String>,
    /// The namespace of an XML document's first element.
    #[serde(default)]
    pub namespace: Option<String>,
    /// What is there: members of the JSON body, columns of the CSV body.
    #[serde(default)]
    pub has: Vec<Path>,
    /// What is there with that value: in the JSON body, outside of its arrays.
    #[serde(default)]
    pub equals: Vec<Expected>,
}

impl When {
    /// Whether nothing is said.
    pub(crate) fn is_empty(&self) -> bool {
        *self == When::default()
    }
}
