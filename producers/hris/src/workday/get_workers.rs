//! Get_Workers of the Human_Resources web service, with its transaction log where that was asked for.
//!
//! A transaction is told by its own reference, which stays when it is corrected: a correction moves the milestone, a
//! rescind takes it back.

use mirabelle_domain::{Day, WorkerStatus};

use super::primary;
use crate::choose;
use crate::malformed::{Code, Malformed};
use crate::mapping::Mapping;
use crate::named::{Named, Value};
use crate::record::{About, Part, Parts};
use crate::report::Next;
use crate::row::{Context, Scalar};
use crate::xml::{Element, Tree, XmlRow};

/// (the next page, workers altogether) by what the answer says of itself.
///
/// # Errors
/// An answer without results, or with pages that don't add up.
pub(crate) fn page<'d>(
    tree: &Tree<'d>,
    message: &'d Element,
) -> Result<(Option<Next>, Option<u64>), Malformed> {
    let number = |name: &str| match tree.text(message, &["Response_Results", name]) {
        None => Ok(None),
        Some(text) => match text.parse::<u32>() {
            Ok(number) => Ok(Some(number)),
            Err(_) => {
                let what = "not a number in what the answer says of itself";
                Err(Malformed::new(Code::PullFailed, what, format!("/Response_Results/{name}")))
            }
        },
    };
    let (page, pages, total) = (number("Page")?, number("Total_Pages")?, number("Total_Results")?);
    let next = match (page, pages) {
        (Some(page), Some(pages)) if page < pages => Some(Next::Page(page + 1)),
        _ => None,
    };
    if total != Some(0) && tree.one(message, "Response_Data", "")?.is_none() {
        let what = "an answer without its data";
        return Err(Malformed::new(Code::NoRows, what, "/Response_Data"));
    }
    Ok((next, total.map(u64::from)))
}

/// What a `Worker` reports: its state, and what the transaction log says.
pub(crate) fn parts<'r>(row: &'r XmlRow<'r>, context: &Context<'_>) -> Parts<'r> {
    let (tree, worker) = (&row.tree, row.element);
    let mut parts = vec![state(row, context)?];
    let Some(data) = tree.one(worker, "Worker_Data", "")? else { return Ok(parts) };
    if tree.is_true(data, &["Employment_Data", "Worker_Status_Data", "Hire_Rescinded"]) {
        let mut named = person(row)?;
        named.put_text("Milestone", "Hire");
        let hire = tree.value(data, &["Employment_Data", "Worker_Status_Data", "Hire_Date"]);
        named.put("Milestone_Date", hire);
        named.rescinded = true;
        parts.push(Part::Values(named, About::Milestone, Some("Worker")));
    }
    transactions(row, data, context.mapping, &mut parts)?;
    Ok(parts)
}

/// Ids alone.
fn person<'r>(row: &'r XmlRow<'r>) -> Result<Named<'r>, Malformed> {
    let mut named = Named::default();
    put_ids(row, &mut named)?;
    Ok(named)
}

fn put_ids<'r>(row: &'r XmlRow<'r>, named: &mut Named<'r>) -> Result<(), Malformed> {
    let (tree, worker) = (&row.tree, row.element);
    let references = tree.one(worker, "Worker_Reference", "")?;
    let employee = reference(tree, references, "Employee_ID")?;
    let contingent = reference(tree, references, "Contingent_Worker_ID")?;
    let id = employee.into_iter().chain(contingent).next();
    named.put("Employee_ID", id.clone().or_else(|| tree.value(worker, &["Worker_Data", "Worker_ID"])));
    named.key("Employee_ID", id);
    let wids = reference(tree, references, "WID")?;
    if wids.is_empty() {
        named.put("WID", None);
    }
    for wid in wids {
        named.put("WID", Some(wid));
    }
    Ok(())
}

