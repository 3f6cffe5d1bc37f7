//! What clients and HR systems want, at random.

use mirabelle_domain::command::{
    AllocateBudget, CancelRedemption, CommitGrants, ConfigKind, CreateTenant, DeductPoints, DraftVersion,
    OpenBudget, PublishVersion, ReportMilestone, ReportWorker, RequestRedemption, RequestedLine,
    ResolveHeldGrant, RetractMilestone, RevealVoucher, ReverseGrant, SubmitVersion, TenantMode,
};
use mirabelle_domain::fact::GrantIntent;
use mirabelle_domain::{
    AccountId, AccountKey, Command, Day, GrantId, MemberId, MilestoneKind, Name, Points, TenantId, Timestamp,
    WorkerState, WorkerStatus,
};
use mirabelle_schemas::record::{Actor, ActorKind, CommandRecord, Namespace};
use mirabelle_schemas::{command_id, encode_body, input_digest};

use crate::books::Books;
use crate::chance::Chance;

pub(crate) const BUDGETS: [&str; 2] = ["people", "thanks"];
const PRODUCTS: [&str; 5] = ["gift", "mug", "card", "card-refused", "card-slow"];
/// A campaign that is published while people are hired: who was hired before earns by it too.
pub(crate) const LATE_CAMPAIGN: &str = "late";
const DAY: i64 = 86_400_000_000;

pub(crate) fn tenant() -> TenantId {
    "acme".parse().expect("a tenant's name")
}

fn name(text: &str) -> Name {
    text.parse().expect("a name of allowed letters")
}

pub(crate) fn member(number: usize) -> AccountId {
    let number = u8::try_from(number).unwrap_or(u8::MAX);
    AccountId::member(tenant(), MemberId([number.wrapping_mul(41).wrapping_add(3); 16]))
}

fn budget(chance: &mut Chance) -> AccountId {
    AccountId::budget(tenant(), name(chance.pick::<&str>(&BUDGETS)))
}

/// A record as the gateway makes it.
pub(crate) fn record(
    (namespace, client): (Namespace, &str),
    account: AccountId,
    key: &str,
    command: Command,
) -> CommandRecord {
    let (client, key) = (name(client), key.parse().expect("a key of printable letters"));
    let (kind, schema, body) = encode_body(&command);
    CommandRecord {
        id: command_id(namespace, &account, &client, &key),
        namespace,
        kind,
        schema,
        body,
        digest: input_digest(&command),
        actor: Actor {
            principal: client.to_string(),
            kind: ActorKind::Key,
            on_behalf_of: None,
            credential: None,
            request_id: None,
        },
        account,
        client,
        key,
        reason: Some("the simulation wants it".to_owned()),
        local_day: None,
        tzdb: None,
        cause: None,
    }
}

