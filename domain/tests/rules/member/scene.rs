//! A member, the rules in force, and a clock that only the test moves.

use mirabelle_domain::command::{
    ConfigKind, CreditGrant, RecordFulfilment, ReportMilestone, ReportWorker, RequestRedemption,
    RequestedLine, RetractMilestone, StartFulfilment, TenantMode, VendorOutcome,
};
use mirabelle_domain::fact::{AdoptedVersion, Balance, GrantIntent, LotState};
use mirabelle_domain::member::{self, Member};
use mirabelle_domain::rules::Adopted;
use mirabelle_domain::time::DAY_MICROS;
use mirabelle_domain::{
    Command, CommandId, Day, Fact, GrantId, Input, MemberId, MilestoneKind, Points, RedemptionId, Rejection,
    Sealed, Timestamp, WorkerState,
};

/// The member of every scene.
pub(crate) const ASHA: MemberId = MemberId([0xA5; 16]);

/// 2026-03-02, on which every scene begins, at noon in UTC.
const FIRST_DAY: i32 = 20_514;

/// The scene's day `n`.
pub(crate) fn day(n: i32) -> Day {
    Day(FIRST_DAY + n)
}

/// Noon of the scene's day `n`.
pub(crate) fn noon(n: i32) -> Timestamp {
    Timestamp(i64::from(day(n).0) * DAY_MICROS + DAY_MICROS / 2)
}

pub(crate) struct Scene {
    pub(crate) member: Member,
    pub(crate) rules: Adopted,
    pub(crate) now: Timestamp,
    pub(crate) reason: Option<&'static str>,
    pub(crate) local_day: Option<Day>,
    sent: u64,
}

