//! JSON: RaaS reports, Darwinbox answers, OData, what Integration Center and Orchestrate post.

use std::ops::Range;
use std::sync::Arc;

use crate::body::Text;
use crate::json::{self, Node, Value};
use crate::limits::Limits;
use crate::malformed::{Code, Malformed};
use crate::mapping::{Mapping, System, When};
use crate::odata;
use crate::once::Found;
use crate::record::{self, About, Place};
use crate::report::Next;
use crate::row::{Context, Reader};

/// The rows of a JSON body, by their places.
pub(crate) struct Table<'a> {
    body: Text<'a>,
    places: Vec<Range<usize>>,
    at: String,
    /// The rows are OData's entities.
    odata: bool,
    /// The body itself is the only row.
    whole: bool,
    pub(crate) next: Option<Next>,
    pub(crate) total: Option<u64>,
}

/// The places of the rows of a body that [`json::skim`] has read.
pub(crate) fn open<'a>(
    system: System,
    context: &Context<'_>,
    root: &Node<'a>,
    body: Text<'a>,
) -> Result<Table<'a>, Malformed> {
    let mapping = context.mapping;
    check_answer(context, root)?;
    let drawn = mapping.rows.iter().any(|path| path.names().first().is_some_and(|name| name == "d"));
    if let (System::SuccessFactors, false, Some(d)) = (system, drawn, root.member("d")) {
        return entities(d, body, context.limits);
    }
    for path in &mapping.rows {
        let Some(node) = root.at(path.names()) else { continue };
        let (places, whole) = match &node.value {
            Value::Array(rows) => (rows.iter().map(|row| row.span.clone()).collect(), false),
            Value::Object(_) => (vec![node.span.clone()], path.names().is_empty()),
            _ => {
                let what = "neither an array nor an object where the rows belong";
                return Err(Malformed::new(Code::NoRows, what, path.as_str()));
            }
        };
        let at = path.as_str().to_owned();
        let table = Table { body, places, at, odata: false, whole, next: None, total: None };
        return table.bounded(context);
    }
    let what = "no rows where the mapping looks for them; a failed answer is never an empty one";
    Err(Malformed::body(Code::NoRows, what))
}

/// OData version 2 wraps what it answers in `d`: an entity, or `results` with the address of the next page.
fn entities<'a>(d: &Node<'a>, body: Text<'a>, limits: &Limits) -> Result<Table<'a>, Malformed> {
    let text = |name: &str| match d.member(name).map(|node| &node.value) {
        Some(Value::Text(text)) => Some(text.as_ref()),
        _ => None,
    };
    let (places, at) = match (&d.value, d.member("results").map(|results| &results.value)) {
        (_, Some(Value::Array(results))) => {
            (results.iter().map(|row| row.span.clone()).collect(), "/d/results")
        }
        (Value::Object(_), None) => (vec![d.span.clone()], "/d"),
        _ => {
            let what = "an answer of OData without an entity or `results`";
            return Err(Malformed::new(Code::NoRows, what, "/d"));
        }
    };
    if places.len() > limits.items {
        return Err(Malformed::new(Code::TooManyItems, TOO_MANY, at));
    }
    let next = match d.member("__next").map(|node| &node.value) {
        None | Some(Value::Null) => None,
        Some(Value::Text(link)) if link.len() <= LINK_MAX => Some(Next::Link(link.to_string())),
        Some(_) => {
            let what = "`__next` is not an address of at most 8,192 bytes";
            return Err(Malformed::new(Code::NotAPlainValue, what, "/d/__next"));
        }
    };
    let total = text("__count").and_then(|count| count.parse().ok());
    Ok(Table { body, places, at: at.to_owned(), odata: true, whole: false, next, total })
}

const LINK_MAX: usize = 8_192;
const TOO_MANY: &str = "more rows than the limit; ask for fewer at once";

impl Table<'_> {
    fn bounded(self, context: &Context<'_>) -> Result<Self, Malformed> {
        if self.places.len() > context.limits.items {
            return Err(Malformed::new(Code::TooManyItems, TOO_MANY, self.at));
        }
        Ok(self)
    }

    /// Hands on every row, one after the other.
    ///
    /// # Errors
    /// The only row is about something else.
    pub(crate) fn each(
        &self,
        context: &Context<'_>,
        hand_on: &mut dyn FnMut(Found),
    ) -> Result<(), Malformed> {
        for (index, place) in self.places.iter().enumerate() {
            let at = if self.whole { String::new() } else { format!("{}/{index}", self.at) };
            let skipped = self.body.skipped + place.start;
            let own = Text { text: &self.body.text[place.clone()], skipped };
            let row = json::parse(own, context.limits)?;
            if self.whole && record::is_foreign(context, &row) {
                let what = "nothing in it that the mapping looks for";
                return Err(Malformed::body(Code::NotAboutAWorker, what));
            }
            let raw: Arc<[u8]> = own.text.as_bytes().into();
            let place = Place { at: &at, raw: &raw };
            if self.odata {
                record::parts(context, odata::parts(&row, context), &place, hand_on);
            } else if matches!(row.value, Value::Object(_)) {
                hand_on(record::row(context, &row, About::Any, None, &place));
            } else {
                let fault = Malformed::new(Code::NotAnObject, "a row that is not an object", "");
                record::parts(context, Err(fault), &place, hand_on);
            }
        }
        Ok(())
    }
}

/// One row that stood in a body before. What carries OData's metadata was an entity.
pub(crate) fn alone<'a>(mapping: &Mapping, system: System, root: &Node<'a>, body: Text<'a>) -> Table<'a> {
    let odata = system == System::SuccessFactors
        && root.member("__metadata").is_some()
        && !mapping.rows.iter().any(|path| path.names().first().is_some_and(|name| name == "d"));
    let places = vec![root.span.clone()];
    Table { body, places, at: String::new(), odata, whole: false, next: None, total: None }
}

fn check_answer(context: &Context<'_>, root: &Node<'_>) -> Result<(), Malformed> {
    let rule = &context.mapping.answer;
    for path in &rule.failed_if_present {
        if root.at(path.names()).is_some() {
            return Err(Malformed::new(Code::PullFailed, "the answer says that it failed", path.as_str()));
        }
    }
    let Some(expected) = &rule.ok else { return Ok(()) };
    let reader = Reader::new(root, context);
    if matches!(root.value, Value::Object(_)) && reader.text(&expected.at)? == Some(&expected.is) {
        return Ok(());
    }
    let what = "the answer does not say that it succeeded";
    Err(Malformed::new(Code::PullFailed, what, expected.at.as_str()))
}

/// Whether a body is what a variant is for.
pub(crate) fn fits(when: &When, root: &Node<'_>) -> bool {
    let equals = |expected: &crate::mapping::Expected| {
        let found = root.at(expected.at.names()).map(|node| crate::row::plain(node, ""));
        matches!(found, Some(Ok(Some(value))) if value.as_text() == expected.is)
    };
    when.root.is_none()
        && when.namespace.is_none()
        && when.has.iter().all(|path| root.at(path.names()).is_some())
        && when.equals.iter().all(equals)
}
