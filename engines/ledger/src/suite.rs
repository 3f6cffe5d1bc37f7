//! The conformance suite of the ledger over a log: what must hold whatever engine lies below.
//!
//! An engine's tests implement [`Engine`], as for the log's own suite, and call [`ledger_suite!`](crate::ledger_suite),
//! which makes one `#[test]` of each clause. A clause panics where something does not hold.

mod bent;
mod contender;
mod owning;
mod reading;

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use bytes::Bytes;
use mirabelle_domain::{AccountId, AccountKey, CommandId, Digest};
use mirabelle_log::suite::Engine;
use mirabelle_log::{Append, Entry, Log, Partition, ReadLimit, Topic, View};
use mirabelle_schemas::record::{Actor, ActorKind, Cursor, Decision, FactRecord};

pub use owning::*;
pub use reading::*;

use crate::create::ensure_roots;
use crate::owner::Turn;
use crate::reader::{FactsReader, ReaderOptions, Start};
use crate::seen::Folded;

/// How long a clause waits for what must come before it calls it missing.
const PATIENCE: Duration = Duration::from_secs(60);
const ALL: ReadLimit = ReadLimit { records: usize::MAX, bytes: usize::MAX };
/// The partition that the clauses fight for; not the first, so that a mix-up shows.
const PLACE: Partition = Partition(1);
/// Index of `commands` in [`Topic::INPUTS`].
const COMMANDS: usize = 1;

/// Makes one `#[test]` per clause. The expression gives an [`Engine`], anew for each clause.
#[macro_export]
macro_rules! ledger_suite {
    ($engine:expr) => {
        $crate::ledger_suite! { @tests $engine;
            creators_at_once_leave_one_root_that_counts
            contenders_decide_each_input_once_and_skip_none
            contenders_over_a_lossy_log_decide_each_input_once_and_skip_none
            readers_agree_from_every_checkpoint
            a_checkpoint_holds_through_a_close_and_a_crash
            a_checkpoint_of_another_log_is_refused
            a_log_that_lost_its_end_is_noticed_from_a_checkpoint
            a_changed_record_stops_the_reader
        }
    };
    (@tests $engine:expr; $($clause:ident)*) => {
        $(#[test] fn $clause() { $crate::suite::$clause(&mut $engine); })*
    };
}

/// A log with its roots, and `inputs` in `commands` of [`PLACE`].
fn begun(engine: &mut dyn Engine, inputs: u64) -> Arc<dyn Log> {
    let log = engine.create();
    ensure_roots(&*log, 1_000_000, PATIENCE).expect("a new log takes its roots");
    let (sender, receiver) = channel();
    let batch = (0..inputs).map(|number| {
        let sender = sender.clone();
        let value = Bytes::from(number.to_be_bytes().to_vec());
        Append {
            topic: Topic::Commands,
            partition: PLACE,
            entry: Entry { key: Bytes::from_static(b"key"), fingerprint: 0, value, trace: None },
            done: Some(Box::new(move |answer| drop(sender.send(answer)))),
        }
    });
    log.append(batch.collect()).expect("a new log takes its inputs");
    for _ in 0..inputs {
        receiver.recv_timeout(PATIENCE).expect("an append is answered").expect("no fault was planted");
    }
    log
}

/// The decision of the input at `offset`. Its body says how many inputs it believes to be decided before.
fn decision(turn: &Turn, offset: u64, before: u64) -> Decision {
    Decision {
        epoch: turn.attempt.epoch,
        claim: turn.attempt.claim,
        seq: turn.seq,
        at: turn.at,
        account: AccountId {
            tenant: "suite".parse().expect("a name of allowed letters"),
            key: AccountKey::Budget("travel".parse().expect("a name of allowed letters")),
        },
        command_id: CommandId(u128::from(offset).to_be_bytes()),
        input_kind: 40,
        input_digest: Digest([7; 16]),
        input: None,
        accepted_at: 1_000_041,
        actor: Actor {
            principal: "suite".to_owned(),
            kind: ActorKind::Role,
            on_behalf_of: None,
            credential: None,
            request_id: None,
        },
        reason: None,
        cursor: Cursor { topic: COMMANDS as u8, offset },
        config_version: 3,
        facts: vec![FactRecord { kind: 40, schema: 1, body: Bytes::from(before.to_be_bytes().to_vec()) }],
        prev_digest: turn.prev_digest,
    }
}

/// What counts, read from `start` to the end that the log has now.
fn read_from(log: &dyn Log, start: Start<'_>) -> (FactsReader, Vec<Folded>) {
    let mut reader =
        FactsReader::open(log, PLACE, start, ReaderOptions::default()).expect("facts can be read");
    let mut folded = Vec::new();
    while reader.read(ALL, &mut folded).expect("facts that nobody damaged can be read") > 0 {}
    (reader, folded)
}

/// Asserts that inputs `0 .. inputs` are decided once each, in order, each on the state that the ones before it made.
fn assert_decided(folded: &[Folded], inputs: u64) {
    let decided: Vec<_> = folded.iter().filter_map(Folded::decision).collect();
    let offsets: Vec<u64> = decided.iter().map(|decision| decision.cursor.offset).collect();
    assert_eq!(offsets, (0..inputs).collect::<Vec<_>>());
    for (before, decision) in (0_u64..).zip(decided) {
        assert_eq!(decision.seq, before + 1);
        assert_eq!(decision.facts[0].body[..], before.to_be_bytes(), "decision {} was made on", decision.seq);
    }
}

/// Waits until `seen` gives something, looking again whenever the log has changed.
fn wait_for<T>(log: &dyn Log, what: &str, mut seen: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let tick = log.tick(View::Durable);
        if let Some(seen) = seen() {
            return seen;
        }
        let left = deadline.saturating_duration_since(Instant::now());
        assert!(!left.is_zero(), "{what} did not come");
        log.wait(View::Durable, tick, left);
    }
}
