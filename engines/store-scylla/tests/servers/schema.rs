//! Keyspaces and schemas that are not as they should be, and processes that start at once.

use std::sync::Barrier;

use mirabelle_store::suite::LOG;
use mirabelle_store::{Store, StoreError};
use mirabelle_store_scylla::{Migration, Options, Schema, ScyllaStore};

use crate::world::{SUITE, fresh, in_dc, name, numbered, on_one, one, open, password, reached, run, two};

fn refusal(options: &Options) -> StoreError {
    refusal_with(options, SUITE)
}

fn refusal_with(options: &Options, schema: Schema) -> StoreError {
    let opened = ScyllaStore::open_with(options.clone(), LOG, schema);
    let opened = opened.and_then(|store| store.open(&name("first")).map(drop));
    opened.expect_err("it is refused")
}

#[test]
fn processes_that_start_at_once_in_two_data_centres_agree_on_the_schema() {
    let Some(held) = two() else { return };
    let keyspace = fresh("at_once");
    let gate = Barrier::new(6);
    std::thread::scope(|scope| {
        for process in 0..6 {
            let (held, keyspace, gate) = (&held, &keyspace, &gate);
            scope.spawn(move || {
                let options = in_dc(held, keyspace, ["eu", "us"][process % 2]);
                gate.wait();
                let store = open(&options);
                let rows = match store.create(&name("first")) {
                    Err(StoreError::GenerationExists { .. }) => store.open(&name("first")).unwrap(),
                    made => made.unwrap(),
                };
                rows.apply(numbered(process as i64)).unwrap();
                assert!(store.live().is_ok());
            });
        }
    });
    let store = open(&in_dc(&held, &keyspace, "eu"));
    let listed = store.generations().unwrap();
    assert_eq!(listed.len(), 1);
    let rows = store.live().unwrap();
    assert!(reached(&*rows) >= 0);
    let lines = rows.scan_table(&mirabelle_store::suite::STATEMENT, None, 1_000).unwrap();
    assert!(
        lines.len() >= 3 * 8,
        "what this data centre's processes wrote is in the one table: {}",
        lines.len()
    );
}

#[test]
fn a_keyspace_that_knows_no_data_centres_is_named() {
    let Some(held) = one() else { return };
    let keyspace = fresh("simple");
    let options = on_one(&held, &keyspace);
    let made = format!(
        "CREATE KEYSPACE {keyspace} WITH replication = {{'class': 'SimpleStrategy', 'replication_factor': 1}}"
    );
    run(&options, &[&made]);
    let refused = refusal(&options).to_string();
    assert!(refused.contains(&keyspace) && refused.contains("SimpleStrategy"), "{refused}");
}

#[test]
fn a_keyspace_on_other_replicas_than_the_url_says_is_named() {
    let Some(held) = two() else { return };
    let keyspace = fresh("replicas");
    let options =
        |query: &str| Options::parse(&format!("scylla://{}/{keyspace}?{query}", held.hosts())).unwrap();
    let made = format!(
        "CREATE KEYSPACE {keyspace} WITH replication = {{'class': 'NetworkTopologyStrategy', 'eu': 1}}"
    );
    run(&options("dc=eu"), &[&made]);
    let refused = refusal(&options("dc=us")).to_string();
    assert!(refused.contains("eu: 1") && refused.contains("leaves out us"), "{refused}");
    let refused = refusal(&options("dc=eu&replication=eu:1,us:1")).to_string();
    assert!(refused.contains("not as it must be: eu: 1, us: 1"), "{refused}");
    open(&options("dc=eu&replication=eu:1"));
    let store = open(&options("dc=eu"));
    store.create(&name("first")).expect("a generation follows the store's own keyspace");
    let refused = refusal(&options("dc=mars")).to_string();
    assert!(refused.contains("no data centre mars, but eu, us"), "{refused}");
    let refused = refusal(&options("replication=eu:1")).to_string();
    assert!(refused.contains("?dc=") && refused.contains("eu, us"), "{refused}");
}

