//! SuccessFactors' OData version 2: entities with what was expanded in them.
//!
//! A person's state hangs on which of several employments earns and on which of several dated records is valid; reviews,
//! goals and spot awards name a user, and the person only where `…/empInfo` was expanded.

use crate::choose::{self, Dated, Employment, STANDARD};
use crate::dates;
use crate::json::Node;
use crate::mapping::WorkerMapping;
use crate::named::Named;
use crate::record::{About, Part, Parts};
use crate::row::Context;
use mirabelle_domain::{Day, WorkerStatus};

const HUNDRED_PERCENT: f64 = 100.0;

/// What an entity reports.
pub(crate) fn parts<'r>(entity: &'r Node<'r>, context: &Context<'_>) -> Parts<'r> {
    let kind = entity.member("__metadata").and_then(|metadata| metadata.text("type"));
    let kind = kind.map(|kind| kind.rsplit('.').next().unwrap_or(kind));
    Ok(match kind {
        Some("PerPerson") => person(entity, entity, entity.linked("employmentNav"), context)?,
        Some("EmpEmployment") => match entity.link("personNav") {
            Some(owner) => person(entity, owner, vec![entity], context)?,
            None => vec![Part::ReadBack(keys(entity, &["personIdExternal", "userId"]), "PerPerson")],
        },
        Some("EmpJob") => vec![job(entity)],
        Some("FormHeader") => vec![review(entity, context)],
        Some("SpotAward") => vec![award(entity, context)],
        Some(goal) if is_goal(goal) => vec![self::goal(entity, context)],
        _ => vec![Part::Nothing("an entity of OData that is not about a worker")],
    })
}

/// `Goal_` and the number of its plan.
fn is_goal(kind: &str) -> bool {
    kind.strip_prefix("Goal_")
        .is_some_and(|plan| !plan.is_empty() && plan.bytes().all(|b| b.is_ascii_digit()))
}

fn keys<'r>(entity: &'r Node<'r>, names: &[&'static str]) -> Named<'r> {
    let mut named = Named::over(entity);
    for name in names {
        named.key(name, entity.value(name));
    }
    named
}

/// A person with their employments.
fn person<'r>(
    entity: &'r Node<'r>,
    owner: &'r Node<'r>,
    employments: Vec<&'r Node<'r>>,
    context: &Context<'_>,
) -> Result<Vec<Part<'r>>, crate::Malformed> {
    if employments.is_empty() {
        return Ok(vec![Part::ReadBack(keys(owner, &["personIdExternal"]), "PerPerson")]);
    }
    let known: Vec<Employment<'_>> = employments.iter().map(|employment| about(employment)).collect();
    let Some(own) = choose::standard(&known, context.today)? else {
        return Ok(vec![Part::Nothing("assignments elsewhere and no employment of the person's own")]);
    };
    let (own, about) = (employments[own], known[own]);
    let first = choose::first_start(&known).map(|first| employments[first]);
    let personal = current(owner.linked("personalInfoNav"), context.today);
    let job = current(own.linked("jobInfoNav"), context.today);
    let mut named = Named::over(entity);
    for name in ["personIdExternal", "perPersonUuid", "dateOfBirth"] {
        named.put(name, owner.value(name));
    }
    named.put("userId", own.value("userId"));
    named.put("originalStartDate", own.value("originalStartDate").or_else(|| first?.value("startDate")));
    named.put("hireDate", own.value("startDate"));
    for name in ["serviceDate", "seniorityDate"] {
        named.put(name, own.value(name));
    }
    named.put("terminationDate", own.value("endDate"));
    for name in ["firstName", "lastName"] {
        named.put(name, personal.and_then(|personal| personal.value(name)));
    }
    let shown =
        |personal: &'r Node<'r>| personal.value("displayName").or_else(|| personal.value("formalName"));
    named.put("displayName", personal.and_then(shown));
    named.put("email", email(owner).and_then(|email| email.value("emailAddress")));
    for name in ["department", "costCenter", "company", "countryOfCompany", "location", "timezone"] {
        named.put(name, job.and_then(|job| job.value(name)));
    }
    named.put("employeeClass", job.and_then(|job| picked(job, "employeeClass", "employeeClassNav")));
    named.put("managerPersonIdExternal", job.and_then(manager).and_then(|own| own.value("personIdExternal")));
    put_status(&mut named, job, about.end, context);
    let dated = [Some(owner), personal, Some(own), job];
    named.put("lastModifiedDateTime", latest(&dated).and_then(|node| node.value("lastModifiedDateTime")));
    Ok(vec![Part::Values(named, About::Worker, None)])
}

fn about<'e>(employment: &'e Node<'_>) -> Employment<'e> {
    Employment {
        class: employment.text("assignmentClass"),
        start: choose::day(employment.text("startDate")),
        end: choose::day(employment.text("endDate")),
    }
}

fn current<'r>(records: Vec<&'r Node<'r>>, today: Option<Day>) -> Option<&'r Node<'r>> {
    let dated: Vec<Dated> = records
        .iter()
        .map(|record| Dated {
            start: choose::day(record.text("startDate")),
            number: record.text("seqNumber").and_then(|number| number.parse().ok()).unwrap_or(0),
        })
        .collect();
    choose::current(&dated, today).map(|index| records[index])
}

/// The primary address, or the only one.
fn email<'r>(owner: &'r Node<'r>) -> Option<&'r Node<'r>> {
    let all = owner.linked("emailNav");
    let primary =
        |email: &&&Node<'_>| matches!(email.value("isPrimary"), Some(Ok(own)) if own.as_text() == "true");
    match all.as_slice() {
        [only] => Some(only),
        several => several.iter().find(primary).copied(),
    }
}