/// Every id of a type in a reference. A worker that was converted has more than one WID.
fn reference<'d>(
    tree: &Tree<'d>,
    reference: Option<&'d Element>,
    kind: &str,
) -> Result<Vec<Value<'d>>, Malformed> {
    let Some(reference) = reference else { return Ok(Vec::new()) };
    let all = tree.all(reference, "ID", "/Reference")?;
    let own = all.into_iter().filter(|id| tree.attribute(id, "type").is_some_and(|own| &*own.value == kind));
    Ok(own.map(|id| crate::xml::plain(id, "/Reference/ID").map(Scalar::Text)).collect())
}

fn referred<'d>(
    tree: &Tree<'d>,
    parent: Option<&'d Element>,
    names: &[&str],
    kind: &str,
) -> Result<Option<Value<'d>>, Malformed> {
    let Some(parent) = parent else { return Ok(None) };
    Ok(reference(tree, tree.find(parent, names)?, kind)?.into_iter().next())
}

fn state<'r>(row: &'r XmlRow<'r>, context: &Context<'_>) -> Result<Part<'r>, Malformed> {
    let (tree, worker) = (&row.tree, row.element);
    let data = tree.one(worker, "Worker_Data", "")?;
    let find = |names: &[&str]| data.map_or(Ok(None), |data| tree.find(data, names));
    let (personal, employment) = (find(&["Personal_Data"])?, find(&["Employment_Data"])?);
    let of = |element: Option<&'r Element>, names: &[&str]| element.and_then(|own| tree.value(own, names));
    let mut named = Named::over(row);
    put_ids(row, &mut named)?;
    let birth =
        of(personal, &["Birth_Date"]).or_else(|| of(personal, &["Personal_Information_Data", "Birth_Date"]));
    named.put("Date_of_Birth", birth);
    let name = find(&["Personal_Data", "Name_Data", "Legal_Name_Data", "Name_Detail_Data"])?;
    let preferred = find(&["Personal_Data", "Name_Data", "Preferred_Name_Data", "Name_Detail_Data"])?;
    named.put("First_Name", of(name, &["First_Name"]));
    named.put("Last_Name", of(name, &["Last_Name"]));
    let shown = preferred.or(name).and_then(|own| tree.attribute(own, "Formatted_Name"));
    named.put("Preferred_Name", shown.map(|own| Ok(Scalar::Text(&own.value))));
    named.put("Email", email(tree, personal)?);
    let status = find(&["Employment_Data", "Worker_Status_Data"])?;
    for field in
        ["Hire_Date", "Original_Hire_Date", "Continuous_Service_Date", "Seniority_Date", "Termination_Date"]
    {
        named.put(field, of(status, &[field]));
    }
    position(tree, employment, &mut named)?;
    organizations(tree, data, &mut named)?;
    named.status = status.and_then(|status| self::status(tree, status, context.today));
    Ok(Part::Values(named, About::Worker, None))
}

fn email<'d>(tree: &Tree<'d>, personal: Option<&'d Element>) -> Result<Option<Value<'d>>, Malformed> {
    let contact = match personal {
        Some(personal) => tree.one(personal, "Contact_Data", "")?,
        None => None,
    };
    let Some(contact) = contact else { return Ok(None) };
    let all = tree.all(contact, "Email_Address_Data", "/Contact_Data")?;
    let mut work = Vec::new();
    for address in &all {
        for usage in tree.all(address, "Usage_Data", "/Email_Address_Data")? {
            for kind in tree.all(usage, "Type_Data", "/Usage_Data")? {
                let own =
                    reference(tree, tree.one(kind, "Type_Reference", "")?, "Communication_Usage_Type_ID")?;
                if own.iter().any(|own| matches!(own, Ok(Scalar::Text(text)) if text.trim() == "WORK")) {
                    work.push((
                        *address,
                        tree.attribute(kind, "Primary").is_some_and(|own| &*own.value != "0"),
                    ));
                }
            }
        }
    }
    let chosen = work.iter().find(|(_, primary)| *primary).or(work.first()).map(|(address, _)| *address);
    Ok(chosen.and_then(|address| tree.value(address, &["Email_Address"])))
}