#[test]
fn a_schema_of_a_newer_release_is_refused_and_left_as_it_is() {
    let Some(held) = one() else { return };
    let keyspace = fresh("newer");
    let options = on_one(&held, &keyspace);
    let store = open(&options);
    store.create(&name("first")).unwrap();
    let generation = store.keyspace(&name("first")).unwrap();
    drop(store);
    let note = |keyspace_name: &str| {
        format!(
            "INSERT INTO {keyspace}.migrations (keyspace_name, version, checksum, applied_at) \
             VALUES ('{keyspace_name}', 7, 'x', 1) USING TIMESTAMP 1795600000000000"
        )
    };
    run(&options, &[&note(&generation)]);
    let refused = refusal(&options);
    assert!(
        matches!(&refused, StoreError::NewerFormat { file, found: 7, known: 1 } if file.contains(&generation)),
        "{refused:?}"
    );
    run(&options, &[&note(&keyspace)]);
    let refused = ScyllaStore::open_with(options, LOG, SUITE).err();
    assert!(matches!(refused, Some(StoreError::NewerFormat { found: 7, known: 1, .. })), "{refused:?}");
}

#[test]
fn a_version_of_the_schema_that_is_not_ours_is_refused() {
    static OTHERS: Schema = Schema {
        tables: SUITE.tables,
        migrations: &[Migration {
            version: 1,
            text: "CREATE TABLE IF NOT EXISTS {keyspace}.t (a int, PRIMARY KEY (a));",
        }],
    };
    let Some(held) = one() else { return };
    let options = on_one(&held, &fresh("others"));
    open(&options).create(&name("first")).unwrap();
    let refused = refusal_with(&options, OTHERS).to_string();
    assert!(refused.contains("version 1 of keyspace"), "{refused}");
}

#[test]
fn a_wrong_password_is_told_at_once_and_not_tried_again() {
    let Some(held) = one() else { return };
    let (user, wrong) = (password("cassandra"), password("hunter2"));
    let url = format!("scylla://{}/{}?user=file:{user}&password=file:{wrong}", held.host(0), fresh("login"));
    let mut options = Options::parse(&url).unwrap();
    options.connect_patience = std::time::Duration::from_secs(120);
    let begun = std::time::Instant::now();
    let refused = refusal(&options);
    assert!(matches!(refused, StoreError::Io { .. }), "{refused:?}");
    assert!(begun.elapsed() < options.connect_patience, "{:?}", begun.elapsed());
    assert!(!format!("{refused:?}").contains("hunter2"));
    let unset = format!("scylla://{}/k?user=env:MIRABELLE_NOBODY&password=file:{user}", held.host(0));
    let refused = refusal(&Options::parse(&unset).unwrap()).to_string();
    assert!(refused.contains("env:MIRABELLE_NOBODY is not set"), "{refused}");
}

#[test]
fn a_column_that_a_newer_version_brings_is_added_once_whoever_adds_it() {
    static NEXT: Schema = Schema {
        tables: SUITE.tables,
        migrations: &[
            SUITE.migrations[0],
            Migration { version: 2, text: "ALTER TABLE {keyspace}.suite_balances ADD pending bigint;" },
        ],
    };
    let Some(held) = one() else { return };
    let keyspace = fresh("next");
    let options = on_one(&held, &keyspace);
    let store = open(&options);
    store.create(&name("first")).unwrap().apply(numbered(1)).unwrap();
    let generation = store.keyspace(&name("first")).unwrap();
    let newer =
        || ScyllaStore::open_with(options.clone(), LOG, NEXT).and_then(|store| store.open(&name("first")));
    newer().unwrap();
    // As one that was killed between the change and its note leaves it, and as another finds it that does the same.
    let forget = format!(
        "DELETE FROM {keyspace}.migrations USING TIMESTAMP 4000000000000000 \
         WHERE keyspace_name = '{generation}' AND version = 2"
    );
    run(&options, &[&forget]);
    assert_eq!(reached(&*newer().unwrap()), 1);
}
