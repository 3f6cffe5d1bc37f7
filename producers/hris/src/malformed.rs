//! What can't be read, and why: codes for machines, one sentence for people, a place, never a value.

use std::borrow::Cow;
use std::fmt;

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $text:literal,)*) => {
        /// Why a body or an item of it can't be read. The names are stable: dead letters and alerts carry them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code {
            $($(#[$doc])* $variant,)*
        }

        impl Code {
            /// Every code, in the order of the table in the crate's documentation.
            pub const ALL: &'static [Code] = &[$(Code::$variant,)*];

            /// The stable name, in snake_case.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Code::$variant => $text,)*
                }
            }
        }
    };
}

codes! {
    /// Nothing was sent.
    EmptyBody = "empty_body",
    /// More bytes than the limit.
    BodyTooLarge = "body_too_large",
    /// Declared or recognised as something other than UTF-8.
    CharsetNotSupported = "charset_not_supported",
    /// Bytes that are not UTF-8.
    NotUtf8 = "not_utf8",
    /// An HTML page, as a log-in form or a proxy sends it.
    HtmlPage = "html_page",
    /// The content type says one format, the body is another.
    ContentTypeDisagrees = "content_type_disagrees",
    /// A format that this system's door does not read.
    FormatNotRead = "format_not_read",
    /// Ends in the middle.
    Truncated = "truncated",
    /// Something follows the end of the document.
    TrailingContent = "trailing_content",
    /// Nested deeper than the limit.
    TooDeep = "too_deep",
    /// More values or elements than the limit.
    TooManyValues = "too_many_values",
    /// More rows or items than the limit.
    TooManyItems = "too_many_items",
    /// Not JSON.
    JsonSyntax = "json_syntax",
    /// The same member twice in one object, or the same element twice where one belongs.
    DuplicateMember = "duplicate_member",
    /// Half of a UTF-16 pair in a JSON string.
    LoneSurrogate = "lone_surrogate",
    /// Not CSV.
    CsvSyntax = "csv_syntax",
    /// More or fewer fields than the first line has columns.
    WrongFieldCount = "wrong_field_count",
    /// Not well-formed XML.
    XmlSyntax = "xml_syntax",
    /// A document type declaration.
    DoctypeRefused = "doctype_refused",
    /// An entity other than the five that XML has.
    EntityRefused = "entity_refused",
    /// A known name in a namespace that is not its own, or a prefix that nobody declared.
    WrongNamespace = "wrong_namespace",
    /// XML, but no `ExternalEvent`.
    NotAnExternalEvent = "not_an_external_event",
    /// Nothing in it is about a worker.
    NotAboutAWorker = "not_about_a_worker",
    /// The answer itself says that the pull failed.
    PullFailed = "pull_failed",
    /// No list of rows where the mapping looks for it.
    NoRows = "no_rows",
    /// Another thing where an object belongs.
    NotAnObject = "not_an_object",
    /// An array, object or element with children where a plain value belongs.
    NotAPlainValue = "not_a_plain_value",
    /// A comment or processing instruction inside a value.
    MarkupInValue = "markup_in_value",
    /// Nobody is named by the configured id field.
    NoPerson = "no_person",
    /// A JSON number where the mapping wants ids as text.
    NumberForId = "number_for_id",
    /// An id that is too long.
    BadId = "bad_id",
    /// A value above the limit for one value.
    ValueTooLong = "value_too_long",
    /// A control or invisible formatting character where none belongs.
    ControlCharacter = "control_character",
    /// Not a date in any of the configured formats.
    BadDate = "bad_date",
    /// A date that no calendar has.
    ImpossibleDate = "impossible_date",
    /// A year outside of 1900 to 2200.
    YearOutOfRange = "year_out_of_range",
    /// A date that means different days in two of the configured formats, or an instant that is no day.
    AmbiguousDate = "ambiguous_date",
    /// Not an instant in any of the configured formats.
    BadTimestamp = "bad_timestamp",
    /// An attribute that is not of its configured type.
    BadAttribute = "bad_attribute",
    /// A status that the mapping does not know.
    UnknownStatus = "unknown_status",
    /// The row belongs to another dataset than the one named.
    DatasetDisagrees = "dataset_disagrees",
    /// One name with two different values.
    ValuesDisagree = "values_disagree",
    /// A milestone without the code that says its kind.
    NoCode = "no_code",
    /// A milestone without its day.
    NoEffectiveDate = "no_effective_date",
    /// A milestone without what tells it apart from others of its kind.
    NoOccurrence = "no_occurrence",
    /// The same source id twice in one delivery with different content.
    SourceIdTwice = "source_id_twice",
    /// The same worker twice in one delivery with different content.
    WorkerTwice = "worker_twice",
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A body, or one item of it, that can't be read: dead letter, then on with the next.
///
/// `what` and `at` are made of this crate's words, names of the mapping, indices and byte offsets alone; no value of
/// the body ever enters them, so they may be logged and shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} ({at})")]
pub struct Malformed {
    /// The stable code.
    pub code: Code,
    /// What is wrong and what to do about it.
    pub what: Cow<'static, str>,
    /// Where: a JSON pointer, a path of elements, or `byte n`; `body` for the whole.
    pub at: String,
}

impl Malformed {
    pub(crate) fn new(code: Code, what: impl Into<Cow<'static, str>>, at: impl Into<String>) -> Malformed {
        Malformed { code, what: what.into(), at: at.into() }
    }

    pub(crate) fn body(code: Code, what: impl Into<Cow<'static, str>>) -> Malformed {
        Malformed::new(code, what, "body")
    }

    pub(crate) fn byte(code: Code, what: impl Into<Cow<'static, str>>, offset: usize) -> Malformed {
        Malformed::new(code, what, format!("byte {offset}"))
    }

    /// The same, seen from outside: `prefix` goes before the place.
    pub(crate) fn under(mut self, prefix: &str) -> Malformed {
        self.at.insert_str(0, prefix);
        self
    }
}
