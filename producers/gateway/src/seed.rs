//! The directory as the rows have it, for a start that does not read the log from its beginning.

use mirabelle_domain::command::{ConfigKind, Role, TenantMode};
use mirabelle_domain::fact::{
    AdoptedVersion, ConfigurationAdopted, KeyIssued, TenantCreated, VersionPublished,
};
use mirabelle_domain::rows::{Table, Value};
use mirabelle_domain::tables::{adoptions, config_versions, keys, tenants};
use mirabelle_domain::{Digest, MemberId, TenantId, Timestamp};
use mirabelle_store::{Found, Rows, StoreError};

use crate::directory::Directory;

const PAGE: usize = 1_000;

/// Fills an empty directory.
pub fn directory(rows: &dyn Rows, directory: &Directory) -> Result<(), StoreError> {
    each(rows, &tenants::TABLE, |row| tenant(directory, row))?;
    each(rows, &keys::TABLE, |row| key(directory, row))?;
    let mut versions = Vec::new();
    each(rows, &config_versions::TABLE, |row| versions.extend(version(directory, row)))?;
    versions.sort_by_key(|(_, version)| version.number);
    for (tenant, version) in versions {
        let published = VersionPublished { version, drafter: String::new(), publisher: String::new() };
        directory.see(&tenant, 0, &published.into());
    }
    each(rows, &adoptions::TABLE, |row| adoption(directory, row))
}

fn each(rows: &dyn Rows, table: &'static Table, mut see: impl FnMut(&Found)) -> Result<(), StoreError> {
    let mut after: Option<Vec<Value>> = None;
    loop {
        let page = rows.scan_table(table, after.as_deref(), PAGE)?;
        page.iter().for_each(&mut see);
        if page.len() < PAGE {
            return Ok(());
        }
        after = page.last().map(|row| row.key.clone());
    }
}

fn tenant_of(row: &Found) -> Option<TenantId> {
    row.text("tenant")?.parse().ok()
}

fn mode(text: &str) -> TenantMode {
    match text {
        "sandbox" => TenantMode::Sandbox,
        "synthetic" => TenantMode::Synthetic,
        _ => TenantMode::Live,
    }
}

fn tenant(directory: &Directory, row: &Found) {
    let Some(tenant) = tenant_of(row) else { return };
    let text = |name: &str| row.text(name).unwrap_or_default().to_owned();
    let created = TenantCreated {
        title: text("title"),
        mode: mode(&text("mode")),
        zone: text("zone"),
        currency: text("currency"),
        locale: text("locale"),
    };
    directory.see(&tenant, 0, &created.into());
}

fn key(directory: &Directory, row: &Found) {
    let (Some(tenant), Some("issued")) = (tenant_of(row), row.text("state")) else { return };
    let bits = |name: &str| row.bytes(name).and_then(|bytes| <[u8; 16]>::try_from(bytes).ok());
    let roles = row.text("roles").unwrap_or_default().split(',').filter(|role| !role.is_empty());
    let issued = (|| {
        Some(KeyIssued {
            key_id: row.text("key_id")?.parse().ok()?,
            hash: Digest(bits("hash")?),
            client: row.text("client")?.parse().ok()?,
            roles: roles.map(role).collect(),
            member: bits("member").map(MemberId),
            connection: row.text("connection").and_then(|name| name.parse().ok()),
            expires_at: row.int("expires_at").map(Timestamp),
        })
    })();
    if let Some(issued) = issued {
        directory.see(&tenant, 0, &issued.into());
    }
}

/// A role by its name; one of a newer release may do nothing.
pub fn role(name: &str) -> Role {
    serde_json::from_value(serde_json::Value::String(name.to_owned())).unwrap_or(Role::Unknown)
}

fn version(directory: &Directory, row: &Found) -> Option<(TenantId, AdoptedVersion)> {
    let tenant = tenant_of(row)?;
    let number = u32::try_from(row.int("number")?).ok()?;
    let kind = serde_json::from_value(serde_json::Value::String(row.text("kind")?.to_owned()));
    let mode = directory.tenant(&tenant).map_or(TenantMode::Live, |tenant| tenant.mode);
    let version = AdoptedVersion {
        number,
        kind: kind.unwrap_or(ConfigKind::Unknown),
        name: row.text("name")?.parse().ok()?,
        version: u32::try_from(row.int("version")?).ok()?,
        body: row.text("body")?.to_owned(),
        effective_at: Timestamp(row.int("effective_at")?),
        mode,
    };
    (row.text("state") == Some("published")).then_some((tenant, version))
}

fn adoption(directory: &Directory, row: &Found) {
    let (Some(tenant), Some(partition)) = (tenant_of(row), row.int("partition")) else { return };
    let number = row.int("number").and_then(|number| u32::try_from(number).ok()).unwrap_or(0);
    let version = AdoptedVersion {
        number,
        kind: ConfigKind::Unknown,
        name: match row.text("name").and_then(|name| name.parse().ok()) {
            Some(name) => name,
            None => return,
        },
        version: 0,
        body: String::new(),
        effective_at: Timestamp(0),
        mode: TenantMode::Live,
    };
    let partition = u16::try_from(partition).unwrap_or(u16::MAX);
    directory.see(&tenant, partition, &ConfigurationAdopted { version }.into());
}
