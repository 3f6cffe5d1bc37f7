//! Milestones under their natural keys, and the awards that came of them.

use serde::{Deserialize, Serialize};

use crate::command::{ConsiderMilestone, ReportMilestone, RetractMilestone};
use crate::config::ConnectionState;
use crate::fact::{
    AwardDropped, AwardOwed, Considered, MilestoneConsidered, MilestoneRecorded, MilestoneRetracted,
};
use crate::ids::{GrantId, Name, Occurrence};
use crate::rejection::Rejection;
use crate::time::{Day, Timestamp};
use crate::worker::{Attributes, MilestoneKind};

use super::award::{self, Standing};
use super::draft::Draft;
use super::worker::is_joining;
use super::{MILESTONES_MAX, Member};

/// A milestone and its awards, for ever: one award for each campaign, whatever its version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Milestone {
    pub(super) kind: MilestoneKind,
    pub(super) occurrence: Occurrence,
    told: Told,
    awards: Vec<Award>,
}

/// What was said of it last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Told {
    /// It happened, or will.
    Reported(Report),
    /// It did not. Final: a report that comes later, or came late, earns nothing.
    Retracted,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Report {
    /// The connection that reported it first.
    connection: Name,
    pub(super) effective: Day,
    pub(super) known_on: Day,
    pub(super) years: Option<i32>,
    pub(super) attributes: Attributes,
    /// When its day had come while its connection, as adopted then, was in baseline. It never earns, unless a version
    /// that was in force at that instant, and was adopted later, says otherwise.
    baseline: Option<Timestamp>,
    /// A campaign could not judge it without a newer worker state.
    waits_for_worker: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Award {
    campaign: Name,
    grant: GrantId,
    state: AwardState,
}

/// How far an award is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum AwardState {
    /// On its way by the budget.
    Owed,
    /// In the wallet.
    Credited,
    /// Will never be.
    Dropped,
}

/// Why an award's grant is not taken any more.
pub(super) const RETRACTED: &str = "milestone_retracted";
const DROPPED: &str = "award_dropped";

fn find<'a>(member: &'a Member, kind: MilestoneKind, occurrence: &Occurrence) -> Option<&'a Milestone> {
    member.milestones().iter().find(|known| known.kind == kind && known.occurrence == *occurrence)
}

fn find_mut<'a>(
    member: &'a mut Member,
    kind: MilestoneKind,
    occurrence: &Occurrence,
) -> Option<&'a mut Milestone> {
    member.milestones.as_ref()?;
    member.milestones_mut().iter_mut().find(|known| known.kind == kind && known.occurrence == *occurrence)
}

fn award_of(member: &Member, grant: GrantId) -> Option<(&Milestone, &Award)> {
    let all =
        member.milestones().iter().flat_map(|known| known.awards.iter().map(move |award| (known, award)));
    all.into_iter().find(|(_, award)| award.grant == grant)
}

/// Records a milestone unless it is recorded already with the same content, and considers it in any case: a second
/// path (push and pull) records nothing new, and its answer says what has come of the milestone.
pub(super) fn report(draft: &mut Draft<'_>, body: &ReportMilestone) -> Result<(), Rejection> {
    if let Some(fact) = to_record(draft, body)? {
        draft.push(fact);
    }
    consider(draft, body.kind, &body.occurrence);
    Ok(())
}

fn to_record(draft: &Draft<'_>, body: &ReportMilestone) -> Result<Option<MilestoneRecorded>, Rejection> {
    let mut fact = MilestoneRecorded {
        connection: body.connection.clone(),
        kind: body.kind,
        occurrence: body.occurrence.clone(),
        effective: body.effective,
        known_on: draft.today(),
        moved_from: None,
        source_id: body.source_id.clone(),
        years: body.years,
        attributes: body.attributes.clone(),
    };
    let Some(known) = find(&draft.member, body.kind, &body.occurrence) else {
        room_for_one_more(&draft.member)?;
        return Ok(Some(fact));
    };
    let Told::Reported(report) = &known.told else { return Ok(None) };
    let moved = report.effective != body.effective;
    if !moved && report.years == body.years && report.attributes == body.attributes {
        return Ok(None);
    }
    fact.connection = report.connection.clone();
    if moved {
        fact.moved_from = Some(report.effective);
    } else {
        fact.known_on = report.known_on;
    }
    Ok(Some(fact))
}

fn room_for_one_more(member: &Member) -> Result<(), Rejection> {
    if member.milestones().len() < MILESTONES_MAX {
        return Ok(());
    }
    Err(Rejection::Invalid { detail: "the member has too many milestones", pointer: None })
}

