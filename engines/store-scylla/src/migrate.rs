//! Keyspaces and their schema, brought to the version that this build knows.
//!
//! Two processes may do this at once: every statement says `IF NOT EXISTS`, all go through one node, a version is
//! noted when all nodes agree on what it made, and a note that is written twice is the same note.

use std::collections::BTreeMap;

use mirabelle_domain::rows::Value;
use mirabelle_store::StoreError;
use tracing::warn;

use crate::bind::{Bound, Values};
use crate::clock::now;
use crate::cql::{self, Migration};
use crate::session::Servers;

impl Servers {
    /// Makes a keyspace if there is none, and refuses one that is not replicated as it must be.
    pub(crate) async fn keyspace(&self, keyspace: &str) -> Result<(), StoreError> {
        let mut found = self.replication(keyspace).await?;
        if found.is_none() {
            // What the cluster looks like at this moment is no answer: a data centre may be missing that was only just
            // started, and rows that it never gets are not missed.
            let replicas = self.options.replication.as_ref().or_else(|| self.replicas.get());
            let replicas = replicas.ok_or_else(|| {
                let reason =
                    format!("there is no keyspace {keyspace}: say replication=dc:replicas,… to have it made");
                self.unfit(reason)
            })?;
            self.change_schema(&[cql::create_keyspace(keyspace, replicas)]).await?;
            found = self.replication(keyspace).await?;
        }
        let found =
            found.ok_or_else(|| self.unfit(format!("keyspace {keyspace} was made and is not there")))?;
        self.check_replication(keyspace, found)
    }

    async fn replication(&self, keyspace: &str) -> Result<Option<BTreeMap<String, String>>, StoreError> {
        let statement = self.prepare(cql::REPLICATION).await?;
        let act = format!("read how keyspace {keyspace} is replicated");
        let values = Values(vec![keyspace.into()]);
        Ok(self.read(&act, &statement, &values, 1, |columns| columns.texts()).await?.pop())
    }

    fn check_replication(
        &self,
        keyspace: &str,
        mut found: BTreeMap<String, String>,
    ) -> Result<(), StoreError> {
        let class = found.remove("class").unwrap_or_default();
        let class = class.rsplit('.').next().unwrap_or_default();
        let shown = || {
            let factors: Vec<String> = found.iter().map(|(dc, factor)| format!("{dc}: {factor}")).collect();
            format!("keyspace {keyspace} is replicated by {class} ({})", factors.join(", "))
        };
        if class != "NetworkTopologyStrategy" {
            return Err(self.unfit(format!("{}, not by NetworkTopologyStrategy", shown())));
        }
        let replicas = |dc: &str| found.get(dc).map_or(0, |factor| factors(factor));
        if replicas(&self.dc) == 0 {
            return Err(self.unfit(format!("{}, which leaves out {}", shown(), self.dc)));
        }
        if replicas(&self.dc) < 3 {
            let (dc, replicas) = (&self.dc, replicas(&self.dc));
            warn!(keyspace, %dc, replicas, "fewer than three replicas: a node that dies may take acknowledged rows with it");
        }
        let all = found.iter().map(|(dc, text)| (dc.clone(), factors(text)));
        let own: BTreeMap<String, usize> = all.filter(|(_, factor)| *factor > 0).collect();
        let first = self.replicas.get_or_init(|| own.clone());
        let wanted = self.options.replication.as_ref().unwrap_or(first);
        if *wanted == own {
            return Ok(());
        }
        let wanted: Vec<String> = wanted.iter().map(|(dc, factor)| format!("{dc}: {factor}")).collect();
        Err(self.unfit(format!("{}, which is not as it must be: {}", shown(), wanted.join(", "))))
    }

    /// Applies what is missing of `known` to a keyspace; the notes stand in keyspace `meta`.
    pub(crate) async fn migrate(
        &self,
        meta: &str,
        keyspace: &str,
        known: &[Migration],
    ) -> Result<(), StoreError> {
        if meta == keyspace {
            // The first version makes the table of the notes itself, and making it again changes nothing.
            let first = known.first().map(|first| first.statements(keyspace)).unwrap_or_default();
            if self.prepare(&cql::migrations(meta)).await.is_err() {
                self.change_schema(&first).await?;
            }
        }
        let statement = self.prepare(&cql::migrations(meta)).await?;
        let act = format!("read the versions of keyspace {keyspace}");
        let values = Values(vec![keyspace.into()]);
        let applied = self
            .read(&act, &statement, &values, usize::MAX, |columns| {
                let version = columns.small()?.and_then(|version| u32::try_from(version).ok());
                Ok((version.ok_or("no version")?, columns.text()?.unwrap_or_default()))
            })
            .await?;
        let applied: BTreeMap<u32, String> = applied.into_iter().collect();
        let newest = known.last().map_or(0, |last| last.version);
        if let Some((&found, _)) = applied.last_key_value().filter(|(version, _)| **version > newest) {
            let file = format!("keyspace {keyspace} of {}", self.options.name());
            return Err(StoreError::NewerFormat { file, found, known: newest });
        }
        for migration in known {
            match applied.get(&migration.version) {
                Some(checksum) if *checksum == migration.checksum() => {}
                Some(_) => {
                    let version = migration.version;
                    return Err(self.unfit(format!(
                        "version {version} of keyspace {keyspace} is not the one that this build knows"
                    )));
                }
                None => self.apply_migration(meta, keyspace, migration).await?,
            }
        }
        Ok(())
    }

    async fn apply_migration(
        &self,
        meta: &str,
        keyspace: &str,
        migration: &Migration,
    ) -> Result<(), StoreError> {
        self.change_schema(&migration.statements(keyspace)).await?;
        let statement = self.prepare(&cql::put_migration(meta)).await?;
        let version = i32::try_from(migration.version).unwrap_or(i32::MAX);
        let values = Values(vec![
            keyspace.into(),
            Bound::Small(version),
            migration.checksum().as_str().into(),
            Bound::Value(Value::Int(now())),
            Bound::Stamp(self.clock.stamp(None)),
        ]);
        self.write(&format!("note version {version} of keyspace {keyspace}"), &statement, &values).await
    }
}

/// Replicas, as a number or as a list of racks.
fn factors(text: &str) -> usize {
    let racks = || text.split(',').filter(|rack| !rack.trim().is_empty()).count();
    text.trim().parse().unwrap_or_else(|_| racks())
}
