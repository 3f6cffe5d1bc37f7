//! Published configuration on its way to every partition.

use std::collections::BTreeMap;

use mirabelle_domain::command::{ConfigKind, TenantMode};
use mirabelle_domain::fact::{AdoptedVersion, ConfigurationAdopted, VersionPublished};
use mirabelle_domain::{AccountId, AccountKey, Command, CommandId, Timestamp};
use mirabelle_follower::{Core, Outgoing};

use crate::{Desk, PARTITIONS};

fn version(number: u32) -> AdoptedVersion {
    AdoptedVersion {
        number,
        kind: ConfigKind::Product,
        name: "day-off".parse().unwrap(),
        version: number,
        body: "{}".to_owned(),
        effective_at: Timestamp(1_041),
        mode: TenantMode::Sandbox,
    }
}

fn publish(desk: &mut Desk, number: u32) {
    let account = AccountId::configuration("acme".parse().unwrap());
    let published =
        VersionPublished { version: version(number), drafter: "asha".into(), publisher: "ben".into() };
    desk.see_in(2, &account, &published.into());
}

fn adopt(desk: &mut Desk, partition: u16, number: u32) {
    let account = AccountId { tenant: "acme".parse().unwrap(), key: AccountKey::Partition(partition) };
    desk.see_in(partition, &account, &ConfigurationAdopted { version: version(number) }.into());
}

/// Numbers sent, by partition, and the ids.
fn sent(outgoing: &[Outgoing]) -> (BTreeMap<u16, u32>, Vec<CommandId>) {
    let mut numbers = BTreeMap::new();
    for sent in outgoing {
        let (AccountKey::Partition(partition), Command::AdoptConfiguration(adopt)) =
            (&sent.account.key, &sent.command)
        else {
            panic!("{sent:?}")
        };
        assert_eq!(numbers.insert(*partition, adopt.version.number), None, "one at a time");
    }
    (numbers, outgoing.iter().map(Outgoing::id).collect())
}

#[test]
fn a_published_version_goes_to_every_partition() {
    let mut desk = Desk::new();
    publish(&mut desk, 1);
    let (numbers, ids) = sent(&desk.act());
    assert_eq!(numbers, (0..PARTITIONS).map(|partition| (partition, 1)).collect());
    let (_, again) = sent(&desk.restarted().act());
    assert_eq!(again, ids, "after a restart under the same ids");
    (0..PARTITIONS).for_each(|partition| adopt(&mut desk, partition, 1));
    desk.now += 100_000_000;
    assert_eq!(desk.act(), []);
}

#[test]
fn a_partition_gets_the_next_version_only_when_it_has_the_one_before() {
    let mut desk = Desk::new();
    publish(&mut desk, 2);
    assert_eq!(desk.act(), [], "the first one has not been seen yet");
    publish(&mut desk, 1);
    assert!(sent(&desk.act()).0.values().all(|number| *number == 1));
    adopt(&mut desk, 3, 1);
    assert_eq!(sent(&desk.act()).0, BTreeMap::from([(3, 2)]));
}

#[test]
fn only_the_partition_that_does_not_answer_is_asked_again() {
    let mut desk = Desk::new();
    publish(&mut desk, 1);
    desk.act();
    (0..PARTITIONS - 1).for_each(|partition| adopt(&mut desk, partition, 1));
    assert_eq!(desk.act(), []);
    desk.now += mirabelle_courier::core::RESEND_AFTER_MICROS;
    assert_eq!(sent(&desk.act()).0, BTreeMap::from([(PARTITIONS - 1, 1)]));
}

#[test]
fn a_publication_read_after_all_have_adopted_it_is_owed_to_nobody() {
    let mut desk = Desk::new();
    (0..PARTITIONS).for_each(|partition| adopt(&mut desk, partition, 1));
    publish(&mut desk, 1);
    assert_eq!((desk.act(), desk.courier.open()), (Vec::new(), 0));
}