/// Considers a recorded milestone again.
pub(super) fn consider_again(draft: &mut Draft<'_>, body: &ConsiderMilestone) -> Result<(), Rejection> {
    let Some(known) = find(&draft.member, body.kind, &body.occurrence) else {
        return Err(Rejection::Invalid {
            detail: "no such milestone of the member is recorded",
            pointer: Some("/occurrence"),
        });
    };
    if matches!(&known.told, Told::Reported(report) if report.effective > draft.today()) {
        return Err(Rejection::NotDue);
    }
    consider(draft, body.kind, &body.occurrence);
    Ok(())
}

/// Says for each campaign in force what comes of a milestone, also why nothing does.
pub(super) fn consider(draft: &mut Draft<'_>, kind: MilestoneKind, occurrence: &Occurrence) {
    let said = |campaign: Option<&Name>, campaign_version, outcome, failed_condition| MilestoneConsidered {
        kind,
        occurrence: occurrence.clone(),
        campaign: campaign.cloned(),
        campaign_version,
        outcome,
        failed_condition,
    };
    let known =
        find(&draft.member, kind, occurrence).expect("only recorded milestones are considered").clone();
    let Told::Reported(report) = known.told else {
        draft.push(said(None, 0, Considered::Retracted, None));
        return;
    };
    let standing = standing(draft, &report);
    let mut campaigns = draft.rules.campaigns(kind).peekable();
    if campaigns.peek().is_none() {
        let outcome = match standing {
            _ if report.effective > draft.today() => Considered::NotDue,
            Standing::Baseline => Considered::Baseline,
            Standing::Open | Standing::Unknown => Considered::NoCampaign,
        };
        draft.push(said(None, 0, outcome, None));
    }
    for (name, version) in campaigns {
        if known.awards.iter().any(|award| award.campaign == *name) {
            draft.push(said(Some(name), version.version, Considered::AlreadyAwarded, None));
            continue;
        }
        let today = draft.today();
        let case =
            award::Case { kind, report: &report, standing, worker: draft.member.worker.as_ref(), today };
        match award::judge(&version.body, &case) {
            Ok(points) => {
                draft.push(said(Some(name), version.version, Considered::Awarded, None));
                let label = format!("{} {occurrence}", kind.name());
                let grant = award::intent(draft, name, version, points, label);
                let budget = version.body.budget.clone();
                draft.push(AwardOwed { kind, occurrence: occurrence.clone(), budget, grant });
            }
            Err(no) => draft.push(said(Some(name), version.version, no.outcome, no.condition)),
        }
    }
}

fn standing(draft: &Draft<'_>, report: &Report) -> Standing {
    // Publications are never dated back: what was in force at an instant is settled when all of that time is adopted.
    let rules = report.baseline.map_or(draft.rules, |seen| draft.rules.as_of(seen));
    match rules.connection(&report.connection).map(|version| version.body.state) {
        // So many changes ago that its version is gone.
        None if report.baseline.is_some() => Standing::Baseline,
        Some(ConnectionState::Baseline) => Standing::Baseline,
        // What a connection delivered before it was closed still counts.
        Some(ConnectionState::Open | ConnectionState::Closed) => Standing::Open,
        None => Standing::Unknown,
    }
}

/// Takes a milestone back, and what it earned. A milestone that was never reported is remembered as retracted, so
/// that a report which was overtaken earns nothing.
pub(super) fn retract(draft: &mut Draft<'_>, body: &RetractMilestone) -> Result<(), Rejection> {
    let known = find(&draft.member, body.kind, &body.occurrence);
    if known.is_some_and(|known| known.told == Told::Retracted) {
        consider(draft, body.kind, &body.occurrence);
        return Ok(());
    }
    if known.is_none() {
        room_for_one_more(&draft.member)?;
    }
    let awards = known.map(|known| known.awards.clone()).unwrap_or_default();
    if awards.iter().any(|award| award.state == AwardState::Credited) {
        draft.apply_due();
    }
    draft.push(MilestoneRetracted { kind: body.kind, occurrence: body.occurrence.clone() });
    for award in awards {
        match award.state {
            AwardState::Owed => {
                draft.push(AwardDropped { grant: award.grant, reason: RETRACTED.to_owned() });
            }
            AwardState::Credited => {
                // One that a person has taken back already has nothing left to give.
                let _reversed_now = super::grants::reverse_credited(draft, award.grant);
            }
            AwardState::Dropped => {}
        }
    }
    Ok(())
}