fn manager<'r>(job: &'r Node<'r>) -> Option<&'r Node<'r>> {
    job.link("managerEmploymentNav").or_else(|| job.link("managerUserNav")?.link("empInfo"))
}

/// A value of a picklist: its code where it was expanded, else what stands there, which is then a number of this
/// customer's system.
fn picked<'r>(node: &'r Node<'r>, name: &str, link: &str) -> Option<crate::named::Value<'r>> {
    node.link(link).and_then(|option| option.value("externalCode")).or_else(|| node.value(name))
}

/// The word of the job record where the mapping knows it; else by the end of the employment.
fn put_status<'r>(named: &mut Named<'r>, job: Option<&'r Node<'r>>, end: Option<Day>, context: &Context<'_>) {
    let word = job.and_then(|job| picked(job, "emplStatus", "emplStatusNav"));
    let knows = |mapping: &WorkerMapping, word: &str| mapping.statuses.contains_key(word.trim());
    let known = match (&word, &context.mapping.worker) {
        (Some(Ok(word)), Some(mapping)) => knows(mapping, word.as_text()) || !is_number(word.as_text()),
        _ => false,
    };
    named.put("emplStatus", word.filter(|_| known));
    let over = matches!((end, context.today), (Some(end), Some(today)) if end < today);
    named.status = Some(if over { WorkerStatus::Terminated } else { WorkerStatus::Active });
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Of records that are read together, the one that was changed last.
fn latest<'r>(nodes: &[Option<&'r Node<'r>>]) -> Option<&'r Node<'r>> {
    let stamp = |node: &&Node<'_>| dates::instant(node.text("lastModifiedDateTime")?, &[], None).ok();
    nodes.iter().flatten().copied().filter(|node| stamp(node).is_some()).max_by_key(stamp)
}

/// A job record.
fn job<'r>(job: &'r Node<'r>) -> Part<'r> {
    let employment = job.link("employmentNav");
    let class = employment.and_then(|employment| employment.text("assignmentClass"));
    if class.is_some_and(|class| class != STANDARD) {
        return Part::Nothing("a job record of an assignment elsewhere");
    }
    let mut named = keys(job, &["userId", "startDate", "seqNumber"]);
    let own = |node: &'r Node<'r>| node.value("personIdExternal");
    let by_user = || own(job.link("userNav")?.link("empInfo")?);
    named.put("personIdExternal", employment.and_then(own).or_else(by_user));
    named.put("event", picked(job, "event", "eventNav"));
    named.put("eventReason", job.value("eventReason"));
    named.put("effectiveDate", job.value("startDate"));
    Part::Values(named, About::Milestone, Some("EmpJob"))
}

/// The person behind a user that was expanded.
fn put_user<'r>(named: &mut Named<'r>, entity: &'r Node<'r>, id: &str, link: &str) {
    let info = entity.link(link).and_then(|user| user.link("empInfo"));
    named.put("personIdExternal", info.and_then(|info| info.value("personIdExternal")));
    named.put("userId", entity.value(id));
    named.key(id, entity.value(id));
}

/// The day of an instant: none of these things has a calendar day of its own.
fn day_of(entity: &Node<'_>, name: &str, context: &Context<'_>) -> Option<Day> {
    let micros = dates::instant(entity.text(name)?, &[], None).ok()?;
    context.day_of(micros)
}

/// A review: a milestone once its form is complete, on the day on which it was changed last.
fn review<'r>(form: &'r Node<'r>, context: &Context<'_>) -> Part<'r> {
    const COMPLETE: &str = "3";
    if form.text("formDataStatus") != Some(COMPLETE) {
        return Part::Nothing("a form that is not complete");
    }
    let mut named = keys(form, &["formDataId"]);
    put_user(&mut named, form, "formSubjectId", "formSubject");
    named.put_text("event", "com.successfactors.PerformanceReview.Completed");
    named.put("formDataId", form.value("formDataId"));
    // A form without a rating says -1.
    let rated = form.text("rating").is_some_and(|rating| !rating.starts_with('-'));
    named.put("rating", form.value("rating").filter(|_| rated));
    named.put_day("effectiveDate", day_of(form, "formLastModifiedDate", context));
    Part::Values(named, About::Milestone, Some("FormHeader"))
}

/// A goal: a milestone once it is done.
fn goal<'r>(goal: &'r Node<'r>, context: &Context<'_>) -> Part<'r> {
    let done = goal.text("done").and_then(|done| done.parse::<f64>().ok());
    if !done.is_some_and(|done| done >= HUNDRED_PERCENT) {
        return Part::Nothing("a goal that is not done");
    }
    let mut named = keys(goal, &["id"]);
    put_user(&mut named, goal, "userId", "userNav");
    named.put_text("event", "com.successfactors.Goal.Completed");
    named.put("goalId", goal.value("id"));
    named.put_day("effectiveDate", day_of(goal, "lastModified", context));
    Part::Values(named, About::Milestone, Some("Goal"))
}

/// A spot award: a milestone once it is approved. The amount moves nothing: campaigns say what it is worth.
fn award<'r>(award: &'r Node<'r>, context: &Context<'_>) -> Part<'r> {
    if award.text("approvalStatus") != Some("APPROVED") {
        return Part::Nothing("a spot award that is not approved");
    }
    let mut named = keys(award, &["externalCode"]);
    put_user(&mut named, award, "userId", "userIdNav");
    named.put_text("event", "com.successfactors.SpotAward.Given");
    named.put("externalCode", award.value("externalCode"));
    named.put("awardCode", award.value("spotAwardProgram"));
    named.put_day("effectiveDate", day_of(award, "approvedDate", context));
    Part::Values(named, About::Milestone, Some("SpotAward"))
}
