//! A notification by SOAP: something has changed, what it is has to be read back. Its message is drawn by whoever
//! configured it, and may name the worker by a reference anywhere inside.

use std::collections::BTreeMap;

use crate::report::{ExternalId, Pointer, Report};
use crate::xml::{Document, Element};

/// Kinds of ids that a pointer carries.
const IDS: [&str; 3] = ["Employee_ID", "Contingent_Worker_ID", "WID"];

/// The pointer that a message is. The first worker that it names is the one; none: whatever has changed.
pub(crate) fn pointer(document: &Document, message: &Element) -> Report {
    let mut keys = BTreeMap::new();
    let mut open = vec![message];
    while let Some(element) = open.pop() {
        let kind = match &*element.local {
            "ID" => element.attributes.iter().find(|own| &*own.local == "type").map(|own| &*own.value),
            name => Some(name),
        };
        let known = IDS.iter().find(|id| kind == Some(**id));
        let plain = element.children.is_empty() && !element.interrupted;
        if let (Some(known), true, Ok(id)) = (known, plain, ExternalId::new(element.text.trim())) {
            keys.entry((*known).to_owned()).or_insert_with(|| id.as_str().to_owned());
        }
        let before = open.len();
        open.extend(document.children(element));
        open[before..].reverse();
    }
    let named = keys.get("Employee_ID").or_else(|| keys.get("Contingent_Worker_ID"));
    let person = named.and_then(|id| ExternalId::new(id).ok());
    let entity = "Worker".to_owned();
    Report::Pointer(Pointer { entity, keys, person, kind: None, published_at: None })
}