fn product(delivery: &str, points: i64) -> String {
    let vendor = if delivery == "vendor" { r#","vendor":"sandbox","vendor_product":"x1""# } else { "" };
    format!(r#"{{"title":"A product","points":{points},"delivery":"{delivery}"{vendor}}}"#)
}

fn campaign(milestone: &str, points: &str, budget: &str, rest: &str) -> String {
    format!(
        r#"{{"title":"A campaign","milestone":"{milestone}","points":{points},"budget":"{budget}","starts_on":"2026-01-01"{rest}}}"#
    )
}

fn bodies() -> Vec<(ConfigKind, &'static str, String)> {
    let connection = r#"{"system":"workday","state":"open","id_space":"w","anniversary":"hire"}"#.to_owned();
    vec![
        (ConfigKind::Connection, "workday", connection),
        (
            ConfigKind::Campaign,
            "welcome",
            campaign("hire", r#"{"fixed":500}"#, "people", r#","expires_after_days":9"#),
        ),
        (
            ConfigKind::Campaign,
            "promoted",
            campaign(
                "promotion",
                r#"{"fixed":310}"#,
                "people",
                r#","vests_after_days":3,"expires_after_days":20,"daily_ceiling":620"#,
            ),
        ),
        (ConfigKind::Campaign, "years", campaign("anniversary", r#"{"per_year":17}"#, "thanks", "")),
        (ConfigKind::Product, "gift", product("immediate", 60)),
        (ConfigKind::Product, "mug", product("immediate", 25)),
        (ConfigKind::Product, "card", product("vendor", 110)),
        (ConfigKind::Product, "card-refused", product("vendor", 90)),
        (ConfigKind::Product, "card-slow", product("vendor", 70)),
    ]
}

const CLIENT: (Namespace, &str) = (Namespace::Client, "shop");
const OTHER: (Namespace, &str) = (Namespace::Client, "office");

fn version(kind: ConfigKind, product: &str, number: u32, body: String, key: &str) -> [CommandRecord; 3] {
    let (of, configuration) = (name(product), AccountId::configuration(tenant()));
    let draft = DraftVersion { kind, name: of.clone(), body, effective_at: None };
    let submit = SubmitVersion { kind, name: of.clone(), version: number };
    let publish = PublishVersion { kind, name: of, version: number };
    let account = || configuration.clone();
    [
        record(CLIENT, account(), &format!("draft.{key}"), draft.into()),
        record(CLIENT, account(), &format!("submit.{key}"), submit.into()),
        record(OTHER, account(), &format!("publish.{key}"), publish.into()),
    ]
}

/// The tenant with everything that the traffic needs, in order.
pub(crate) fn setting(chance: &mut Chance) -> Vec<CommandRecord> {
    let create = CreateTenant {
        title: "Acme".to_owned(),
        mode: TenantMode::Sandbox,
        zone: "Europe/Berlin".to_owned(),
        currency: "EUR".to_owned(),
        locale: "en".to_owned(),
    };
    let mut all = vec![record(CLIENT, AccountId::configuration(tenant()), "create", create.into())];
    for (kind, of, body) in bodies() {
        all.extend(version(kind, of, 1, body, &format!("{of}.1")));
    }
    for of in BUDGETS {
        let account = AccountId::budget(tenant(), name(of));
        let open = OpenBudget { title: "A budget".to_owned(), alerts: vec![50, 90] };
        let delta = chance.between(900, 5_000);
        all.push(record(CLIENT, account.clone(), "open", open.into()));
        all.push(record(CLIENT, account, "allocate.0", AllocateBudget { delta }.into()));
    }
    all
}

/// A new wish of a client; `number` makes its key its own.
pub(crate) fn wish(number: usize, members: usize, books: &Books, chance: &mut Chance) -> Vec<CommandRecord> {
    let key = format!("w{number}");
    let whose = member(chance.below(members));
    let (account, command): (AccountId, Command) = match chance.below(20) {
        0..=8 => (whose, redemption(chance)),
        9..=11 => (budget(chance), gift(&whose, number, chance)),
        12 => match books.open_redemptions() {
            open if open.is_empty() => (whose, redemption(chance)),
            open => {
                let (account, redemption) = chance.pick(&open).clone();
                (account, CancelRedemption { redemption }.into())
            }
        },
        13 => match books.credited_grants() {
            all if all.is_empty() => (whose, redemption(chance)),
            all => {
                let (account, grant) = chance.pick(&all).clone();
                (account, ReverseGrant { grant }.into())
            }
        },
        14 => (whose, DeductPoints { points: points(chance.between(1, 80)) }.into()),
        15 => (budget(chance), AllocateBudget { delta: chance.between(-400, 900) }.into()),
        16 | 17 => match books.held() {
            held if held.is_empty() => (budget(chance), AllocateBudget { delta: 77 }.into()),
            held => {
                let (account, grant) = chance.pick(&held).clone();
                (account, ResolveHeldGrant { grant, release: !chance.one_in(3) }.into())
            }
        },
        18 => match books.vouchers() {
            all if all.is_empty() => (whose, redemption(chance)),
            all => {
                let (account, redemption, line) = chance.pick(&all).clone();
                (account, RevealVoucher { redemption, line }.into())
            }
        },
        19 if chance.one_in(3) => {
            let body = campaign("hire", r#"{"fixed":40}"#, "thanks", r#","look_back_days":90"#);
            return version(ConfigKind::Campaign, LATE_CAMPAIGN, 1, body, &key).to_vec();
        }
        _ => {
            let body = product("immediate", chance.between(20, 90));
            let version_number = u32::try_from(chance.between(2, 4)).unwrap_or(2);
            return version(ConfigKind::Product, "mug", version_number, body, &key).to_vec();
        }
    };
    vec![record(CLIENT, account, &key, command)]
}

/// The same account and key with another body.
pub(crate) fn other_body(of: &CommandRecord, chance: &mut Chance) -> CommandRecord {
    let command: Command = match of.account.key {
        AccountKey::Budget(_) => AllocateBudget { delta: chance.between(1, 9) }.into(),
        _ => redemption(chance),
    };
    record((of.namespace, of.client.as_str()), of.account.clone(), of.key.as_str(), command)
}

fn points(number: i64) -> Points {
    Points::new(number).expect("an amount")
}

fn redemption(chance: &mut Chance) -> Command {
    let lines = (0..1 + chance.below(3)).map(|_| RequestedLine {
        product: name(chance.pick::<&str>(&PRODUCTS)),
        quantity: if chance.one_in(4) { 2 } else { 1 },
    });
    let lines = lines.collect();
    RequestRedemption { lines, points_max: chance.one_in(8).then(|| points(100)), note: None }.into()
}

fn gift(whose: &AccountId, number: usize, chance: &mut Chance) -> Command {
    let AccountKey::Member(member) = whose.key else { unreachable!("a member's account") };
    let mut id = [9; 16];
    id[..8].copy_from_slice(&(number as u64).to_be_bytes());
    let expires_at = None;
    let grant = GrantIntent {
        grant: GrantId(id),
        member,
        points: points(chance.between(10, 400)),
        granted_at: Timestamp(0),
        activates_at: None,
        expires_at,
        campaign: None,
        campaign_version: 0,
        daily_ceiling: None,
        ceiling_day: None,
        label: "a gift".to_owned(),
        note: None,
    };
    CommitGrants { grants: vec![grant], all_or_nothing: true }.into()
}

/// What an HR system reports of a member at `now`.
pub(crate) fn report(number: usize, members: usize, now: i64, chance: &mut Chance) -> CommandRecord {
    let whose = member(chance.below(members));
    let today = Timestamp(now).utc_day();
    let connection = name("workday");
    let key = format!("h{number}");
    let occurrence = |chance: &mut Chance| format!("e{}", chance.below(4)).parse().expect("an occurrence");
    let effective = |chance: &mut Chance| today.plus(i32::try_from(chance.between(-5, 3)).unwrap_or(0));
    let command: Command = match chance.below(8) {
        0 | 1 => worker(today, chance).into(),
        2..=4 => milestone(MilestoneKind::Hire, "first".to_owned(), effective(chance)),
        5 | 6 => ReportMilestone {
            connection,
            kind: MilestoneKind::Promotion,
            occurrence: occurrence(chance),
            effective: effective(chance),
            source_id: None,
            years: None,
            attributes: Default::default(),
        }
        .into(),
        _ => RetractMilestone {
            connection,
            kind: if chance.one_in(3) { MilestoneKind::Hire } else { MilestoneKind::Promotion },
            occurrence: occurrence(chance),
            source_id: None,
        }
        .into(),
    };
    record((Namespace::Hris, "workday"), whose, &key, command)
}

/// What an HR system reports of each member when it is first connected.
pub(crate) fn hire(number: usize, now: i64) -> [CommandRecord; 2] {
    let today = Timestamp(now).utc_day();
    let hired = milestone(MilestoneKind::Hire, "first".to_owned(), today.plus(-1));
    let state = ReportWorker {
        connection: name("workday"),
        changed_at: Some(Timestamp(now - DAY)),
        state: WorkerState {
            hire: Some(today.plus(4 - 365 * 3)),
            country: Some("DE".to_owned()),
            zone: Some("Europe/Berlin".to_owned()),
            ..WorkerState::default()
        },
    };
    let hris = (Namespace::Hris, "workday");
    [
        record(hris, member(number), &format!("state.{number}"), state.into()),
        record(hris, member(number), &format!("hired.{number}"), hired),
    ]
}

fn milestone(kind: MilestoneKind, occurrence: String, effective: Day) -> Command {
    ReportMilestone {
        connection: name("workday"),
        kind,
        occurrence: occurrence.parse().expect("an occurrence"),
        effective,
        source_id: None,
        years: None,
        attributes: Default::default(),
    }
    .into()
}

fn worker(today: Day, chance: &mut Chance) -> ReportWorker {
    let status = if chance.one_in(5) { WorkerStatus::Terminated } else { WorkerStatus::Active };
    let days = i32::try_from(chance.between(-9, 9)).unwrap_or(0);
    ReportWorker {
        connection: name("workday"),
        changed_at: Some(Timestamp(i64::from(today.0) * DAY + chance.between(0, DAY))),
        state: WorkerState {
            status,
            hire: Some(today.plus(days - 365 * 2)),
            country: Some("DE".to_owned()),
            ..WorkerState::default()
        },
    }
}
