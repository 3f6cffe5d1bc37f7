//! One fact of every kind, with values that are told apart.

use crate::account::{AccountId, AccountKey};
use crate::command::{ConfigKind, Role, TenantMode};
use crate::fact::*;
use crate::ids::{CommandId, Digest, GrantId, MemberId, Name, RedemptionId};
use crate::points::Points;
use crate::project::Context;
use crate::sealed::Sealed;
use crate::time::{Day, Timestamp};
use crate::worker::{MilestoneKind, WorkerState, WorkerStatus};

pub(super) const MEMBER: MemberId = MemberId([0x4d; 16]);
pub(super) const GRANT: GrantId = GrantId([0x61; 16]);
pub(super) const REDEMPTION: RedemptionId = RedemptionId([0x52; 16]);
pub(super) const ACCEPTED_AT: Timestamp = Timestamp(1_795_600_000_123_456);

pub(super) fn points(points: i64) -> Points {
    Points::new(points).unwrap()
}

pub(super) fn name(text: &str) -> Name {
    text.parse().unwrap()
}

pub(super) fn account(key: AccountKey) -> AccountId {
    AccountId { tenant: "acme".parse().unwrap(), key }
}

/// The account that a fact belongs to.
pub(super) fn account_of(fact: &Fact) -> AccountId {
    account(match fact.kind() {
        3 | 80 => AccountKey::Partition(3),
        40..=49 => AccountKey::Budget(name("spot")),
        60..=69 => AccountKey::Configuration,
        _ => AccountKey::Member(MEMBER),
    })
}

pub(super) fn context(account: &AccountId) -> Context<'_> {
    Context {
        account,
        command_id: CommandId([0xc0; 16]),
        command_kind: 30,
        at: ACCEPTED_AT.0 + 830,
        seq: 1_041,
        partition: 3,
        accepted_at: ACCEPTED_AT,
        principal: "portal",
        reason: None,
    }
}

pub(super) fn balance(available: i64, reserved: i64, spent: i64) -> Balance {
    Balance {
        available: points(available),
        pending: points(50),
        reserved: points(reserved),
        spent: points(spent),
        expired: points(7),
        taken: points(8),
        shortfall: points(9),
    }
}

pub(super) fn lot(lot: u32, moved: i64, free: i64, held: i64) -> LotState {
    LotState { lot, moved: points(moved), free: points(free), held: points(held) }
}

pub(super) fn intent() -> GrantIntent {
    GrantIntent {
        grant: GRANT,
        member: MEMBER,
        points: points(400),
        granted_at: Timestamp(1_000),
        activates_at: Some(Timestamp(2_000)),
        expires_at: Some(Timestamp(3_000)),
        campaign: Some(name("years")),
        campaign_version: 3,
        daily_ceiling: Some(points(5_000)),
        ceiling_day: Some(Day(20_000)),
        label: "anniversary 5".to_owned(),
        note: Some(sealed()),
    }
}

pub(super) fn priced(product: &str, vendor: Option<&str>) -> PricedLine {
    PricedLine {
        product: name(product),
        product_version: 3,
        quantity: 1,
        unit_points: points(25),
        delivery: if vendor.is_some() { Delivery::Vendor } else { Delivery::Immediate },
        vendor: vendor.map(name),
    }
}

pub(super) fn sealed() -> Sealed {
    Sealed { key_ref: "acme/7".to_owned(), nonce: vec![5; 12], bytes: vec![1, 2, 3] }
}

/// What one redemption of a line that is delivered at once decides.
pub(super) fn immediate() -> Vec<Fact> {
    let lines = vec![priced("gift-de-25", None)];
    let (redemption, none) = (REDEMPTION, None);
    let lots = vec![lot(1, 25, 375, 25)];
    let (after, captured) = (balance(375, 25, 100), balance(375, 0, 125));
    let requested =
        RedemptionRequested { redemption, lines, points: points(25), lots, balance: after, note: none };
    let lots = vec![lot(1, 25, 375, 0)];
    let (voucher, reference) = (None, None);
    let fulfilled = LineFulfilled {
        redemption,
        line: 0,
        points: points(25),
        lots,
        voucher,
        reference,
        balance: captured,
    };
    let (end, returned) = (RedemptionEnd::Fulfilled, points(0));
    let closed =
        RedemptionClosed { redemption, end, captured: points(25), returned, lots: vec![], balance: captured };
    vec![requested.into(), RedemptionApproved { redemption }.into(), fulfilled.into(), closed.into()]
}

/// One fact of every kind.
pub(super) fn every_kind() -> Vec<Fact> {
    let mut facts = of_people();
    facts.extend(of_wallets());
    facts.extend(of_redemptions());
    facts.extend(of_budgets());
    facts.extend(of_tenants());
    facts
}