/// What the primary job says.
fn position<'d>(
    tree: &Tree<'d>,
    employment: Option<&'d Element>,
    named: &mut Named<'d>,
) -> Result<(), Malformed> {
    let Some(employment) = employment else { return Ok(()) };
    let jobs = tree.all(employment, "Worker_Job_Data", "/Employment_Data")?;
    let job = primary(tree, &jobs, &[(&["@Primary_Job"], "true")]);
    let Some(position) = job.map(|job| tree.one(job, "Position_Data", "")).transpose()?.flatten() else {
        return Ok(());
    };
    let position = Some(position);
    named.put("Worker_Type", referred(tree, position, &["Worker_Type_Reference"], "Employee_Type_ID")?);
    let site = &["Business_Site_Summary_Data", "Name"];
    named.put("Location", position.and_then(|own| tree.value(own, site)));
    let zone = &["Business_Site_Summary_Data", "Time_Zone_Reference"];
    named.put("Time_Zone", referred(tree, position, zone, "Time_Zone_ID")?);
    let country = &["Business_Site_Summary_Data", "Address_Data", "Country_Reference"];
    named.put("Country", referred(tree, position, country, "ISO_3166-1_Alpha-2_Code")?);
    let manager = &["Manager_as_of_last_detected_manager_change_Reference"];
    named.put("Manager_Employee_ID", referred(tree, position, manager, "Employee_ID")?);
    Ok(())
}

fn organizations<'d>(
    tree: &Tree<'d>,
    data: Option<&'d Element>,
    named: &mut Named<'d>,
) -> Result<(), Malformed> {
    let Some(all) = data.map(|data| tree.one(data, "Organization_Data", "")).transpose()?.flatten() else {
        return Ok(());
    };
    for own in tree.all(all, "Worker_Organization_Data", "/Organization_Data")? {
        let Some(organization) = tree.one(own, "Organization_Data", "")? else { continue };
        let kind =
            referred(tree, Some(organization), &["Organization_Type_Reference"], "Organization_Type_ID")?;
        let Some(Ok(Scalar::Text(kind))) = kind else { continue };
        let field = match kind.trim().to_ascii_uppercase().as_str() {
            "SUPERVISORY" => "Department",
            "COST_CENTER" => "Cost_Center",
            "COMPANY" => "Company",
            _ => continue,
        };
        named.put(field, tree.value(organization, &["Organization_Name"]));
    }
    Ok(())
}

fn status<'d>(tree: &Tree<'d>, status: &'d Element, today: Option<Day>) -> Option<WorkerStatus> {
    if tree.is_true(status, &["Terminated"]) || tree.is_true(status, &["Hire_Rescinded"]) {
        return Some(WorkerStatus::Terminated);
    }
    if tree.is_true(status, &["Leave_Status_Data", "On_Leave"]) {
        return Some(WorkerStatus::OnLeave);
    }
    match tree.text(status, &["Active"]) {
        None => None,
        Some("true" | "1") => Some(WorkerStatus::Active),
        Some(_) => {
            let hire = choose::day(tree.text(status, &["Hire_Date"]));
            let later = matches!((hire, today), (Some(hire), Some(today)) if hire > today);
            Some(if later { WorkerStatus::Pending } else { WorkerStatus::OnLeave })
        }
    }
}

/// Whether a transaction is what happened, or says that another one did not.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stands {
    Yes,
    Rescinded,
    /// Either the corrected or its correction: which of the two, the log alone does not say.
    Unclear,
}

