//! SuccessFactors' Compound Employee: a person with everything, as an answer of the SFAPI.

use mirabelle_domain::{Day, WorkerStatus};

use crate::choose::{self, Dated, Employment};
use crate::dates;
use crate::malformed::{Code, Malformed};
use crate::named::{Named, Value};
use crate::record::{About, Part, Parts};
use crate::report::Next;
use crate::row::Context;
use crate::xml::{Element, Tree, XmlRow};

/// What the answer says of itself: a log-in or a query that failed, or how to ask for the next page.
///
/// # Errors
/// The answer says that it failed, or has no result.
pub(crate) fn next_page<'d>(tree: &Tree<'d>, message: &'d Element) -> Result<Option<Next>, Malformed> {
    let failed = |what: &'static str| Malformed::new(Code::PullFailed, what, message.local.to_string());
    if !matches!(&*message.local, "queryResponse" | "queryMoreResponse") {
        return Err(failed(
            "an answer of the SFAPI that is not one to a query; a log-in, or one that failed",
        ));
    }
    let Some(result) = tree.one(message, "result", "")? else {
        return Err(failed("an answer to a query without a result"));
    };
    if tree.one(result, "error", "")?.is_some() {
        return Err(failed("the answer says that it failed"));
    }
    if !tree.is_true(result, &["hasMore"]) {
        return Ok(None);
    }
    match tree.text(result, &["querySessionId"]) {
        Some(session) if session.len() <= 256 => Ok(Some(Next::Session(session.to_owned()))),
        _ => Err(failed("there is more, and nothing says how to ask for it")),
    }
}

/// The row that paths of a mapping look into.
pub(crate) fn row<'r>(tree: Tree<'r>, object: &'r Element) -> Result<XmlRow<'r>, Malformed> {
    let element = tree.one(object, "person", "")?.unwrap_or(object);
    Ok(XmlRow { tree, element })
}

/// What a person's record reports: the state, and a milestone for each thing that happened in the job.
pub(crate) fn parts<'r>(row: &'r XmlRow<'r>, context: &Context<'_>) -> Parts<'r> {
    let (tree, person) = (&row.tree, row.element);
    if &*person.local != "person" {
        return Ok(vec![Part::Nothing("an object that is not a Compound Employee")]);
    }
    let employments = kept(tree, tree.all(person, "employment_information", "")?);
    let known: Vec<Employment<'_>> = employments.iter().map(|own| about(tree, own)).collect();
    let Some(own) = choose::standard(&known, context.today)? else {
        return Ok(vec![Part::Nothing("no employment of the person's own")]);
    };
    let first = choose::first_start(&known).map(|first| employments[first]);
    let mut parts = vec![state(row, employments[own], first, known[own].end, context)?];
    // What happened in an employment that is over happened all the same.
    for (employment, about) in employments.iter().zip(&known) {
        if about.class.is_none_or(|class| class == choose::STANDARD) {
            happened(row, employment, &mut parts)?;
        }
    }
    Ok(parts)
}

/// A delta names what was deleted too.
fn kept<'d>(tree: &Tree<'d>, elements: Vec<&'d Element>) -> Vec<&'d Element> {
    elements.into_iter().filter(|element| !is_deleted(tree, element)).collect()
}

fn is_deleted<'d>(tree: &Tree<'d>, element: &'d Element) -> bool {
    tree.text(element, &["action"]) == Some("DELETE")
}

fn about<'d>(tree: &Tree<'d>, employment: &'d Element) -> Employment<'d> {
    Employment {
        class: tree.text(employment, &["assignment_class"]),
        start: choose::day(tree.text(employment, &["start_date"])),
        end: choose::day(tree.text(employment, &["end_date"])),
    }
}

