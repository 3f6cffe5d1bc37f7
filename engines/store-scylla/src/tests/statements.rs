//! All CQL of this engine is read here, and what must not stand in it refused.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use mirabelle_domain::rows::{Table, Type};
use mirabelle_domain::tables;

use crate::cql::{self, Edge, META, Migration, ROWS};

/// Words that begin a statement.
const VERBS: [&str; 11] = [
    "INSERT INTO",
    "UPDATE ",
    "DELETE ",
    "SELECT ",
    "CREATE ",
    "ALTER ",
    "DROP ",
    "TRUNCATE",
    "BEGIN ",
    "GRANT ",
    "USE ",
];
/// What is not shared by ScyllaDB and Cassandra, or can't be stamped or repeated: conditions, counters, collections
/// that append, secondary and storage-attached indexes, views, functions, clocks of the server.
const REFUSED: [&str; 24] = [
    " IF EXISTS ",
    "IF NOT EXISTS USING",
    " IF \"",
    "COUNTER",
    "LIST<",
    "SET<",
    "MAP<",
    "+ ?",
    "- ?",
    " INDEX",
    "SASI",
    "SAI",
    "MATERIALIZED",
    "FUNCTION",
    "AGGREGATE",
    "NOW()",
    "UUID()",
    "CURRENT",
    "TTL",
    "ALLOW FILTERING",
    "VECTOR",
    "UNIFIEDCOMPACTION",
    "BEGIN BATCH",
    "JSON",
];

/// Every statement that this build can send.
fn all() -> Vec<String> {
    let replicas: BTreeMap<String, usize> = [("eu".to_owned(), 3), ("us".to_owned(), 2)].into();
    let mut all = vec![
        cql::create_keyspace("k", &replicas),
        cql::drop_keyspace("k"),
        cql::REPLICATION.to_owned(),
        cql::put_checkpoint("k"),
        cql::checkpoints("k"),
        cql::put_migration("k"),
        cql::migrations("k"),
        cql::put_log("k"),
        cql::logs("k"),
        cql::put_generation("k"),
        cql::put_live("k"),
        cql::generations("k"),
        cql::put_cursor("k"),
        cql::cursor("k"),
    ];
    for migration in ROWS.migrations.iter().chain(META) {
        all.extend(migration.statements("k"));
    }
    for table in tables::ALL {
        all.extend([cql::insert("k", table), cql::delete("k", table), cql::get("k", table)]);
        all.extend([cql::walk("k", table, false), cql::walk("k", table, true)]);
        let edges = (1..=table.clustering.len()).flat_map(|columns| {
            [Some(Edge { columns, included: true }), Some(Edge { columns, included: false })]
        });
        let edges: Vec<Option<Edge>> = edges.chain([None]).collect();
        for low in &edges {
            for high in &edges {
                all.extend([false, true].map(|reverse| cql::scan("k", table, *low, *high, reverse)));
            }
        }
    }
    all
}

/// What is wrong with a statement.
fn faults(statement: &str) -> Vec<String> {
    let text = statement.to_uppercase();
    let mut faults = Vec::new();
    let writes = ["INSERT", "UPDATE", "DELETE"].iter().any(|verb| text.starts_with(verb));
    if writes && !text.contains(" USING TIMESTAMP ?") {
        faults.push("a write without a stamp".to_owned());
    }
    if writes && text.contains(" IF ") {
        faults.push("a condition".to_owned());
    }
    for verb in ["CREATE", "DROP"] {
        let careful = ["IF NOT EXISTS", "IF EXISTS"].iter().any(|word| text.contains(word));
        if text.starts_with(verb) && !careful {
            faults.push("a change of the schema that can't be repeated".to_owned());
        }
    }
    if text.starts_with("CREATE KEYSPACE") && !text.contains("'CLASS': 'NETWORKTOPOLOGYSTRATEGY'") {
        faults.push("a replication that knows no data centres".to_owned());
    }
    if text.starts_with("TRUNCATE") {
        faults.push("rows go by generation".to_owned());
    }
    let body = text.replace("DROP KEYSPACE IF EXISTS ", "");
    faults.extend(REFUSED.iter().filter(|word| body.contains(**word)).map(|word| format!("{word:?}")));
    // Types of the schema: those that the domain has, and the notes' own.
    for definition in text.lines().filter(|_| text.starts_with("CREATE TABLE")) {
        for column in definition.split(',').map(str::trim).filter(|column| !column.contains(['(', ')'])) {
            let of = column.split_whitespace().nth(1);
            if of.is_some_and(|of| !["TEXT", "BIGINT", "BLOB", "INT"].contains(&of)) {
                faults.push(format!("a column {column}"));
            }
        }
    }
    faults
}

