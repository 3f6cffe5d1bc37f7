//! Any commands in any order, hostile ones among them: no invariant breaks.

use std::collections::BTreeSet;

use mirabelle_domain::command::{
    ApplyDue, CancelRedemption, ConsiderMilestone, DeductPoints, DropGrant, RetractMilestone, RevealVoucher,
    ReverseGrant, VendorOutcome,
};
use mirabelle_domain::fact::GrantIntent;
use mirabelle_domain::member::{self, Member};
use mirabelle_domain::points::POINTS_MAX;
use mirabelle_domain::worker::{WorkerState, WorkerStatus};
use mirabelle_domain::{Command, Day, Fact, GrantId, MilestoneKind, Points, RedemptionId, Timestamp};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::scene::{
    Scene, answer, credit, day, engineer, gift, grant_id, milestone, noon, start, wish, worker,
};
use super::sums::Books;

/// A step. Numbers choose among what there is at that moment.
#[derive(Clone, Debug)]
enum Step {
    Pass { days: i32 },
    Credit { grant: u8, points: i64, vests: Option<i32>, expires: Option<i32> },
    CreditOwed(usize),
    DropOwed(usize),
    Reverse(usize),
    Deduct(i64),
    Due,
    Wish(Vec<(&'static str, u32)>),
    Cancel(usize),
    Start { which: usize, line: u32, attempt: u32 },
    Answer { which: usize, line: u32, attempt: u32, outcome: VendorOutcome },
    Reveal { which: usize, line: u32 },
    Report { occurrence: u8, effective: Day, years: Option<i32>, connection: &'static str },
    Retract(u8),
    Consider(u8),
    Worker { status: WorkerStatus, country: Option<&'static str>, changed_at: Option<Timestamp> },
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (-1..6).prop_map(|days| Step::Pass { days }),
        6 => (0_u8..12, any_points(), any_days(), any_days())
            .prop_map(|(grant, points, vests, expires)| Step::Credit { grant, points, vests, expires }),
        3 => any::<usize>().prop_map(Step::CreditOwed),
        1 => any::<usize>().prop_map(Step::DropOwed),
        2 => any::<usize>().prop_map(Step::Reverse),
        2 => any_points().prop_map(Step::Deduct),
        1 => Just(Step::Due),
        6 => prop::collection::vec((any_product(), any_quantity()), 0..4).prop_map(Step::Wish),
        1 => any::<usize>().prop_map(Step::Cancel),
        6 => (any::<usize>(), any_line(), any_attempt())
            .prop_map(|(which, line, attempt)| Step::Start { which, line, attempt }),
        8 => (any::<usize>(), any_line(), any_attempt(), any_outcome())
            .prop_map(|(which, line, attempt, outcome)| Step::Answer { which, line, attempt, outcome }),
        1 => (any::<usize>(), any_line()).prop_map(|(which, line)| Step::Reveal { which, line }),
        4 => (0_u8..4, any_effective(), any_years(), select(&["hr", "old", "shut", "new"][..])).prop_map(
            |(occurrence, effective, years, connection)| {
                Step::Report { occurrence, effective, years, connection }
            }
        ),
        1 => (0_u8..4).prop_map(Step::Retract),
        1 => (0_u8..4).prop_map(Step::Consider),
        1 => any_worker(),
    ]
}

fn any_points() -> impl Strategy<Value = i64> {
    prop_oneof![6 => 1_i64..400, 1 => select(&[0, POINTS_MAX, POINTS_MAX - 300][..])]
}

fn any_days() -> impl Strategy<Value = Option<i32>> {
    prop::option::of(-1..12)
}

fn any_product() -> impl Strategy<Value = &'static str> {
    select(&["donation", "voucher", "voucher", "mug", "mug", "beer", "fax", "moon", "yacht"][..])
}

fn any_quantity() -> impl Strategy<Value = u32> {
    prop_oneof![12 => 1_u32..3, 1 => select(&[0, 100, 101, u32::MAX][..])]
}

fn any_line() -> impl Strategy<Value = u32> {
    prop_oneof![20 => 0_u32..3, 1 => select(&[31, 32, u32::MAX][..])]
}

fn any_attempt() -> impl Strategy<Value = u32> {
    prop_oneof![20 => 1_u32..3, 1 => select(&[0, 3, u32::MAX][..])]
}

fn any_outcome() -> impl Strategy<Value = VendorOutcome> {
    select(&[VendorOutcome::Fulfilled, VendorOutcome::Failed, VendorOutcome::Unknown][..])
}

fn any_effective() -> impl Strategy<Value = Day> {
    prop_oneof![20 => (-12..9).prop_map(day), 1 => select(&[Day(i32::MIN), Day(i32::MAX)][..])]
}

fn any_years() -> impl Strategy<Value = Option<i32>> {
    prop::option::of(prop_oneof![8 => 0_i32..9, 1 => select(&[i32::MIN, -1, i32::MAX][..])])
}

fn any_worker() -> impl Strategy<Value = Step> {
    let status = select(&[WorkerStatus::Active, WorkerStatus::Active, WorkerStatus::Terminated][..]);
    let country = prop::option::of(select(&["DE", "at", "FR"][..]));
    let changed_at = prop::option::of(prop_oneof![
        8 => (-9..9).prop_map(noon),
        1 => select(&[Timestamp(i64::MIN), Timestamp(i64::MAX)][..]),
    ]);
    (status, country, changed_at).prop_map(|(status, country, changed_at)| Step::Worker {
        status,
        country,
        changed_at,
    })
}

/// What the steps' numbers choose from, as seen in the facts.
#[derive(Default)]
struct Seen {
    owed: Vec<GrantIntent>,
    grants: Vec<GrantId>,
    redemptions: Vec<RedemptionId>,
}

impl Seen {
    fn take(&mut self, facts: &[Fact]) {
        for fact in facts {
            match fact {
                Fact::AwardOwed(owed) => self.owed.push(owed.grant.clone()),
                Fact::GrantCredited(credited) => self.grants.push(credited.grant.grant),
                Fact::RedemptionRequested(requested) => self.redemptions.push(requested.redemption),
                _ => {}
            }
        }
    }

    fn redemption(&self, which: usize) -> RedemptionId {
        chosen(&self.redemptions, which).unwrap_or(RedemptionId([0xEE; 16]))
    }

    fn grant(&self, which: usize) -> GrantId {
        chosen(&self.grants, which).unwrap_or(grant_id(0xEE))
    }

    fn owed(&self, which: usize) -> GrantIntent {
        chosen(&self.owed, which).unwrap_or(gift(0xEE, 44))
    }

    fn command(&self, step: Step) -> Command {
        let budget = || "people".parse().unwrap();
        let amount = |points| Points::new(points).unwrap();
        let occurrence = |number: u8| format!("G{number}").parse().unwrap();
        let kind = MilestoneKind::Goal;
        match step {
            Step::Credit { grant, points, vests, expires } => credit(GrantIntent {
                activates_at: vests.map(noon),
                expires_at: expires.map(noon),
                points: amount(points),
                ..gift(grant, 1)
            })
            .into(),
            Step::CreditOwed(which) => credit(self.owed(which)).into(),
            Step::DropOwed(which) => {
                DropGrant { budget: budget(), grant: self.owed(which).grant, reason: "declined".to_owned() }
                    .into()
            }
            Step::Reverse(which) => ReverseGrant { grant: self.grant(which) }.into(),
            Step::Deduct(points) => DeductPoints { points: amount(points) }.into(),
            Step::Pass { .. } | Step::Due => ApplyDue { due: noon(0) }.into(),
            Step::Wish(lines) => wish(&lines).into(),
            Step::Cancel(which) => CancelRedemption { redemption: self.redemption(which) }.into(),
            Step::Start { which, line, attempt } => start(self.redemption(which), line, attempt).into(),
            Step::Answer { which, line, attempt, outcome } => {
                answer(self.redemption(which), line, attempt, outcome).into()
            }
            Step::Reveal { which, line } => RevealVoucher { redemption: self.redemption(which), line }.into(),
            Step::Report { occurrence: number, effective, years, connection } => {
                let mut report = milestone(kind, &format!("G{number}"), effective);
                report.years = years;
                report.connection = connection.parse().unwrap();
                report.into()
            }
            Step::Retract(number) => {
                let (connection, occurrence) = ("hr".parse().unwrap(), occurrence(number));
                RetractMilestone { connection, kind, occurrence, source_id: None }.into()
            }
            Step::Consider(number) => ConsiderMilestone { kind, occurrence: occurrence(number) }.into(),
            Step::Worker { status, country, changed_at } => {
                let country = country.map(str::to_owned);
                worker("hr", changed_at, WorkerState { status, country, ..engineer() }).into()
            }
        }
    }
}

fn chosen<T: Clone>(from: &[T], which: usize) -> Option<T> {
    from.get(which.checked_rem(from.len())?).cloned()
}

fn reward_goals(scene: &mut Scene) {
    scene.campaign("a-fixed", r#""milestone":"goal","points":{"fixed":90},"expires_after_days":3"#);
    let german = r#""milestone":"goal","points":{"per_year":35},"vests_after_days":2,
        "conditions":[{"field":"country","any_of":["DE"]}]"#;
    scene.campaign("b-german", german);
    scene.campaign("c-huge", r#""milestone":"goal","points":{"per_year":9007199254740991}"#);
}

/// The member after these steps, and what was decided when.
fn walk(steps: Vec<Step>) -> (Member, Vec<(Vec<Fact>, Timestamp)>) {
    walk_and_see(steps, |_| ())
}

/// The same; `rejected` sees the code of each rejection.
fn walk_and_see(steps: Vec<Step>, mut rejected: impl FnMut(&str)) -> (Member, Vec<(Vec<Fact>, Timestamp)>) {
    let mut scene = Scene::new();
    reward_goals(&mut scene);
    scene.reason = Some("correction");
    let (mut books, mut seen) = (Books::default(), Seen::default());
    let mut log = vec![(scene.yes(worker("hr", None, engineer())), scene.now)];
    for step in steps {
        if let Step::Pass { days } = step {
            scene.now = Timestamp(scene.now.0 + i64::from(days) * mirabelle_domain::time::DAY_MICROS);
            continue;
        }
        let before = scene.member.clone();
        match scene.when(seen.command(step)) {
            Ok(facts) => {
                books.take(&facts);
                seen.take(&facts);
                log.push((facts, scene.now));
            }
            Err(no) => {
                assert_eq!(before, scene.member, "a rejection moves nothing");
                rejected(no.code());
            }
        }
    }
    (scene.member, log)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn no_commands_in_any_order_break_a_wallet(steps in prop::collection::vec(any_step(), 1..80)) {
        let (walked, log) = walk(steps);
        // Another reader, that saw the facts alone, and kept its state as bytes between any two of them.
        let mut other = Member::default();
        for (facts, at) in &log {
            for fact in facts {
                let bytes = postcard::to_stdvec(&other).unwrap();
                other = postcard::from_bytes::<Member>(&bytes).unwrap();
                member::evolve(&mut other, fact, *at);
            }
        }
        prop_assert_eq!(other, walked);
    }
}

#[test]
fn the_random_walks_reach_every_fact_and_every_rejection_of_a_member() {
    let mut runner = TestRunner::deterministic();
    let (mut facts, mut rejections) = (BTreeSet::new(), BTreeSet::new());
    for _ in 0..400 {
        let steps = prop::collection::vec(any_step(), 80).new_tree(&mut runner).unwrap().current();
        let seen = |no: &str| {
            rejections.insert(no.to_owned());
        };
        let (_, log) = walk_and_see(steps, seen);
        facts.extend(log.iter().flat_map(|(facts, _)| facts.iter().map(Fact::name)));
    }
    let of_members = |kind: &u16| (10..40).contains(kind);
    let kinds = Fact::KINDS.iter().filter(|(kind, _)| of_members(kind));
    assert_eq!(facts, kinds.map(|(_, name)| *name).collect());
    let codes = [
        "insufficient_points",
        "invalid",
        "not_due",
        "not_offered",
        "redemption_state",
        "too_many_points",
        "unknown_grant",
        "unknown_product",
        "unknown_redemption",
    ];
    assert_eq!(rejections, codes.map(str::to_owned).into());
}