/// Why a grant that was owed for a milestone is not wanted any more; `None`: it is, or it is no award.
pub(super) fn refusal(member: &Member, grant: GrantId) -> Option<&'static str> {
    let (milestone, award) = award_of(member, grant)?;
    match award.state {
        AwardState::Owed | AwardState::Credited => None,
        AwardState::Dropped if milestone.told == Told::Retracted => Some(RETRACTED),
        AwardState::Dropped => Some(DROPPED),
    }
}

/// Whether this grant is owed and neither credited nor dropped.
pub(super) fn is_owed(member: &Member, grant: GrantId) -> bool {
    award_of(member, grant).is_some_and(|(_, award)| award.state == AwardState::Owed)
}

/// The milestones that a newer worker state, with this latest hire, may earn something for. A hire of an earlier time
/// here is over: it does not earn by a later one.
pub(super) fn waiting_for(member: &Member, hire: Option<Day>) -> Vec<(MilestoneKind, Occurrence)> {
    let waits = |known: &&Milestone| match &known.told {
        Told::Reported(report) => {
            let over = is_joining(known.kind) && hire.is_some_and(|hire| report.effective < hire);
            report.waits_for_worker && !over
        }
        Told::Retracted => false,
    };
    member.milestones().iter().filter(waits).map(|known| (known.kind, known.occurrence.clone())).collect()
}

pub(super) fn recorded(member: &mut Member, fact: &MilestoneRecorded) {
    let mut report = Report {
        connection: fact.connection.clone(),
        effective: fact.effective,
        known_on: fact.known_on,
        years: fact.years,
        attributes: fact.attributes.clone(),
        baseline: None,
        waits_for_worker: false,
    };
    if let Some(known) = find_mut(member, fact.kind, &fact.occurrence) {
        if let Told::Reported(before) = &known.told {
            report.baseline = before.baseline;
        }
        known.told = Told::Reported(report);
        return;
    }
    member.milestones_mut().push(Milestone {
        kind: fact.kind,
        occurrence: fact.occurrence.clone(),
        told: Told::Reported(report),
        awards: Vec::new(),
    });
}

pub(super) fn retracted(member: &mut Member, fact: &MilestoneRetracted) {
    match find_mut(member, fact.kind, &fact.occurrence) {
        Some(known) => known.told = Told::Retracted,
        None => member.milestones_mut().push(Milestone {
            kind: fact.kind,
            occurrence: fact.occurrence.clone(),
            told: Told::Retracted,
            awards: Vec::new(),
        }),
    }
}

pub(super) fn considered(member: &mut Member, fact: &MilestoneConsidered, at: Timestamp) {
    // A connection that is not in force here was not seen in baseline: the fact says so in `failed_condition`.
    let baseline = fact.outcome == Considered::Baseline && fact.failed_condition.is_none();
    let waits = match fact.outcome {
        Considered::WorkerUnknown => true,
        // The news of a hire may overtake the state that says so.
        Considered::NotEmployed => is_joining(fact.kind),
        _ => false,
    };
    if !(baseline || waits) {
        return;
    }
    let known =
        find_mut(member, fact.kind, &fact.occurrence).expect("only recorded milestones are considered");
    if let Told::Reported(report) = &mut known.told {
        if baseline {
            report.baseline.get_or_insert(at);
        }
        report.waits_for_worker |= waits;
    }
}

pub(super) fn owed(member: &mut Member, fact: &AwardOwed) {
    let known =
        find_mut(member, fact.kind, &fact.occurrence).expect("an award is owed for a recorded milestone");
    let campaign = fact.grant.campaign.clone().expect("an award is owed by a campaign");
    assert!(
        known.awards.iter().all(|award| award.campaign != campaign),
        "a campaign awards a milestone once, for ever"
    );
    known.awards.push(Award { campaign, grant: fact.grant.grant, state: AwardState::Owed });
}

/// An award reached an end. A grant that is no award of this member is a person's gift: nothing to note here.
pub(super) fn settle_award(member: &mut Member, grant: GrantId, state: AwardState) {
    if award_of(member, grant).is_none_or(|(_, award)| award.state != AwardState::Owed) {
        return;
    }
    let awards = member.milestones_mut().iter_mut().flat_map(|known| known.awards.iter_mut());
    awards.into_iter().filter(|award| award.grant == grant).for_each(|award| award.state = state);
}

/// A newer worker state is known: nothing waits for one.
pub(super) fn worker_came(member: &mut Member) {
    let waits = |known: &Milestone| matches!(&known.told, Told::Reported(report) if report.waits_for_worker);
    if !member.milestones().iter().any(waits) {
        return;
    }
    for known in member.milestones_mut() {
        if let Told::Reported(report) = &mut known.told {
            report.waits_for_worker = false;
        }
    }
}
