//! What benches of the whole pipeline share: a driver that sends commands and reads their decisions back.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mirabelle::engine::{Engines, wall_clock};
use mirabelle::roles::Roles;
use mirabelle_domain::command::{
    AllocateBudget, CommitGrants, ConfigKind, CreateTenant, DraftVersion, OpenBudget, PublishVersion,
    ReportWorker, RequestRedemption, RequestedLine, SubmitVersion, TenantMode,
};
use mirabelle_domain::fact::GrantIntent;
use mirabelle_domain::{
    AccountId, Command, CommandId, GrantId, MemberId, Name, Points, TenantId, Timestamp, WorkerState,
};
use mirabelle_ledger::{FactsReader, Folded, ReaderOptions, Start, command_append};
use mirabelle_log::{Append, Log, Partition, ReadLimit, Refused, Topic, View};
use mirabelle_schemas::record::{Actor, ActorKind, CommandRecord, Namespace};
use mirabelle_schemas::{command_id, encode_body, input_digest};

/// Appends commands and reads their decisions back, as a gateway does.
pub(crate) struct Driver {
    log: Arc<dyn Log>,
    tenant: TenantId,
    client: Name,
    readers: Vec<FactsReader>,
    pub(crate) sent: HashMap<CommandId, Instant>,
    /// Microseconds from sending to reading back, of each.
    pub(crate) latencies: Vec<u32>,
    next_key: u64,
    pub(crate) rejected: u64,
    settled: u64,
}

/// The numbers of two facts.
const REJECTED: u16 = 1;
const SETTLED: u16 = 45;

impl Driver {
    pub(crate) fn new(log: Arc<dyn Log>) -> anyhow::Result<Driver> {
        let open = |number| {
            FactsReader::open(log.as_ref(), Partition(number), Start::Beginning, ReaderOptions::default())
        };
        let readers = (0..log.partitions()).map(open).collect::<Result<_, _>>()?;
        Ok(Driver {
            tenant: "bench".parse()?,
            client: "bench".parse()?,
            readers,
            sent: HashMap::new(),
            latencies: Vec::new(),
            next_key: 0,
            rejected: 0,
            settled: 0,
            log,
        })
    }

    fn append(&mut self, account: AccountId, command: impl Into<Command>, topic: Topic) -> Append {
        let command = command.into();
        self.next_key += 1;
        let key = format!("key-{:016}", self.next_key).parse().expect("a key");
        let (kind, schema, body) = encode_body(&command);
        let record = CommandRecord {
            id: command_id(Namespace::Client, &account, &self.client, &key),
            namespace: Namespace::Client,
            client: self.client.clone(),
            key,
            kind,
            schema,
            body,
            digest: input_digest(&command),
            actor: Actor {
                principal: "bench".into(),
                kind: ActorKind::Key,
                on_behalf_of: None,
                credential: Some("bench.key".into()),
                request_id: None,
            },
            reason: None,
            local_day: None,
            tzdb: None,
            cause: None,
            account,
        };
        self.sent.insert(record.id, Instant::now());
        command_append(topic, &record, self.log.partitions(), None).expect("the bench's commands are small")
    }

    /// Sends one batch, and again while the log is full.
    fn send(&mut self, batch: Vec<Append>) -> anyhow::Result<()> {
        let again: Vec<Append> = batch
            .iter()
            .map(|a| Append { topic: a.topic, partition: a.partition, entry: a.entry.clone(), done: None })
            .collect();
        match self.log.append(batch) {
            Ok(()) => Ok(()),
            Err(Refused::Full { .. }) => {
                self.read()?;
                self.send(again)
            }
            Err(refused) => Err(refused.into()),
        }
    }

    /// Reads what there is; returns how many of the sent commands were decided.
    pub(crate) fn read(&mut self) -> anyhow::Result<usize> {
        let mut folded: Vec<Folded> = Vec::new();
        for reader in &mut self.readers {
            reader.read(ReadLimit { records: 10_000, bytes: 16 << 20 }, &mut folded)?;
        }
        let now = Instant::now();
        let mut decided = 0;
        for one in &folded {
            let Some(decision) = one.decision() else { continue };
            self.settled += decision.facts.iter().filter(|fact| fact.kind == SETTLED).count() as u64;
            if let Some(sent) = self.sent.remove(&decision.command_id) {
                decided += 1;
                self.rejected += u64::from(decision.facts.first().is_some_and(|fact| fact.kind == REJECTED));
                self.latencies.push(u32::try_from((now - sent).as_micros()).unwrap_or(u32::MAX));
            }
        }
        Ok(decided)
    }

    fn wait_for_all(&mut self) -> anyhow::Result<()> {
        while !self.sent.is_empty() {
            let tick = self.log.tick(View::Durable);
            if self.read()? == 0 {
                self.log.wait(View::Durable, tick, Duration::from_millis(100));
            }
        }
        Ok(())
    }

    pub(crate) fn one(&mut self, account: AccountId, command: impl Into<Command>) -> anyhow::Result<()> {
        let append = self.append(account, command, Topic::Commands);
        self.send(vec![append])?;
        self.wait_for_all()
    }
}

