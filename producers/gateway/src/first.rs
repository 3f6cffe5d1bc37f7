//! The very first key: without it nobody could ask for another.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mirabelle_domain::command::{CreateTenant, IssueKey, Role, TenantMode};
use mirabelle_domain::ids::NotAnId;
use mirabelle_domain::{AccountId, Command, Name, TenantId};
use mirabelle_keys::KeysError;
use mirabelle_ledger::command_append;
use mirabelle_log::{Log, Refused, Topic, View};
use mirabelle_schemas::record::{Actor, ActorKind, CommandRecord, Namespace};
use mirabelle_schemas::{command_id, encode_body, input_digest};

use crate::auth::{SYSTEM, make_key};
use crate::gateway::Gateway;

/// Why the first key could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The key's text could not be kept: nothing was issued.
    #[error("could not keep the first key")]
    Keep(#[source] std::io::Error),
    /// No keys for the installation's own tenant.
    #[error("could not make the keys of the tenant _system")]
    Keys(#[from] KeysError),
    /// The log took nothing.
    #[error("could not ask for the first key")]
    Append(#[from] Refused),
    /// A name of our own is none.
    #[error("a name of the first key is not possible")]
    Name(#[from] NotAnId),
    /// Nobody decided it.
    #[error("the first key was asked for and not decided within {0:?}: is a decider running?")]
    Undecided(Duration),
}

impl Gateway {
    /// On the very first start, when no key is known: issues an operator's key. Its text goes to `keep` before the key
    /// exists, so that no crash leaves a key that nobody has. `None`: there are keys already. Blocks the thread.
    ///
    /// # Errors
    /// When the text can't be kept, or the decider does not decide within `patience`.
    pub fn first_key(
        &mut self,
        keep: impl FnOnce(&str) -> std::io::Result<()>,
        patience: Duration,
    ) -> Result<Option<String>, Error> {
        let state = self.state();
        while self.turn() > 0 {}
        if state.directory.has_keys() {
            return Ok(None);
        }
        let tenant: TenantId = SYSTEM.parse()?;
        // A name of its own: an issue of an earlier start that was cut off can't be in its way.
        let key_id = format!("{SYSTEM}.first-{:08x}", rand::random::<u32>());
        let (text, hash) = make_key(&key_id, &rand::random());
        keep(&text).map_err(Error::Keep)?;
        state.parts.keys.create_tenant(&tenant)?;
        let create = CreateTenant {
            title: "This installation".to_owned(),
            mode: TenantMode::Live,
            zone: "UTC".to_owned(),
            currency: "XXX".to_owned(),
            locale: "en".to_owned(),
        };
        let key_name: Name = key_id.parse()?;
        let issue = IssueKey {
            key_id: key_name,
            hash,
            client: "operator".parse()?,
            roles: vec![Role::Operator],
            member: None,
            connection: None,
            expires_at: None,
        };
        append(&state.parts.log, &tenant, create.into(), "tenant")?;
        append(&state.parts.log, &tenant, issue.into(), &key_id)?;
        let deadline = Instant::now() + patience;
        while state.directory.key(&key_id).is_none() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Error::Undecided(patience));
            }
            let tick = state.parts.log.tick(View::Durable);
            if self.turn() == 0 {
                state.parts.log.wait(View::Durable, tick, left);
            }
        }
        Ok(Some(text))
    }
}

fn append(log: &Arc<dyn Log>, tenant: &TenantId, command: Command, key: &str) -> Result<(), Error> {
    let account = AccountId::configuration(tenant.clone());
    let (client, key) = ("first-start".parse::<Name>()?, key.parse()?);
    let (kind, schema, body) = encode_body(&command);
    let record = CommandRecord {
        id: command_id(Namespace::Operator, &account, &client, &key),
        account,
        namespace: Namespace::Operator,
        kind,
        schema,
        body,
        digest: input_digest(&command),
        actor: Actor {
            principal: client.to_string(),
            kind: ActorKind::Operator,
            on_behalf_of: None,
            credential: None,
            request_id: None,
        },
        client,
        key,
        reason: None,
        local_day: None,
        tzdb: None,
        cause: None,
    };
    let append = command_append(Topic::Commands, &record, log.partitions(), None);
    let append = append.expect("a first command is small");
    Ok(log.append(vec![append])?)
}
