//! Rows of tenants and their configuration.

use super::collect::{Cells, Rows, bytes, instant, int, name_of, text};
use crate::account::AccountKey;
use crate::command::ConfigKind;
use crate::fact::{
    ConfigurationAdopted, KeyIssued, KeyRevoked, TenantCreated, VersionDrafted, VersionPublished,
    VersionSubmitted, VersionWithdrawn,
};
use crate::ids::Name;
use crate::rows::Value;
use crate::tables::{adoptions, config_versions, keys, tenants};

impl Rows<'_> {
    pub(super) fn tenant_created(&mut self, fact: &TenantCreated) {
        let context = self.context;
        let row = self.row(&tenants::TABLE, vec![context.tenant()]);
        row.set(tenants::TITLE, text(&fact.title));
        row.set(tenants::MODE, name_of(&fact.mode));
        row.set(tenants::ZONE, text(&fact.zone));
        row.set(tenants::CURRENCY, text(&fact.currency));
        row.set(tenants::LOCALE, text(&fact.locale));
        row.set(tenants::CREATED_AT, context.accepted_at());
    }

    fn version(&mut self, kind: ConfigKind, name: &Name, version: u32, state: &str) -> &mut Cells {
        let key = vec![self.context.tenant(), name_of(&kind), text(name.as_str()), int(i64::from(version))];
        let row = self.row(&config_versions::TABLE, key);
        row.set(config_versions::STATE, text(state));
        row
    }

    pub(super) fn version_drafted(&mut self, fact: &VersionDrafted) {
        let accepted_at = self.context.accepted_at();
        let row = self.version(fact.kind, &fact.name, fact.version, "drafted");
        row.set(config_versions::BODY, text(&fact.body));
        row.set_some(config_versions::EFFECTIVE_AT, fact.effective_at.map(instant));
        row.set(config_versions::DRAFTER, text(&fact.drafter));
        row.set(config_versions::DRAFTED_AT, accepted_at);
    }

    pub(super) fn version_submitted(&mut self, fact: &VersionSubmitted) {
        let principal = text(self.context.principal);
        let row = self.version(fact.kind, &fact.name, fact.version, "submitted");
        row.set(config_versions::SUBMITTER, principal);
    }

    pub(super) fn version_published(&mut self, fact: &VersionPublished) {
        let context = self.context;
        let version = &fact.version;
        let row = self.version(version.kind, &version.name, version.version, "published");
        row.set(config_versions::NUMBER, int(i64::from(version.number)));
        row.set(config_versions::BODY, text(&version.body));
        row.set(config_versions::EFFECTIVE_AT, instant(version.effective_at));
        row.set(config_versions::DRAFTER, text(&fact.drafter));
        row.set(config_versions::PUBLISHER, text(&fact.publisher));
        row.set(config_versions::PUBLISHED_AT, context.accepted_at());
        row.set_some(config_versions::REASON, context.reason.map(text));
    }

    pub(super) fn version_withdrawn(&mut self, fact: &VersionWithdrawn) {
        let context = self.context;
        let row = self.version(fact.kind, &fact.name, fact.version, "withdrawn");
        row.set(config_versions::WITHDRAWER, text(context.principal));
        row.set_some(config_versions::REASON, context.reason.map(text));
    }

    fn key(&mut self, key_id: &Name, state: &str) -> &mut Cells {
        let key = vec![self.context.tenant(), text(key_id.as_str())];
        let row = self.row(&keys::TABLE, key);
        row.set(keys::STATE, text(state));
        row
    }

    pub(super) fn key_issued(&mut self, fact: &KeyIssued) {
        let context = self.context;
        let roles: Vec<String> = fact.roles.iter().map(|role| plain(name_of(role))).collect();
        let row = self.key(&fact.key_id, "issued");
        row.set(keys::HASH, bytes(&fact.hash.0));
        row.set(keys::CLIENT, text(fact.client.as_str()));
        row.set(keys::ROLES, Value::Text(roles.join(",")));
        row.set_some(keys::MEMBER, fact.member.map(|member| bytes(&member.0)));
        row.set_some(keys::CONNECTION, fact.connection.as_ref().map(|connection| text(connection.as_str())));
        row.set_some(keys::EXPIRES_AT, fact.expires_at.map(instant));
        row.set(keys::ISSUER, text(context.principal));
        row.set(keys::ISSUED_AT, context.accepted_at());
    }

    pub(super) fn key_revoked(&mut self, fact: &KeyRevoked) {
        let context = self.context;
        let row = self.key(&fact.key_id, "revoked");
        row.set(keys::REVOKER, text(context.principal));
        row.set(keys::REVOKED_AT, context.accepted_at());
    }

    pub(super) fn configuration_adopted(&mut self, fact: &ConfigurationAdopted) {
        let context = self.context;
        let partition = match context.account.key {
            AccountKey::Partition(partition) => partition,
            AccountKey::Member(_) | AccountKey::Budget(_) | AccountKey::Configuration => context.partition,
        };
        let version = &fact.version;
        let row = self.row(&adoptions::TABLE, vec![context.tenant(), int(i64::from(partition))]);
        row.set(adoptions::NUMBER, int(i64::from(version.number)));
        row.set(adoptions::KIND, name_of(&version.kind));
        row.set(adoptions::NAME, text(version.name.as_str()));
        row.set(adoptions::VERSION, int(i64::from(version.version)));
        row.set(adoptions::ADOPTED_AT, context.accepted_at());
    }
}

fn plain(value: Value) -> String {
    match value {
        Value::Text(text) => text,
        Value::Int(number) => number.to_string(),
        Value::Bytes(_) => String::new(),
    }
}
