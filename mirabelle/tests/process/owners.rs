//! Two owners at once over one directory: claims against claims, ghosts, and one truth.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;

use mirabelle::config::Config;
use mirabelle::engine::{Engines, ThisMachine};
use mirabelle::verify;
use mirabelle_decider::{LaneOptions, Machine as _, Membership, Metrics, Options, Service};
use mirabelle_domain::command::{AllocateBudget, OpenBudget};
use mirabelle_domain::{AccountId, Command};
use mirabelle_ledger::{FactsReader, ReaderOptions, Start, command_append};
use mirabelle_log::{Log, Partition, ReadLimit, Refused, Topic, View};
use mirabelle_projector::{Progress, Projector};
use mirabelle_schemas::record::{Actor, ActorKind, CommandRecord, Namespace};
use mirabelle_schemas::{command_id, encode_body, input_digest};
use mirabelle_store::{MemoryBlobs, MemoryIds, Snapshots};

use crate::server::until;

const BUDGETS: u32 = 40;
const ROUNDS: u32 = 30;

fn send(log: &dyn Log, account: &AccountId, key: &str, command: impl Into<Command>) {
    let command = command.into();
    let (kind, schema, body) = encode_body(&command);
    let (client, key) = ("test".parse().unwrap(), key.parse().unwrap());
    let record = CommandRecord {
        id: command_id(Namespace::Client, account, &client, &key),
        account: account.clone(),
        namespace: Namespace::Client,
        client,
        key,
        kind,
        schema,
        body,
        digest: input_digest(&command),
        actor: Actor {
            principal: "test".to_owned(),
            kind: ActorKind::Key,
            on_behalf_of: None,
            credential: None,
            request_id: None,
        },
        reason: Some("for the test".to_owned()),
        local_day: None,
        tzdb: None,
        cause: None,
    };
    until("the log takes it", || {
        let append = command_append(Topic::Commands, &record, log.partitions(), None).unwrap();
        match log.append(vec![append]) {
            Ok(()) => Some(()),
            Err(Refused::Full { .. }) => None,
            Err(refused) => panic!("{refused}"),
        }
    });
}

/// What was decided, and the claims that count, in all partitions.
fn decided(log: &dyn Log) -> (usize, u64) {
    let (mut decisions, mut epochs) = (0, 0);
    for partition in (0..log.partitions()).map(Partition) {
        let mut reader =
            FactsReader::open(log, partition, Start::Beginning, ReaderOptions::default()).unwrap();
        let mut folded = Vec::new();
        while reader.read(ReadLimit { records: 10_000, bytes: 16 << 20 }, &mut folded).unwrap() > 0 {}
        decisions += folded.iter().filter(|one| one.decision().is_some()).count();
        epochs += reader.head().map_or(0, |head| head.epoch);
    }
    (decisions, epochs)
}

/// One of the deciders: it believes that everything is its own.
fn owner(log: Arc<dyn Log>, name: &str, stopped: &AtomicBool) {
    let options = Options {
        partition: mirabelle_decider::partition::Options::new(name.to_owned(), "test".to_owned()),
        lane: LaneOptions::default(),
    };
    let metrics = Metrics::new(&prometheus::Registry::new()).unwrap();
    let snapshots = Arc::new(Snapshots::new(MemoryBlobs::new()));
    let partitions = log.partitions();
    let ids = Arc::new(MemoryIds::new());
    let mut service = Service::open(log, ids, snapshots, &options, metrics, ThisMachine.now()).unwrap();
    let (membership, said) = channel();
    (0..partitions).for_each(|number| membership.send(Membership::Gained(Partition(number))).unwrap());
    service.run(&said, &mut ThisMachine, &|| stopped.load(Ordering::Relaxed)).unwrap();
}

fn project(engines: &Engines) {
    let metrics = mirabelle_projector::Metrics::new(&prometheus::Registry::new()).unwrap();
    let progress = Arc::new(Progress::new(engines.log.partitions()));
    let rows = Arc::clone(&engines.rows);
    let mut projector = Projector::open(engines.log(), rows, progress, metrics, Default::default()).unwrap();
    while projector.turn(mirabelle::engine::wall_clock()).unwrap() > 0 {}
    engines.store.sync().unwrap();
}

fn config(data: &Path) -> Config {
    Config::load(None, &[("data", data.to_str().unwrap().to_owned())]).unwrap()
}

#[test]
fn verify_holds_over_a_directory_that_two_owners_fought_for() {
    let data = tempfile::tempdir().unwrap();
    let engines = Engines::open(&config(data.path())).unwrap();
    let log = engines.log();
    let stopped = AtomicBool::new(false);
    let account =
        |number: u32| AccountId::budget("acme".parse().unwrap(), format!("budget-{number}").parse().unwrap());
    let inputs = std::thread::scope(|scope| {
        for name in ["one", "other"] {
            let (log, stopped) = (engines.log(), &stopped);
            scope.spawn(move || owner(log, name, stopped));
        }
        let mut inputs = 0;
        for number in 0..BUDGETS {
            send(&*log, &account(number), "open", OpenBudget { title: "Travel".to_owned(), alerts: vec![] });
            inputs += 1;
        }
        for round in 0..ROUNDS {
            for number in 0..BUDGETS {
                // Every third wish comes twice.
                for _ in 0..1 + u32::from(number % 3 == 0) {
                    send(&*log, &account(number), &format!("more-{round}"), AllocateBudget { delta: 7 });
                    inputs += 1;
                }
            }
            until("this round is decided", || (decided(&*log).0 == inputs).then_some(()));
        }
        stopped.store(true, Ordering::Relaxed);
        inputs
    });
    let (decisions, epochs) = decided(&*log);
    assert_eq!(decisions, inputs);
    let records: u64 = (0..log.partitions())
        .map(|number| log.bounds(Topic::Facts, Partition(number), View::Durable).unwrap().end.0)
        .sum();
    let dropped = records - u64::from(log.partitions()) - epochs - decisions as u64;
    project(&engines);
    drop((log, engines));
    let report = verify::directory(data.path(), None).unwrap();
    assert!(report.holds(), "{:#?}", report.differences);
    assert_eq!(report.decisions, inputs as u64);
    eprintln!("{epochs} claims that count, {dropped} records that do not, {inputs} inputs decided once");
    assert!(epochs >= 16, "each of two owners claims each of eight partitions: {epochs}");
}