impl Scene {
    /// Nothing is known of the member; connection `hr` is open, `old` in baseline, `shut` closed; there is a small
    /// catalogue and no campaign.
    pub(crate) fn new() -> Scene {
        let mut scene = Scene {
            member: Member::default(),
            rules: Adopted::default(),
            now: noon(0),
            reason: None,
            local_day: None,
            sent: 0,
        };
        for (name, state) in [("hr", "open"), ("old", "baseline"), ("shut", "closed")] {
            let body = format!(r#"{{"system":"workday","state":"{state}","id_space":"main"}}"#);
            scene.publish(ConfigKind::Connection, name, 1, &body);
        }
        for (name, rest) in [
            ("donation", r#""points":100,"delivery":"immediate""#),
            ("voucher", r#""points":250,"delivery":"vendor","vendor":"sandbox""#),
            ("mug", r#""points":70,"delivery":"vendor","vendor":"sandbox""#),
            ("beer", r#""points":30,"delivery":"immediate","countries":["DE","AT"]"#),
            ("fax", r#""points":10,"delivery":"immediate","offered":false"#),
            ("moon", r#""points":9007199254740991,"delivery":"immediate""#),
        ] {
            scene.publish(ConfigKind::Product, name, 1, &format!(r#"{{"title":"{name}",{rest}}}"#));
        }
        scene
    }

    /// Works here since 2020, in Germany, in Engineering.
    pub(crate) fn employed() -> Scene {
        let mut scene = Scene::new();
        scene.yes(worker("hr", None, engineer()));
        scene
    }

    /// With lots of the given points that are spendable for ever.
    pub(crate) fn with_points(points: &[i64]) -> Scene {
        let mut scene = Scene::employed();
        for (number, points) in (1..).zip(points) {
            scene.yes(credit(gift(number, *points)));
        }
        scene
    }

    pub(crate) fn publish(&mut self, kind: ConfigKind, name: &str, version: u32, body: &str) {
        self.publish_from(Timestamp(0), kind, name, version, body);
    }

    /// A version that is in force from an instant on.
    pub(crate) fn publish_from(
        &mut self,
        effective_at: Timestamp,
        kind: ConfigKind,
        name: &str,
        version: u32,
        body: &str,
    ) {
        self.rules.adopt(&AdoptedVersion {
            number: self.rules.number + 1,
            kind,
            name: name.parse().unwrap(),
            version,
            body: body.to_owned(),
            effective_at,
            mode: TenantMode::Live,
        });
    }

    /// A campaign that starts on day -100; `rest` are members of its JSON, `points` and `milestone` among them.
    pub(crate) fn campaign(&mut self, name: &str, rest: &str) {
        let starts_on = day(-100);
        let body = format!(r#"{{"title":"{name}","budget":"people","starts_on":"{starts_on}",{rest}}}"#);
        self.publish(ConfigKind::Campaign, name, 1, &body);
    }

    /// What follows, folded. Whatever the test is about: deciding is repeatable, sums agree with lots and holds, and
    /// the state survives its bytes.
    pub(crate) fn when(&mut self, command: impl Into<Command>) -> Result<Vec<Fact>, Rejection> {
        let command = command.into();
        self.sent += 1;
        let mut id = [0xC0; 16];
        id[8..].copy_from_slice(&self.sent.to_be_bytes());
        let input = Input {
            command: &command,
            id: CommandId(id),
            accepted_at: self.now,
            local_day: self.local_day,
            principal: "key:test",
            reason: self.reason,
        };
        let rules = self.rules.at(self.now);
        let decided = member::decide(ASHA, &self.member, rules, &input);
        assert_eq!(decided, member::decide(ASHA, &self.member, rules, &input), "deciding is repeatable");
        let facts = decided?;
        assert!(!facts.is_empty(), "every input ends in a fact");
        for fact in &facts {
            member::evolve(&mut self.member, fact, self.now);
        }
        self.member.check().unwrap();
        let bytes = postcard::to_stdvec(&self.member).unwrap();
        assert_eq!(postcard::from_bytes::<Member>(&bytes).unwrap(), self.member, "state survives its bytes");
        Ok(facts)
    }

    /// The facts of a wish that is granted.
    pub(crate) fn yes(&mut self, command: impl Into<Command>) -> Vec<Fact> {
        self.when(command).unwrap()
    }

    /// The "no" to a wish; nothing moved.
    pub(crate) fn no(&mut self, command: impl Into<Command>) -> Rejection {
        let before = self.member.clone();
        let no = self.when(command).unwrap_err();
        assert_eq!(self.member, before);
        no
    }

    /// (points, free, held) of each lot, in spending order.
    pub(crate) fn lots(&self) -> Vec<(u32, i64, i64)> {
        self.member.lots().map(|lot| (lot.lot, lot.free.get(), lot.held.get())).collect()
    }
}

pub(crate) fn points(points: i64) -> Points {
    Points::new(points).unwrap()
}

/// Sums as a fact says them, in the order of the struct.
pub(crate) fn sums([available, pending, reserved, spent, expired, taken, shortfall]: [i64; 7]) -> Balance {
    Balance {
        available: points(available),
        pending: points(pending),
        reserved: points(reserved),
        spent: points(spent),
        expired: points(expired),
        taken: points(taken),
        shortfall: points(shortfall),
    }
}

pub(crate) fn lot(lot: u32, moved: i64, free: i64, held: i64) -> LotState {
    LotState { lot, moved: points(moved), free: points(free), held: points(held) }
}

pub(crate) fn names(facts: &[Fact]) -> Vec<&'static str> {
    facts.iter().map(Fact::name).collect()
}

pub(crate) fn engineer() -> WorkerState {
    WorkerState {
        original_hire: Some(Day::from_ymd(2020, 2, 3).unwrap()),
        hire: Some(Day::from_ymd(2023, 4, 5).unwrap()),
        department: Some("Engineering".to_owned()),
        country: Some("DE".to_owned()),
        ..WorkerState::default()
    }
}

pub(crate) fn worker(connection: &str, changed_at: Option<Timestamp>, state: WorkerState) -> ReportWorker {
    ReportWorker { connection: connection.parse().unwrap(), changed_at, state }
}

pub(crate) fn milestone(kind: MilestoneKind, occurrence: &str, effective: Day) -> ReportMilestone {
    ReportMilestone {
        connection: "hr".parse().unwrap(),
        kind,
        occurrence: occurrence.parse().unwrap(),
        effective,
        source_id: None,
        years: None,
        attributes: Default::default(),
    }
}

pub(crate) fn retraction(kind: MilestoneKind, occurrence: &str) -> RetractMilestone {
    RetractMilestone {
        connection: "hr".parse().unwrap(),
        kind,
        occurrence: occurrence.parse().unwrap(),
        source_id: None,
    }
}

pub(crate) fn grant_id(number: u8) -> GrantId {
    GrantId([number; 16])
}

/// A person's gift: spendable at once, for ever, granted on day 0.
pub(crate) fn gift(number: u8, amount: i64) -> GrantIntent {
    GrantIntent {
        grant: grant_id(number),
        member: ASHA,
        points: points(amount),
        granted_at: noon(0),
        activates_at: None,
        expires_at: None,
        campaign: None,
        campaign_version: 0,
        daily_ceiling: None,
        ceiling_day: None,
        label: "thank you".to_owned(),
        note: None,
    }
}

pub(crate) fn credit(grant: GrantIntent) -> CreditGrant {
    CreditGrant { budget: "people".parse().unwrap(), grant }
}

pub(crate) fn wish(lines: &[(&str, u32)]) -> RequestRedemption {
    let line = |(product, quantity): &(&str, u32)| RequestedLine {
        product: product.parse().unwrap(),
        quantity: *quantity,
    };
    RequestRedemption { lines: lines.iter().map(line).collect(), points_max: None, note: None }
}

/// The redemption that these facts requested.
pub(crate) fn redemption_of(facts: &[Fact]) -> RedemptionId {
    let requested = facts.iter().find_map(|fact| match fact {
        Fact::RedemptionRequested(requested) => Some(requested.redemption),
        _ => None,
    });
    requested.unwrap()
}

pub(crate) fn start(redemption: RedemptionId, line: u32, attempt: u32) -> StartFulfilment {
    StartFulfilment { redemption, line, attempt }
}

pub(crate) fn answer(
    redemption: RedemptionId,
    line: u32,
    attempt: u32,
    outcome: VendorOutcome,
) -> RecordFulfilment {
    let fulfilled = outcome == VendorOutcome::Fulfilled;
    let code = Sealed { key_ref: "asha/1".to_owned(), nonce: vec![9; 12], bytes: vec![1, 2, 3] };
    RecordFulfilment {
        redemption,
        line,
        attempt,
        outcome,
        voucher: fulfilled.then_some(code),
        reference: fulfilled.then(|| "V-1041".to_owned()),
        reason: (outcome == VendorOutcome::Failed).then(|| "out of stock".to_owned()),
    }
}
