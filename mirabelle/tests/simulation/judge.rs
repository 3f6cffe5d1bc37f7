//! What has to hold when everything has healed and come to rest.

use std::collections::BTreeMap;

use mirabelle::verify::{Report, verify};
use mirabelle_domain::rows::Value;
use mirabelle_domain::tables::balances;
use mirabelle_domain::{Account, AccountId, AccountKey};
use mirabelle_ledger::{FactsReader, ReaderOptions, Start};
use mirabelle_log::{Log, Partition, ReadLimit, Topic, View};
use mirabelle_schemas::partition_of;

use crate::log::SimLog;
use crate::truth::{Broken, Truth};
use crate::world::World;

/// All of it.
pub(crate) fn judge(world: &mut World) -> Result<(), Broken> {
    every_input_is_decided(&world.log, &world.truth)?;
    readers_agree(&world.log, &world.truth)?;
    world.truth.books.close(world.now, world.partitions())?;
    world.door.judge(&world.truth, &world.log)?;
    owners_know_the_truth(world)?;
    rows_are_the_fold(world)?;
    followers_owe_nothing(world)
}

/// Invariants 7 and 10: each input has one decision, in order, and none is left.
fn every_input_is_decided(log: &SimLog, truth: &Truth) -> Result<(), Broken> {
    for partition in 0..log.partitions() {
        for (topic, decided) in Topic::INPUTS.into_iter().zip(truth.inputs(partition)) {
            let bounds = log.bounds(topic, Partition(partition), View::Durable);
            let end = bounds.map_err(|error| error.to_string())?.end.0;
            if end != decided {
                return Err(format!("{topic}/{partition} has {end} inputs, {decided} of them are decided"));
            }
        }
    }
    Ok(())
}

/// The ledger's own reader counts the same decisions, from the beginning and from a place in the middle.
fn readers_agree(log: &SimLog, truth: &Truth) -> Result<(), Broken> {
    for partition in 0..log.partitions() {
        let open = |start: Start<'_>| {
            FactsReader::open(log, Partition(partition), start, ReaderOptions::default())
                .map_err(|error| format!("{error:?}"))
        };
        let mut reader = open(Start::Beginning)?;
        let mut seen: Vec<(u64, i64)> = Vec::new();
        let mut middle = None;
        let mut folded = Vec::new();
        while reader
            .read(ReadLimit { records: 7, bytes: 1 << 20 }, &mut folded)
            .map_err(|e| format!("{e:?}"))?
            > 0
        {
            seen.extend(folded.drain(..).filter_map(|one| Some((one.position.seq, one.decision()?.at))));
            if seen.len() * 2 > truth.all(partition).len() && middle.is_none() {
                middle = reader.checkpoint().map(|checkpoint| (seen.len(), checkpoint));
            }
        }
        let wanted: Vec<(u64, i64)> =
            (1..).zip(truth.all(partition)).map(|(seq, one)| (seq, one.at)).collect();
        if seen != wanted {
            return Err(format!("the ledger's reader sees other decisions in partition {partition}"));
        }
        if let Some((count, checkpoint)) = middle {
            let mut reader = open(Start::At(&checkpoint))?;
            let mut rest = Vec::new();
            while reader
                .read(ReadLimit { records: 50, bytes: 1 << 20 }, &mut rest)
                .map_err(|e| format!("{e:?}"))?
                > 0
            {}
            let rest: Vec<(u64, i64)> =
                rest.iter().filter_map(|one| Some((one.position.seq, one.decision()?.at))).collect();
            if rest != wanted[count..] {
                return Err(format!(
                    "a reader from the middle sees other decisions in partition {partition}"
                ));
            }
        }
    }
    Ok(())
}

/// Confirmed state of every decider, whether it owns or stands by, started from snapshots or not.
fn owners_know_the_truth(world: &World) -> Result<(), Broken> {
    let partitions = world.log.partitions();
    let mut owners: BTreeMap<usize, usize> = BTreeMap::new();
    for decider in &world.deciders {
        for (number, lane) in decider.lanes().iter().enumerate() {
            let (accounts, _) = lane.partition().confirmed();
            if lane.partition().owner().owns() {
                *owners.entry(number).or_default() += 1;
            }
            let here = |id: &&AccountId| usize::from(partition_of(id, partitions)) == number;
            for id in world.truth.accounts().keys().filter(here) {
                let empty = Account::empty(&id.key);
                let known = accounts.get(id).map_or(&empty, |account| account.as_ref());
                if *known != world.truth.accounts()[id] {
                    return Err(format!("{} believes another state of {id}", decider.name));
                }
            }
            if let Some((id, _)) = accounts.iter().find(|(id, _)| !world.truth.accounts().contains_key(id)) {
                return Err(format!("{} knows of {id}, of which nothing was decided", decider.name));
            }
        }
    }
    let owned = (0..usize::from(partitions)).all(|number| owners.get(&number) == Some(&1));
    if owned { Ok(()) } else { Err(format!("each partition has one owner: {owners:?}")) }
}

/// Invariants 2 and 6: `verify` folds everything again, and compares every cell; and a balance is what moved.
fn rows_are_the_fold(world: &World) -> Result<(), Broken> {
    for partition in 0..world.log.partitions() {
        let (reach, seq) = (world.projector.reach(partition), world.truth.seq(partition));
        if reach != seq {
            return Err(format!("the rows of partition {partition} reach {reach}, the log {seq}"));
        }
    }
    let rows = world.projector.rows();
    let report = verify(&world.log, Some(rows), Report::default());
    if let Some(difference) = report.differences.first() {
        return Err(format!("verify: {difference}"));
    }
    for (id, wallet) in &world.truth.books.wallets {
        let AccountKey::Member(member) = id.key else { continue };
        let key = [Value::Text(id.tenant.to_string()), Value::Bytes(member.0.to_vec())];
        let row = rows.get(&balances::TABLE, &key).map_err(|error| error.to_string())?;
        let shown = row.and_then(|row| row.int("available")).unwrap_or(0);
        if i128::from(shown) != wallet.available() {
            return Err(format!("{id} sees {shown} points and has {}", wallet.available()));
        }
    }
    Ok(())
}

/// What couriers still carry waits for a person.
fn followers_owe_nothing(world: &mut World) -> Result<(), Broken> {
    let held = world.truth.books.held().len();
    for courier in world.couriers.iter_mut().filter_map(|process| process.core()) {
        if courier.open_grants() != held {
            return Err(format!(
                "a courier carries {} grants, {held} wait for a person",
                courier.open_grants()
            ));
        }
    }
    Ok(())
}
