//! A tenant's configuration as one partition has adopted it, and what of it is in force at an instant.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::command::{ConfigKind, TenantMode};
use crate::config::{Campaign, Connection, Product};
use crate::fact::AdoptedVersion;
use crate::ids::Name;
use crate::time::Timestamp;
use crate::worker::MilestoneKind;

/// Versions of one name that are kept. Inputs are decided within days of being accepted; one that would need a
/// version further back than so many changes of the same name finds none in force.
pub const VERSIONS_KEPT: usize = 100;

/// Everything a partition has adopted of one tenant: the state of its account `p:<partition>`.
///
/// **Which version is in force.** Of each name, the version with the latest `effective_at` that is not later than the
/// input's `accepted_at`; of two with the same `effective_at`, the one published later. So a version that is planned
/// for January comes into force in January, even if another one was published after it for December; to change the
/// plan, publish a version with the plan's own `effective_at`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Adopted {
    /// Highest number adopted; all below it are too.
    pub number: u32,
    /// The tenant's mode, from its first version.
    pub mode: TenantMode,
    campaigns: BTreeMap<Name, Vec<Version<Campaign>>>,
    products: BTreeMap<Name, Vec<Version<Product>>>,
    connections: BTreeMap<Name, Vec<Version<Connection>>>,
}

/// One adopted version of a body.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Version<T> {
    /// Version of this kind and name.
    pub version: u32,
    /// In force from then on.
    pub effective_at: Timestamp,
    /// The body.
    pub body: Arc<T>,
}

impl Adopted {
    /// Takes the next version. Its body was checked when it was drafted; one that no longer parses is a broken
    /// invariant of this build, not of the log.
    ///
    /// # Panics
    /// When the number is not the next, or the body does not parse.
    pub fn adopt(&mut self, version: &AdoptedVersion) {
        assert_eq!(version.number, self.number + 1, "versions are adopted one after the other");
        self.number = version.number;
        self.mode = version.mode;
        match version.kind {
            ConfigKind::Campaign => push(&mut self.campaigns, version),
            ConfigKind::Product => push(&mut self.products, version),
            ConfigKind::Connection => push(&mut self.connections, version),
            ConfigKind::Unknown => panic!("a configuration kind of a newer release was adopted here"),
        }
    }

    /// Budgets that a campaign names or named, by name.
    pub fn budgets(&self) -> BTreeSet<&Name> {
        self.campaigns.values().flatten().map(|version| &version.body.budget).collect()
    }

    /// From when on the first version of a connection that is known here is in force.
    pub fn connection_begins(&self, name: &Name) -> Option<Timestamp> {
        self.connections.get(name).and_then(|versions| versions.first()).map(|version| version.effective_at)
    }

    /// What is in force for an input accepted at `at`.
    pub fn at(&self, at: Timestamp) -> InForce<'_> {
        InForce { adopted: self, at }
    }
}

fn push<T: serde::de::DeserializeOwned>(
    versions: &mut BTreeMap<Name, Vec<Version<T>>>,
    version: &AdoptedVersion,
) {
    let body = serde_json::from_str(&version.body).expect("a published body was checked when it was drafted");
    let versions = versions.entry(version.name.clone()).or_default();
    // Behind all that start earlier or at the same time: those were published before.
    let place = versions.partition_point(|earlier| earlier.effective_at <= version.effective_at);
    let adopted =
        Version { version: version.version, effective_at: version.effective_at, body: Arc::new(body) };
    versions.insert(place, adopted);
    if versions.len() > VERSIONS_KEPT {
        versions.remove(0);
    }
}

/// A view of the configuration at one instant; see [`Adopted`] for which version is in force.
#[derive(Clone, Copy, Debug)]
pub struct InForce<'a> {
    adopted: &'a Adopted,
    at: Timestamp,
}

impl<'a> InForce<'a> {
    /// The number of the latest adopted publication: `config_version` of the decision.
    pub fn number(self) -> u32 {
        self.adopted.number
    }

    /// The same configuration at another instant.
    pub fn as_of(self, at: Timestamp) -> InForce<'a> {
        InForce { at, ..self }
    }

    /// The tenant's mode.
    pub fn mode(self) -> TenantMode {
        self.adopted.mode
    }

    /// The campaigns about a kind of milestone, in the order of their names.
    pub fn campaigns(self, kind: MilestoneKind) -> impl Iterator<Item = (&'a Name, &'a Version<Campaign>)> {
        let at = self.at;
        self.adopted.campaigns.iter().filter_map(move |(name, versions)| {
            in_force(versions, at)
                .filter(|version| version.body.milestone == kind)
                .map(|version| (name, version))
        })
    }

    /// A catalogue item.
    pub fn product(self, name: &Name) -> Option<&'a Version<Product>> {
        self.adopted.products.get(name).and_then(|versions| in_force(versions, self.at))
    }

    /// The whole catalogue.
    pub fn products(self) -> impl Iterator<Item = (&'a Name, &'a Version<Product>)> {
        let at = self.at;
        self.adopted.products.iter().filter_map(move |(name, versions)| Some((name, in_force(versions, at)?)))
    }

    /// Every connection.
    pub fn connections(self) -> impl Iterator<Item = (&'a Name, &'a Version<Connection>)> {
        let at = self.at;
        self.adopted
            .connections
            .iter()
            .filter_map(move |(name, versions)| Some((name, in_force(versions, at)?)))
    }

    /// A connection.
    pub fn connection(self, name: &Name) -> Option<&'a Version<Connection>> {
        self.adopted.connections.get(name).and_then(|versions| in_force(versions, self.at))
    }
}

fn in_force<T>(versions: &[Version<T>], at: Timestamp) -> Option<&Version<T>> {
    versions.iter().rev().find(|version| version.effective_at <= at)
}
