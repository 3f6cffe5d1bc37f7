//! PECI, the payroll interface of effective changes: what happened to a worker, in the order in which it was entered.
//! Its blocks hold what has changed and not a worker's whole state, so it yields milestones and no states.

use crate::malformed::Malformed;
use crate::named::Named;
use crate::record::{About, Part, Parts};
use crate::row::Scalar;
use crate::xml::{Element, Tree, XmlRow};

/// What a `Worker` of an effective stack reports.
pub(crate) fn parts<'r>(row: &'r XmlRow<'r>) -> Parts<'r> {
    let (tree, worker) = (&row.tree, row.element);
    let changes = tree.all(worker, "Effective_Change", "")?;
    let mut parts = Vec::with_capacity(changes.len());
    for change in changes {
        let codes = tree.all(change, "Derived_Event_Code", "/Effective_Change")?;
        if codes.is_empty() {
            parts.push(Part::Nothing("an effective change without the code of what happened"));
        }
        for code in codes {
            let mut named = milestone(tree, worker, change);
            let text = crate::xml::plain(code, "/Effective_Change/Derived_Event_Code");
            let rescinded = is_rescinded(tree, change, text.as_ref().map_or("", |text| text.trim()))?;
            named.put("Milestone", Some(text.map(Scalar::Text)));
            named.rescinded = rescinded;
            parts.push(Part::Values(named, About::Milestone, Some("Worker")));
        }
    }
    if parts.is_empty() {
        parts.push(Part::Nothing("a worker without an effective change"));
    }
    Ok(parts)
}

fn milestone<'r>(tree: &Tree<'r>, worker: &'r Element, change: &'r Element) -> Named<'r> {
    let id = |name: &str| tree.value(worker, &["Worker_Summary", name]);
    let moment = tree.value(change, &["Effective_Moment"]);
    let mut named = Named::default();
    named.put("Employee_ID", id("Employee_ID"));
    named.put("WID", id("WID"));
    named.key("Employee_ID", id("Employee_ID"));
    named.put("Milestone_Entered", tree.value(change, &["Entry_Moment"]));
    named.put("Milestone_Reason", tree.value(change, &["Reason"]));
    // Nothing else tells two promotions apart here; the offset behind a day does not.
    named.put("Milestone_ID", moment.clone().map(|moment| moment.map(calendar_day)));
    named.put("Milestone_Date", moment);
    named
}

/// The day as it is written.
fn calendar_day(moment: Scalar<'_>) -> Scalar<'_> {
    match moment {
        Scalar::Text(text) => Scalar::Text(text.trim().get(..10).unwrap_or(text)),
        other => other,
    }
}

/// The change itself was deleted, or of a hire the status that it had brought.
fn is_rescinded<'d>(tree: &Tree<'d>, change: &'d Element, code: &str) -> Result<bool, Malformed> {
    let deleted = |element: &'d Element| {
        let own = tree.attribute(element, "isDeleted");
        own.is_some_and(|own| matches!(&*own.value, "1" | "true"))
    };
    if deleted(change) {
        return Ok(true);
    }
    let status = tree.one(change, "Worker_Status", "/Effective_Change")?;
    Ok(matches!(code, "HIR" | "REH") && status.is_some_and(deleted))
}