fn member(number: u64) -> MemberId {
    MemberId(u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835).to_be_bytes())
}

/// A tenant, a product, and wallets with one lot each.
pub(crate) fn prepare(driver: &mut Driver, accounts: u64) -> anyhow::Result<()> {
    let tenant = driver.tenant.clone();
    let configuration = AccountId::configuration(tenant.clone());
    let budget: Name = "bench".parse()?;
    driver.one(
        configuration.clone(),
        CreateTenant {
            title: "bench".into(),
            mode: TenantMode::Sandbox,
            zone: "UTC".into(),
            currency: "EUR".into(),
            locale: "en".into(),
        },
    )?;
    let (kind, name): (ConfigKind, Name) = (ConfigKind::Product, "donation".parse()?);
    let body = r#"{"title":"A donation","points":7,"delivery":"immediate"}"#.to_owned();
    driver.one(configuration.clone(), DraftVersion { kind, name: name.clone(), body, effective_at: None })?;
    driver.one(configuration.clone(), SubmitVersion { kind, name: name.clone(), version: 1 })?;
    driver.one(configuration, PublishVersion { kind, name, version: 1 })?;
    let at_budget = AccountId::budget(tenant.clone(), budget);
    driver.one(at_budget.clone(), OpenBudget { title: "bench".into(), alerts: vec![] })?;
    driver.one(at_budget.clone(), AllocateBudget { delta: 1 << 50 })?;
    let numbers: Vec<u64> = (0..accounts).collect();
    for block in numbers.chunks(1_000) {
        let mut batch = Vec::new();
        for number in block {
            let state = WorkerState { country: Some("DE".into()), ..WorkerState::default() };
            let report = ReportWorker { connection: "bench".parse()?, changed_at: None, state };
            batch.push(driver.append(
                AccountId::member(tenant.clone(), member(*number)),
                report,
                Topic::Milestones,
            ));
        }
        let grants = block.iter().map(|number| grant(*number)).collect();
        batch.push(driver.append(
            at_budget.clone(),
            CommitGrants { grants, all_or_nothing: true },
            Topic::Commands,
        ));
        driver.send(batch)?;
        driver.wait_for_all()?;
    }
    // The courier takes the points to the wallets and settles.
    while driver.settled < accounts {
        let tick = driver.log.tick(View::Durable);
        driver.read()?;
        driver.log.wait(View::Durable, tick, Duration::from_millis(100));
    }
    Ok(())
}

fn grant(number: u64) -> GrantIntent {
    GrantIntent {
        grant: GrantId(member(number + (1 << 40)).0),
        member: member(number),
        points: Points::new(10_000_000).expect("points"),
        granted_at: Timestamp(wall_clock()),
        activates_at: None,
        expires_at: None,
        campaign: None,
        campaign_version: 0,
        daily_ceiling: None,
        ceiling_day: None,
        label: "bench".into(),
        note: None,
    }
}

/// When to stop redeeming. Each bench has its own use.
#[derive(Clone, Copy)]
#[allow(dead_code, reason = "every bench compiles this file for itself, and needs one of them")]
pub(crate) enum Until {
    Elapsed(Duration),
    Decided(u64),
}

/// Redemptions captured at once, by accounts at random, so many in flight. Returns how many were decided, in what time.
pub(crate) fn redeem(
    driver: &mut Driver,
    accounts: u64,
    in_flight: usize,
    until: Until,
    random: &mut u64,
) -> anyhow::Result<(u64, Duration)> {
    let product: Name = "donation".parse()?;
    let tenant = driver.tenant.clone();
    driver.latencies.clear();
    driver.rejected = 0;
    let begun = Instant::now();
    let mut decided = 0;
    let going = |decided| match until {
        Until::Elapsed(window) => begun.elapsed() < window,
        Until::Decided(count) => decided < count,
    };
    while going(decided) {
        let tick = driver.log.tick(View::Durable);
        let room = in_flight - driver.sent.len();
        let mut batch = Vec::with_capacity(room);
        for _ in 0..room {
            *random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let number = (*random >> 33) % accounts;
            let line = RequestedLine { product: product.clone(), quantity: 1 };
            let wish = RequestRedemption { lines: vec![line], points_max: None, note: None };
            batch.push(driver.append(
                AccountId::member(tenant.clone(), member(number)),
                wish,
                Topic::Commands,
            ));
        }
        if !batch.is_empty() {
            driver.send(batch)?;
        }
        let read = driver.read()?;
        decided += read as u64;
        if read == 0 {
            driver.log.wait(View::Durable, tick, Duration::from_millis(100));
        }
    }
    Ok((decided, begun.elapsed()))
}

/// Waits until the rows hold everything.
pub(crate) fn settle(engines: &Engines, roles: &Roles) -> anyhow::Result<()> {
    while engines.store.live()?.checkpoint(Partition(0))?.is_none() || roles.progress.lag() > 100_000 {
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// Processor time of this process so far, seconds.
pub(crate) fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|f| f.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}
