//! Core Connector: Worker, a file of whole workers.

use mirabelle_domain::{Day, WorkerStatus};

use super::primary;
use crate::choose;
use crate::named::Named;
use crate::record::{About, Part, Parts};
use crate::row::Context;
use crate::xml::{Element, Tree, XmlRow};

/// What a `Worker` reports: its state.
pub(crate) fn parts<'r>(row: &'r XmlRow<'r>, context: &Context<'_>) -> Parts<'r> {
    let (tree, worker) = (&row.tree, row.element);
    let value = |names: &[&str]| tree.value(worker, names);
    let names = blocks(tree, worker, "Name_Data")?;
    let name = primary(tree, &names, &[(&["Name_Type"], "Legal"), (&["Name_Type"], "Preferred")]);
    let emails = blocks(tree, worker, "Email_Data")?;
    let email = primary(tree, &emails, &[(&["Is_Primary"], "true"), (&["Email_Type"], "WORK")]);
    let positions = tree.all(worker, "Position", "")?;
    let position = primary(tree, &positions, &[(&["Is_Primary"], "true"), (&["Primary_Job"], "true")]);
    let of = |element: Option<&'r Element>, name: &str| element.and_then(|own| tree.value(own, &[name]));
    let mut named = Named::over(row);
    named.put("Employee_ID", value(&["Summary", "Employee_ID"]));
    named.put("WID", value(&["Summary", "WID"]));
    for field in
        ["Hire_Date", "Original_Hire_Date", "Continuous_Service_Date", "Seniority_Date", "Termination_Date"]
    {
        named.put(field, value(&["Status", field]));
    }
    named.put("Date_of_Birth", value(&["Personal", "Birth_Date"]));
    named.put("First_Name", of(name, "First_Name"));
    named.put("Last_Name", of(name, "Last_Name"));
    named.put("Preferred_Name", value(&["Summary", "Name"]).or_else(|| of(name, "Formatted_Name")));
    named.put("Email", of(email, "Email_Address"));
    named.put("Worker_Type", of(position, "Worker_Type"));
    named.put("Location", of(position, "Business_Site_Name").or_else(|| of(position, "Business_Site")));
    named.put("Country", of(position, "Business_Site_Country"));
    named.put("Time_Zone", of(position, "Time_Zone"));
    named.put("Manager_Employee_ID", of(position, "Supervisor_ID"));
    for (field, kind) in
        [("Department", "Supervisory"), ("Cost_Center", "Cost_Center"), ("Company", "Company")]
    {
        named.put(
            field,
            organization(tree, position, kind)?.and_then(|own| tree.value(own, &["Organization"])),
        );
    }
    named.put("Worker_Status", None);
    named.put("Last_Modified", None);
    named.put("Milestone", None);
    named.status = status(tree, worker, context.today);
    Ok(vec![Part::Values(named, About::Worker, None)])
}

fn blocks<'d>(
    tree: &Tree<'d>,
    worker: &'d Element,
    name: &str,
) -> Result<Vec<&'d Element>, crate::Malformed> {
    match tree.one(worker, "Personal", "")? {
        Some(personal) => tree.all(personal, name, "/Personal"),
        None => Ok(Vec::new()),
    }
}

fn organization<'d>(
    tree: &Tree<'d>,
    position: Option<&'d Element>,
    kind: &str,
) -> Result<Option<&'d Element>, crate::Malformed> {
    let Some(position) = position else { return Ok(None) };
    let all = tree.all(position, "Organization_Data", "/Position")?;
    let same = |own: &str| own.replace(' ', "_").eq_ignore_ascii_case(kind);
    Ok(all.into_iter().find(|own| tree.text(own, &["Organization_Type"]).is_some_and(same)))
}

/// By the flags of the status block: who is neither terminated nor active is on leave, or not yet here.
fn status<'d>(tree: &Tree<'d>, worker: &'d Element, today: Option<Day>) -> Option<WorkerStatus> {
    let own = tree.one(worker, "Status", "").ok()??;
    if tree.is_true(own, &["Terminated"]) {
        return Some(WorkerStatus::Terminated);
    }
    let word =
        tree.text(own, &["Employee_Status"]).map(|word| word.replace([' ', '_'], "").to_ascii_lowercase());
    if word.is_some_and(|word| word.contains("leave")) {
        return Some(WorkerStatus::OnLeave);
    }
    match tree.text(own, &["Active"]) {
        None | Some("true" | "1") => Some(WorkerStatus::Active),
        Some(_) => {
            let hire = choose::day(tree.text(own, &["Hire_Date"]));
            let later = matches!((hire, today), (Some(hire), Some(today)) if hire > today);
            Some(if later { WorkerStatus::Pending } else { WorkerStatus::OnLeave })
        }
    }
}