fn transactions<'r>(
    row: &'r XmlRow<'r>,
    data: &'r Element,
    mapping: &Mapping,
    parts: &mut Vec<Part<'r>>,
) -> Result<(), Malformed> {
    let tree = &row.tree;
    let mut settled: Vec<&str> = Vec::new();
    for changed in tree.all(data, "Transaction_Log_Corrected_And_Rescinded_Data", "")? {
        let changes = tree.all(changed, "Correction_Or_Rescind_Data", "")?;
        let rescinded = changes.iter().any(|change| tree.is_true(change, &["Is_Rescind"]));
        for change in &changes {
            settled.extend(wid(tree, change)?);
        }
        for main in tree.all(changed, "Main_Transaction_Data", "")? {
            settled.extend(wid(tree, main)?);
            let stands = if rescinded { Stands::Rescinded } else { Stands::Yes };
            parts.push(transaction(row, main, stands, mapping)?);
        }
    }
    let Some(log) = tree.one(data, "Transaction_Log_Entry_Data", "")? else { return Ok(()) };
    for entry in tree.all(log, "Transaction_Log_Entry", "/Transaction_Log_Entry_Data")? {
        if wid(tree, entry)?.is_some_and(|own| settled.contains(&own)) {
            continue;
        }
        let flag = |name: &str| tree.is_true(entry, &["Transaction_Log_Data", name]);
        let stands = if flag("Is_Rescind_Or_Rescinded") {
            Stands::Rescinded
        } else if flag("Is_Correction_Or_Corrected") {
            Stands::Unclear
        } else {
            Stands::Yes
        };
        parts.push(transaction(row, entry, stands, mapping)?);
    }
    Ok(())
}

/// The reference of a transaction.
fn wid<'d>(tree: &Tree<'d>, entry: &'d Element) -> Result<Option<&'d str>, Malformed> {
    match referred(tree, Some(entry), &["Transaction_Log_Reference"], "WID")? {
        Some(Ok(Scalar::Text(text))) => Ok(Some(text.trim())),
        _ => Ok(None),
    }
}

fn transaction<'r>(
    row: &'r XmlRow<'r>,
    entry: &'r Element,
    stands: Stands,
    mapping: &Mapping,
) -> Result<Part<'r>, Malformed> {
    let tree = &row.tree;
    let value = |name: &str| tree.value(entry, &["Transaction_Log_Data", name]);
    let mut named = person(row)?;
    named.put("Milestone", kind(tree, entry, mapping)?);
    named.put("Milestone_ID", referred(tree, Some(entry), &["Transaction_Log_Reference"], "WID")?);
    named.put("Milestone_Date", value("Transaction_Effective_Moment"));
    named.put("Milestone_Entered", value("Transaction_Entry_Moment"));
    named.rescinded = stands == Stands::Rescinded;
    Ok(match stands {
        Stands::Unclear => Part::ReadBack(named, "Transaction_Log"),
        Stands::Yes | Stands::Rescinded => Part::Values(named, About::Milestone, Some("Worker")),
    })
}

/// The type of a transaction that the mapping knows; else the first.
fn kind<'d>(tree: &Tree<'d>, entry: &'d Element, mapping: &Mapping) -> Result<Option<Value<'d>>, Malformed> {
    let Some(data) = tree.one(entry, "Transaction_Log_Data", "")? else { return Ok(None) };
    let mut all = Vec::new();
    for own in tree.all(data, "Transaction_Log_Type_Reference", "/Transaction_Log_Data")? {
        for id in tree.all(own, "ID", "/Transaction_Log_Type_Reference")? {
            if tree.attribute(id, "type").is_some_and(|own| &*own.value != "WID") {
                all.push(crate::xml::plain(id, "/Transaction_Log_Type_Reference/ID").map(Scalar::Text));
            }
        }
    }
    let rules = mapping.milestone.as_ref().map_or(&[][..], |milestone| &milestone.kinds);
    let known = |own: &&Value<'_>| match own {
        Ok(scalar) => rules.iter().any(|rule| rule.code == scalar.as_text().trim()),
        Err(_) => false,
    };
    Ok(all.iter().find(known).or(all.first()).cloned())
}