#[test]
fn every_statement_is_stamped_repeatable_and_within_what_both_servers_share() {
    let all = all();
    assert!(all.len() > 300, "{} statements", all.len());
    let wrong: Vec<String> = all
        .iter()
        .flat_map(|statement| faults(statement).into_iter().map(move |fault| format!("{fault}: {statement}")))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn statements_that_must_not_be_are_recognised() {
    let bad = [
        "INSERT INTO k.t (a) VALUES (?)",
        "INSERT INTO k.t (a) VALUES (?) IF NOT EXISTS USING TIMESTAMP ?",
        "INSERT INTO k.t (a) VALUES (?) USING TTL ? AND TIMESTAMP ?",
        "UPDATE k.t SET a = ? WHERE b = ?",
        "UPDATE k.t USING TIMESTAMP ? SET a = a + ? WHERE b = ?",
        "DELETE FROM k.t USING TIMESTAMP ? WHERE a = ? IF EXISTS",
        "CREATE TABLE k.t (a int PRIMARY KEY)",
        "CREATE TABLE IF NOT EXISTS k.t (a counter, PRIMARY KEY (a))",
        "CREATE TABLE IF NOT EXISTS k.t (\n    a int, b list<text>,\n    PRIMARY KEY (a)\n)",
        "CREATE TABLE IF NOT EXISTS k.t (\n    a int, b timeuuid,\n    PRIMARY KEY (a)\n)",
        "CREATE CUSTOM INDEX IF NOT EXISTS ON k.t (a) USING 'StorageAttachedIndex'",
        "CREATE KEYSPACE IF NOT EXISTS k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
        "SELECT a FROM k.t WHERE b = ? ALLOW FILTERING",
        "TRUNCATE k.t",
    ];
    for statement in bad {
        assert!(!faults(statement).is_empty(), "{statement}");
    }
}

fn sources(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => sources(&path, files),
            false => files.push(path),
        }
    }
}

#[test]
fn cql_stands_in_one_place_alone() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let (mut here, mut elsewhere) = (0, Vec::new());
    for file in files.iter().filter(|file| !file.starts_with(root.join("tests"))) {
        let text = fs::read_to_string(file).unwrap();
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        let found = code.filter(|line| VERBS.iter().any(|verb| line.contains(verb))).count();
        if file.starts_with(root.join("cql")) {
            here += found;
        } else if found > 0 {
            elsewhere.push(file.display().to_string());
        }
    }
    assert!(here > 20 && elsewhere.is_empty(), "{here} here, and in {elsewhere:?}");
}

/// Tables by name: columns in their order with their types, and the key as it is written.
type Tables = BTreeMap<String, (Vec<(String, String)>, String)>;

fn plain(text: &str) -> String {
    text.trim().trim_matches('"').to_owned()
}

/// What migrations make, by the two forms in which they are written.
fn made(migrations: &[Migration]) -> Tables {
    let mut made = Tables::new();
    for statement in migrations.iter().flat_map(|migration| migration.statements("k")) {
        if let Some(rest) = statement.strip_prefix("CREATE TABLE IF NOT EXISTS \"k\".") {
            let (name, body) = rest.split_once(" (").unwrap();
            let (columns, key) = body.split_once("PRIMARY KEY ").unwrap();
            let columns = columns.split(',').filter(|column| !column.trim().is_empty());
            let column =
                |column: &str| column.trim().split_once(' ').map(|(name, of)| (plain(name), of.to_owned()));
            let key = key.trim_end().strip_suffix(')').unwrap().trim_end().to_owned();
            made.insert(plain(name), (columns.filter_map(column).collect(), key));
        } else if let Some(rest) = statement.strip_prefix("ALTER TABLE \"k\".") {
            let (name, column) = rest.split_once(" ADD ").unwrap();
            let (column, of) = column.trim().split_once(' ').unwrap();
            made.get_mut(&plain(name)).unwrap().0.push((plain(column), of.to_owned()));
        } else {
            panic!("a migration of a form that this test can't read: {statement}");
        }
    }
    made
}

fn wanted(table: &Table) -> (Vec<(String, String)>, String) {
    let of = |of: Type| match of {
        Type::Text => "text",
        Type::Int => "bigint",
        Type::Bytes => "blob",
    };
    let columns = table.partition.iter().chain(table.clustering).chain(table.columns);
    let quoted = |columns: &[(&str, Type)]| {
        columns.iter().map(|(name, _)| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")
    };
    let mut key = format!("(({})", quoted(table.partition));
    if !table.clustering.is_empty() {
        key = format!("{key}, {}", quoted(table.clustering));
    }
    (columns.map(|(name, kind)| ((*name).to_owned(), of(*kind).to_owned())).collect(), key + ")")
}

#[test]
fn the_migrations_make_exactly_the_tables_of_the_domain() {
    let mut made = made(ROWS.migrations);
    assert!(made.remove("checkpoints").is_some());
    let wanted: Tables = tables::ALL.iter().map(|table| (table.name.to_owned(), wanted(table))).collect();
    assert_eq!(
        made, wanted,
        "a column more needs a migration of its own once this one was shipped: ALTER TABLE {{keyspace}}.\"t\" ADD \"c\" type"
    );
}

#[test]
fn what_was_shipped_of_the_schema_is_as_it_was() {
    let sums = |migrations: &[Migration]| -> Vec<(u32, String)> {
        migrations.iter().map(|migration| (migration.version, migration.checksum())).collect()
    };
    assert_eq!(sums(META), [(1, "1a94a88686d5bcc7393889b244613f60".to_owned())]);
    assert_eq!(sums(ROWS.migrations), [(1, "17a6b52774073ee7be1817b2d9fd5712".to_owned())]);
}
