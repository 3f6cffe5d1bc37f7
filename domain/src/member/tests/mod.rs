//! What only the inside can show: how much memory a member takes.

use std::mem::size_of;
use std::sync::Arc;

use super::wallet::Lot;
use super::*;
use crate::command::{CreditGrant, ReportWorker};
use crate::fact::GrantIntent;
use crate::ids::CommandId;
use crate::rules::Adopted;
use crate::worker::WorkerState;

/// What an allocator adds to each allocation, and rounds up to.
fn allocated(bytes: usize) -> usize {
    (bytes + 8).next_multiple_of(16)
}

fn after(member: &mut Member, command: impl Into<Command>) {
    let command = command.into();
    let accepted_at = Timestamp(1_772_000_000_000_000);
    let input = Input {
        command: &command,
        id: CommandId([3; 16]),
        accepted_at,
        local_day: None,
        principal: "key:test",
        reason: None,
    };
    let facts = decide(MemberId([7; 16]), member, Adopted::default().at(accepted_at), &input).unwrap();
    facts.iter().for_each(|fact| evolve(member, fact, accepted_at));
}

#[test]
fn a_member_with_one_lot_takes_at_most_400_bytes() {
    let mut member = Member::default();
    let state = WorkerState {
        department: Some("Engineering".to_owned()),
        country: Some("DE".to_owned()),
        ..WorkerState::default()
    };
    after(&mut member, ReportWorker { connection: "hr".parse().unwrap(), changed_at: None, state });
    let grant = GrantIntent {
        grant: GrantId([9; 16]),
        member: MemberId([7; 16]),
        points: Points::new(500).unwrap(),
        granted_at: Timestamp(1_771_000_000_000_000),
        activates_at: None,
        expires_at: None,
        campaign: None,
        campaign_version: 0,
        daily_ceiling: None,
        ceiling_day: None,
        label: "thank you".to_owned(),
        note: None,
    };
    after(&mut member, CreditGrant { budget: "people".parse().unwrap(), grant });
    assert_eq!(member.lots().count(), 1);
    assert!(member.milestones.is_none() && member.open.is_none() && member.past.is_none());

    let counts = 2 * size_of::<usize>();
    let state = allocated(counts + size_of::<Member>());
    let lots = allocated(member.wallet.lots.capacity() * size_of::<Lot>());
    let texts = allocated(counts + member.worker.as_ref().unwrap().packed());
    // In the map of accounts: the key and a pointer to the state.
    let entry = 48;
    let all = state + lots + texts + entry;
    assert!(all <= 400, "{state} + {lots} + {texts} + {entry} = {all} bytes");
}

#[test]
fn copies_of_a_member_share_what_most_members_do_not_have() {
    let mut member = Member::default();
    member.milestones_mut();
    member.open_mut();
    member.past_mut();
    let copy = member.clone();
    assert!(Arc::ptr_eq(member.milestones.as_ref().unwrap(), copy.milestones.as_ref().unwrap()));
    assert!(Arc::ptr_eq(member.open.as_ref().unwrap(), copy.open.as_ref().unwrap()));
    assert!(Arc::ptr_eq(member.past.as_ref().unwrap(), copy.past.as_ref().unwrap()));
}
