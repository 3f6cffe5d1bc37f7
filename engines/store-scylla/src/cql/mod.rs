//! Every CQL statement of this engine, and nothing else: this file and the migrations beside it.
//!
//! A test reads them all and refuses what ScyllaDB and Cassandra do not share, every write without `USING TIMESTAMP`,
//! conditions, counters and lists. Values are always bound, names always quoted.

use std::fmt::Write as _;

use mirabelle_domain::rows::{Table, Type};
use mirabelle_domain::tables;

/// One step from one version of a keyspace's schema to the next. What was once shipped is never changed: its
/// checksum is kept where it was applied.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// Rising from 1.
    pub version: u32,
    /// Statements, ended by `;`, with `{keyspace}` in the place of the keyspace; `--` begins a comment.
    pub text: &'static str,
}

impl Migration {
    /// The statements for a keyspace.
    pub fn statements(&self, keyspace: &str) -> Vec<String> {
        let lines = self.text.lines().filter(|line| !line.trim_start().starts_with("--"));
        let text: Vec<&str> = lines.collect();
        let pieces = text.join("\n");
        let named = |piece: &str| piece.trim().replace("{keyspace}", &quoted(keyspace));
        pieces.split(';').map(named).filter(|piece| !piece.is_empty()).collect()
    }

    /// Tells whether a text is the one that was applied.
    pub fn checksum(&self) -> String {
        blake3::hash(self.text.as_bytes()).to_hex()[..32].to_owned()
    }
}

/// The tables of a generation, and how they came to be.
#[derive(Clone, Copy, Debug)]
pub struct Schema {
    /// The tables that rows may be of.
    pub tables: &'static [&'static Table],
    /// From nothing to these tables.
    pub migrations: &'static [Migration],
}

/// The schema of the domain's tables.
pub static ROWS: Schema = Schema {
    tables: &tables::ALL,
    migrations: &[Migration { version: 1, text: include_str!("rows-1.cql") }],
};

/// The schema of the store's own keyspace.
pub static META: &[Migration] = &[Migration { version: 1, text: include_str!("meta-1.cql") }];

/// A name as CQL takes it, whatever words it reserves.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn full(keyspace: &str, table: &str) -> String {
    format!("{}.{}", quoted(keyspace), quoted(table))
}

fn names(columns: &[(&str, Type)]) -> Vec<String> {
    columns.iter().map(|(name, _)| quoted(name)).collect()
}

fn marks(count: usize) -> String {
    vec!["?"; count].join(", ")
}

fn equal(columns: &[(&str, Type)]) -> String {
    names(columns).iter().map(|name| format!("{name} = ?")).collect::<Vec<_>>().join(" AND ")
}

/// A keyspace on `replicas` in each data centre.
pub fn create_keyspace<'a>(
    keyspace: &str,
    replicas: impl IntoIterator<Item = (&'a String, &'a usize)>,
) -> String {
    let mut factors = String::new();
    for (dc, factor) in replicas {
        let _ = write!(factors, ", '{}': {factor}", dc.replace('\'', "''"));
    }
    format!(
        "CREATE KEYSPACE IF NOT EXISTS {} WITH replication = {{'class': 'NetworkTopologyStrategy'{factors}}}",
        quoted(keyspace)
    )
}

/// A keyspace goes with all that it holds.
pub fn drop_keyspace(keyspace: &str) -> String {
    format!("DROP KEYSPACE IF EXISTS {}", quoted(keyspace))
}

/// How a keyspace is replicated. Binds its name.
pub const REPLICATION: &str = "SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = ?";

/// A row's cells. Binds its key, its columns, the stamp.
pub fn insert(keyspace: &str, table: &Table) -> String {
    let mut columns = names(table.partition);
    columns.extend(names(table.clustering));
    columns.extend(names(table.columns));
    let (to, values) = (full(keyspace, table.name), marks(columns.len()));
    format!("INSERT INTO {to} ({}) VALUES ({values}) USING TIMESTAMP ?", columns.join(", "))
}

/// A whole row goes. Binds the stamp, its key.
pub fn delete(keyspace: &str, table: &Table) -> String {
    let mut key = equal(table.partition);
    for (name, _) in table.clustering {
        let _ = write!(key, " AND {} = ?", quoted(name));
    }
    format!("DELETE FROM {} USING TIMESTAMP ? WHERE {key}", full(keyspace, table.name))
}

/// Cells with their stamps.
fn cells(table: &Table) -> String {
    let cell = |name: &String| format!("{name}, WRITETIME({name})");
    names(table.columns).iter().map(cell).collect::<Vec<_>>().join(", ")
}

/// One row: its cells with their stamps. Binds its key.
pub fn get(keyspace: &str, table: &Table) -> String {
    let mut key = equal(table.partition);
    for (name, _) in table.clustering {
        let _ = write!(key, " AND {} = ?", quoted(name));
    }
    format!("SELECT {} FROM {} WHERE {key}", cells(table), full(keyspace, table.name))
}

/// A bound of a scan: how many clustering values it has, and whether the rows that begin with them are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Edge {
    /// How many of the clustering columns.
    pub columns: usize,
    /// Rows that begin with the values are in.
    pub included: bool,
}