fn of_people() -> Vec<Fact> {
    let (kind, occurrence) = (MilestoneKind::Anniversary, "5".parse().unwrap());
    let state = WorkerState {
        status: WorkerStatus::Active,
        hire: Some(Day(15_000)),
        department: Some("Sales".to_owned()),
        country: Some("DE".to_owned()),
        personal: Some(sealed()),
        ..WorkerState::default()
    };
    let recorded = MilestoneRecorded {
        connection: name("workday"),
        kind,
        occurrence,
        effective: Day(20_000),
        known_on: Day(20_001),
        moved_from: None,
        source_id: Some("w-17".to_owned()),
        years: Some(5),
        attributes: [("rating".to_owned(), "4".to_owned())].into(),
    };
    let occurrence = recorded.occurrence.clone();
    let considered = MilestoneConsidered {
        kind,
        occurrence: occurrence.clone(),
        campaign: Some(name("years")),
        campaign_version: 3,
        outcome: Considered::Awarded,
        failed_condition: None,
    };
    let grant = intent();
    vec![
        CommandRejected { code: "not_offered".to_owned(), detail: "no".to_owned(), pointer: None }.into(),
        CommandRepeated { first_seq: 12, same_body: false }.into(),
        InputSetAside { reason: "unreadable".to_owned(), detail: "cut off".to_owned() }.into(),
        WorkerRecorded { connection: name("workday"), changed_at: Some(Timestamp(5)), current: true, state }
            .into(),
        recorded.into(),
        MilestoneRetracted { kind, occurrence: occurrence.clone() }.into(),
        considered.into(),
        AwardOwed { kind, occurrence, budget: name("spot"), grant }.into(),
        AwardDropped { grant: GRANT, reason: "declined".to_owned() }.into(),
    ]
}

fn of_wallets() -> Vec<Fact> {
    let balance = balance(400, 0, 0);
    let (budget, grant) = (name("spot"), intent());
    let reason = "member_terminated".to_owned();
    let reversed = GrantReversed {
        grant: GRANT,
        lot: Some(lot(1, 300, 0, 100)),
        pending: false,
        shortfall: points(100),
        balance,
    };
    vec![
        GrantCredited { budget: budget.clone(), grant, lot: 1, vested: false, balance }.into(),
        GrantRefused { budget, grant: GRANT, points: points(400), reason }.into(),
        LotVested { lot: lot(1, 400, 400, 0), balance }.into(),
        LotExpired { lot: lot(1, 40, 0, 10), balance }.into(),
        reversed.into(),
        PointsDeducted { points: points(30), lots: vec![lot(1, 10, 0, 0), lot(2, 20, 5, 0)], balance }.into(),
    ]
}

fn of_redemptions() -> Vec<Fact> {
    let (redemption, line, reason) = (REDEMPTION, 1, "out of stock".to_owned());
    let (lots, balance) = (vec![lot(1, 25, 400, 0)], balance(400, 0, 125));
    let failed = LineFailed { redemption, line, points: points(25), lots, reason, balance };
    let mut facts = immediate();
    facts.extend([
        FulfilmentStarted { redemption, line, attempt: 2 }.into(),
        failed.into(),
        LineUnanswered { redemption, line, attempt: 2 }.into(),
        VoucherRevealed { redemption, line }.into(),
    ]);
    facts
}

fn of_budgets() -> Vec<Fact> {
    let balance = BudgetBalance {
        allocated: points(1_000),
        free: points(500),
        committed: points(400),
        spent: points(100),
    };
    let reason = "member_terminated".to_owned();
    let (grant, points) = (GRANT, points(400));
    vec![
        BudgetOpened { title: "Spot".to_owned(), alerts: vec![50, 90] }.into(),
        BudgetAllocated { delta: 1_000, balance }.into(),
        GrantCommitted { grant: intent(), ceiling_sum: Some(points), released: false, balance }.into(),
        GrantHeld { grant: intent(), held_for: HeldFor::DailyCeiling }.into(),
        GrantDeclined { grant, member: MEMBER, points }.into(),
        GrantSettled { grant, points, balance }.into(),
        GrantReturned { grant, points, reason, balance }.into(),
        BudgetAlerted { threshold: 50, balance }.into(),
        BudgetClosed { balance }.into(),
    ]
}

fn of_tenants() -> Vec<Fact> {
    let (kind, version) = (ConfigKind::Product, 2);
    let name = || name("gift-de-25");
    let adopted = AdoptedVersion {
        number: 7,
        kind,
        name: name(),
        version,
        body: "{}".to_owned(),
        effective_at: Timestamp(9_000),
        mode: TenantMode::Live,
    };
    let created = TenantCreated {
        title: "Acme".to_owned(),
        mode: TenantMode::Live,
        zone: "Europe/Berlin".to_owned(),
        currency: "EUR".to_owned(),
        locale: "de-DE".to_owned(),
    };
    let drafted = VersionDrafted {
        kind,
        name: name(),
        version,
        body: "{}".to_owned(),
        effective_at: None,
        drafter: "ann".to_owned(),
    };
    let issued = KeyIssued {
        key_id: name(),
        hash: Digest([9; 16]),
        client: name(),
        roles: vec![Role::Admin, Role::Publisher],
        member: None,
        connection: None,
        expires_at: None,
    };
    let (drafter, publisher) = ("ann".to_owned(), "bob".to_owned());
    vec![
        created.into(),
        drafted.into(),
        VersionSubmitted { kind, name: name(), version }.into(),
        VersionPublished { version: adopted.clone(), drafter, publisher }.into(),
        VersionWithdrawn { kind, name: name(), version }.into(),
        issued.into(),
        KeyRevoked { key_id: name() }.into(),
        ConfigurationAdopted { version: adopted }.into(),
    ]
}