fn current<'d>(tree: &Tree<'d>, records: &[&'d Element], today: Option<Day>) -> Option<&'d Element> {
    let dated: Vec<Dated> = records
        .iter()
        .map(|record| Dated {
            start: choose::day(tree.text(record, &["start_date"])),
            number: tree.text(record, &["seq_number"]).and_then(|number| number.parse().ok()).unwrap_or(0),
        })
        .collect();
    choose::current(&dated, today).map(|index| records[index])
}

fn state<'r>(
    row: &'r XmlRow<'r>,
    own: &'r Element,
    first: Option<&'r Element>,
    end: Option<Day>,
    context: &Context<'_>,
) -> Result<Part<'r>, Malformed> {
    let (tree, person) = (&row.tree, row.element);
    let personal = kept(tree, tree.all(person, "personal_information", "")?);
    let personal = current(tree, &personal, context.today);
    let jobs = kept(tree, tree.all(own, "job_information", "/employment_information")?);
    let job = current(tree, &jobs, context.today);
    let of = |element: Option<&'r Element>, name: &str| element.and_then(|own| tree.value(own, &[name]));
    let mut named = Named::over(row);
    named.put("personIdExternal", of(Some(person), "person_id_external"));
    named.put("perPersonUuid", of(Some(person), "per_person_uuid"));
    named.put("dateOfBirth", of(Some(person), "date_of_birth"));
    named.put("userId", of(Some(own), "user_id"));
    named.put("originalStartDate", of(Some(own), "originalStartDate").or_else(|| of(first, "start_date")));
    named.put("hireDate", of(Some(own), "start_date"));
    named.put("serviceDate", of(Some(own), "serviceDate"));
    named.put("seniorityDate", of(Some(own), "seniorityDate"));
    named.put("terminationDate", of(Some(own), "end_date"));
    named.put("firstName", of(personal, "first_name"));
    named.put("lastName", of(personal, "last_name"));
    named.put("displayName", of(personal, "display_name").or_else(|| of(personal, "formal_name")));
    named.put("email", email(tree, person)?);
    named.put("department", of(job, "department"));
    named.put("costCenter", of(job, "cost_center"));
    named.put("employeeClass", of(job, "employee_class"));
    named.put("company", of(job, "company"));
    named.put("countryOfCompany", of(job, "company_territory_code"));
    named.put("location", of(job, "location"));
    named.put("timezone", of(job, "timezone"));
    // The manager is named by user id here, which is no id of this space.
    named.put("managerPersonIdExternal", of(job, "manager_person_id_external"));
    named.put("emplStatus", of(job, "emplStatus"));
    let over = matches!((end, context.today), (Some(end), Some(today)) if end < today);
    named.status = Some(if over { WorkerStatus::Terminated } else { WorkerStatus::Active });
    named.put("lastModifiedDateTime", latest(tree, [Some(person), personal, Some(own), job]));
    Ok(Part::Values(named, About::Worker, None))
}

fn email<'d>(tree: &Tree<'d>, person: &'d Element) -> Result<Option<Value<'d>>, Malformed> {
    let all = kept(tree, tree.all(person, "email_information", "")?);
    let chosen = match all.as_slice() {
        [only] => Some(*only),
        several => several.iter().copied().find(|email| tree.is_true(email, &["isPrimary"])),
    };
    Ok(chosen.and_then(|email| tree.value(email, &["email_address"])))
}

/// Of elements that are read together, when the one was changed that was changed last.
fn latest<'d>(tree: &Tree<'d>, elements: [Option<&'d Element>; 4]) -> Option<Value<'d>> {
    let stamp = |element: &&'d Element| {
        let text = tree.text(element, &["last_modified_on"])?;
        dates::instant(text, &[], None).ok()
    };
    let latest = elements.into_iter().flatten().filter(|own| stamp(own).is_some()).max_by_key(stamp)?;
    tree.value(latest, &["last_modified_on"])
}

/// What happened in an employment: its events, or the job records that carry theirs.
fn happened<'r>(
    row: &'r XmlRow<'r>,
    employment: &'r Element,
    parts: &mut Vec<Part<'r>>,
) -> Result<(), Malformed> {
    let (tree, person) = (&row.tree, row.element);
    let at = "/employment_information";
    let mut records = tree.all(employment, "job_event_information", at)?;
    let mut day = "event_date";
    if records.is_empty() {
        records = tree.all(employment, "job_information", at)?;
        day = "start_date";
    }
    for record in records {
        let mut named = Named::default();
        named.put("personIdExternal", tree.value(person, &["person_id_external"]));
        named.put("userId", tree.value(employment, &["user_id"]));
        named.put("event", tree.value(record, &["event"]));
        named.put("eventReason", tree.value(record, &["event_reason"]));
        named.put("effectiveDate", tree.value(record, &[day]));
        named.put("startDate", tree.value(record, &[day]));
        named.rescinded = is_deleted(tree, record);
        parts.push(Part::Values(named, About::Milestone, Some("EmpJob")));
    }
    Ok(())
}