/// Rows of one partition key: clustering values, then cells with their stamps. Binds the partition's key, the lower
/// bound's values, the upper bound's values, the limit.
pub fn scan(keyspace: &str, table: &Table, low: Option<Edge>, high: Option<Edge>, reverse: bool) -> String {
    let clustering = names(table.clustering);
    // One form for both bounds: servers do not take a mixture.
    let single = [low, high].into_iter().flatten().all(|edge| edge.columns == 1);
    let bound = |edge: Edge, sign: char| {
        let with = if edge.included { "=" } else { "" };
        if single {
            return format!(" AND {} {sign}{with} ?", clustering[0]);
        }
        format!(" AND ({}) {sign}{with} ({})", clustering[..edge.columns].join(", "), marks(edge.columns))
    };
    let mut text = format!(
        "SELECT {} FROM {} WHERE {}",
        clustering.iter().map(|name| format!("{name}, ")).collect::<String>() + &cells(table),
        full(keyspace, table.name),
        equal(table.partition)
    );
    text.extend(low.filter(|edge| edge.columns > 0).map(|edge| bound(edge, '>')));
    text.extend(high.filter(|edge| edge.columns > 0).map(|edge| bound(edge, '<')));
    if reverse && !clustering.is_empty() {
        let order: Vec<String> = clustering.iter().map(|name| format!("{name} DESC")).collect();
        let _ = write!(text, " ORDER BY {}", order.join(", "));
    }
    text + " LIMIT ?"
}

/// Rows of all partition keys, behind one of them if `behind`: the key, then cells with their stamps. Walks the ring:
/// not for requests. Binds the partition key's values, if `behind`, and the limit.
pub fn walk(keyspace: &str, table: &Table, behind: bool) -> String {
    let (partition, clustering) = (names(table.partition), names(table.clustering));
    let key: String = partition.iter().chain(&clustering).map(|name| format!("{name}, ")).collect();
    let place = match behind {
        true => {
            let key = partition.join(", ");
            format!(" WHERE token({key}) > token({})", marks(partition.len()))
        }
        false => String::new(),
    };
    format!("SELECT {key}{} FROM {}{place} LIMIT ?", cells(table), full(keyspace, table.name))
}

/// Sets a checkpoint: slot [`NEWEST`] or one of the history's. Binds partition, dc, slot, written_at, checkpoint, stamp.
pub fn put_checkpoint(keyspace: &str) -> String {
    let to = full(keyspace, "checkpoints");
    format!(
        "INSERT INTO {to} (partition, dc, slot, written_at, checkpoint) VALUES (?, ?, ?, ?, ?) USING TIMESTAMP ?"
    )
}

/// Slot of the newest checkpoint; the history's slots begin at 0.
pub const NEWEST: i32 = -1;

/// All checkpoints of a partition: dc, slot, written_at, checkpoint, stamp. Binds the partition.
pub fn checkpoints(keyspace: &str) -> String {
    let from = full(keyspace, "checkpoints");
    format!("SELECT dc, slot, written_at, checkpoint, WRITETIME(checkpoint) FROM {from} WHERE partition = ?")
}

/// Notes an applied migration. Binds keyspace, version, checksum, applied_at, stamp.
pub fn put_migration(meta: &str) -> String {
    let to = full(meta, "migrations");
    format!(
        "INSERT INTO {to} (keyspace_name, version, checksum, applied_at) VALUES (?, ?, ?, ?) USING TIMESTAMP ?"
    )
}

/// Migrations that were applied: version, checksum. Binds the keyspace.
pub fn migrations(meta: &str) -> String {
    format!("SELECT version, checksum FROM {} WHERE keyspace_name = ?", full(meta, "migrations"))
}

/// The partition of the store's own notes.
pub const STORE: &str = "store";

/// Notes the log. Binds [`STORE`], its id, the stamp.
pub fn put_log(meta: &str) -> String {
    format!("INSERT INTO {} (store, log_id) VALUES (?, ?) USING TIMESTAMP ?", full(meta, "logs"))
}

/// The logs that the store is about: one. Binds [`STORE`].
pub fn logs(meta: &str) -> String {
    format!("SELECT log_id FROM {} WHERE store = ?", full(meta, "logs"))
}

/// Notes a generation. Binds [`STORE`], name, incarnation, state, the stamp.
pub fn put_generation(meta: &str) -> String {
    let to = full(meta, "generations");
    format!("INSERT INTO {to} (store, name, incarnation, state) VALUES (?, ?, ?, ?) USING TIMESTAMP ?")
}

/// Notes the live generation. Binds [`STORE`], its name, the stamp.
pub fn put_live(meta: &str) -> String {
    format!("INSERT INTO {} (store, live) VALUES (?, ?) USING TIMESTAMP ?", full(meta, "generations"))
}

/// All generations: name, incarnation, state, stamp of the state, the live one's name, stamp of that. Binds [`STORE`].
pub fn generations(meta: &str) -> String {
    let from = full(meta, "generations");
    format!(
        "SELECT name, incarnation, state, WRITETIME(state), live, WRITETIME(live) FROM {from} WHERE store = ?"
    )
}

/// Sets a role's cursor. Binds role, partition, checkpoint, stamp.
pub fn put_cursor(meta: &str) -> String {
    let to = full(meta, "cursors");
    format!("INSERT INTO {to} (role, partition, checkpoint) VALUES (?, ?, ?) USING TIMESTAMP ?")
}

/// A role's cursor: checkpoint, stamp. Binds role, partition.
pub fn cursor(meta: &str) -> String {
    let from = full(meta, "cursors");
    format!("SELECT checkpoint, WRITETIME(checkpoint) FROM {from} WHERE role = ? AND partition = ?")
}
