//! A delivery as text that a person can check line by line.

use std::fmt::Write;

use crate::{Attribute, Delivery, Item, Malformed, MilestoneReport, Pointer, Report, WorkerReport};

/// What `read` answered, one paragraph an item.
pub(crate) fn outcome(read: &Result<Delivery, Malformed>) -> String {
    match read {
        Ok(delivery) => {
            let mut text = format!("answer {:?}\n", delivery.answer);
            if let Some(next) = &delivery.next {
                writeln!(text, "next {next:?}").unwrap();
            }
            if let Some(total) = delivery.total {
                writeln!(text, "total {total}").unwrap();
            }
            for item in &delivery.items {
                render(&mut text, item);
            }
            text
        }
        Err(fault) => format!("refused as a whole: {}\n", malformed(fault)),
    }
}

fn malformed(fault: &Malformed) -> String {
    format!("{} at {}: {}", fault.code, fault.at, fault.what)
}

fn render(text: &mut String, item: &Item) {
    match &item.outcome {
        Ok(Report::Milestone(report)) => milestone(text, report),
        Ok(Report::Worker(report)) => worker(text, report),
        Ok(Report::Pointer(report)) => pointer(text, report),
        Ok(Report::NotAboutAWorker { what }) => write!(text, "not about a worker: {what}").unwrap(),
        Err(fault) => write!(text, "set aside: {}", malformed(fault)).unwrap(),
    }
    if let Some(id) = &item.source_id {
        write!(text, "\n  source id {id}").unwrap();
    }
    text.push('\n');
}

fn milestone(text: &mut String, report: &MilestoneReport) {
    let MilestoneReport { person, kind, occurrence, effective, published_at, attributes, retracts } = report;
    let verb = if *retracts { "takes back" } else { "milestone" };
    write!(text, "{verb} {} {occurrence} of {person} on {effective}", kind.name()).unwrap();
    optional(text, "published at", published_at.as_ref());
    for (name, value) in attributes {
        let kind = match value {
            Attribute::Int(_) => "int",
            Attribute::Decimal(_) => "decimal",
            Attribute::Text(_) => "text",
        };
        write!(text, "\n  {name} = {kind} {value}").unwrap();
    }
}

fn pointer(text: &mut String, report: &Pointer) {
    let Pointer { entity, keys, person, kind, published_at } = report;
    write!(text, "pointer to {entity}").unwrap();
    for (name, value) in keys {
        write!(text, " {name}={value}").unwrap();
    }
    optional(text, "person", person.as_ref());
    optional(text, "kind", kind.map(|kind| kind.name()).as_ref());
    optional(text, "published at", published_at.as_ref());
}

fn worker(text: &mut String, report: &WorkerReport) {
    let WorkerReport { person, aliases, status, dates, business, personal, changed_at } = report;
    write!(text, "worker {person} {status:?}").unwrap();
    for (name, id) in aliases {
        write!(text, "\n  alias {name} = {id}").unwrap();
    }
    optional(text, "original hire", dates.original_hire.as_ref());
    optional(text, "hire", dates.hire.as_ref());
    optional(text, "continuous service", dates.continuous_service.as_ref());
    optional(text, "seniority", dates.seniority.as_ref());
    optional(text, "termination", dates.termination.as_ref());
    optional(text, "department", business.department.as_ref());
    optional(text, "cost centre", business.cost_centre.as_ref());
    optional(text, "worker type", business.worker_type.as_ref());
    optional(text, "company", business.company.as_ref());
    optional(text, "country", business.country.as_ref());
    optional(text, "location", business.location.as_ref());
    optional(text, "zone", business.zone.as_ref());
    optional(text, "birth date", personal.birth_date.as_ref());
    optional(text, "given name", personal.given_name.as_ref());
    optional(text, "family name", personal.family_name.as_ref());
    optional(text, "display name", personal.display_name.as_ref());
    optional(text, "email", personal.email.as_ref());
    optional(text, "manager", personal.manager.as_ref());
    optional(text, "changed at", changed_at.as_ref());
}

fn optional<T: std::fmt::Display>(text: &mut String, name: &str, value: Option<&T>) {
    if let Some(value) = value {
        write!(text, "\n  {name} {value}").unwrap();
    }
}
