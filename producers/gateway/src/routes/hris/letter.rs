//! Dead letters: what nobody could read, sealed whole under the tenant's key.

use mirabelle_domain::AccountId;
use mirabelle_log::{Entry, Partition};
use mirabelle_schemas::record::DeadLetter;
use mirabelle_schemas::{encode_dead_letter, partition_of};

use super::outcome::Delivery;
use crate::member::internal;
use crate::problem::Problem;
use crate::state::State;

/// Under this name the bytes of a dead letter are sealed.
pub(super) const FIELD: &str = "dead_letter";

/// Bytes of one letter, clear: sealed and with its frame it is below the largest record. What is longer goes in
/// pieces, in order.
const PIECE: usize = 900_000;

/// The letters for these bytes: one, but for a body that no record holds.
pub(super) fn letters(
    state: &State,
    delivery: &Delivery,
    reason: &str,
    detail: &str,
    source_id: Option<&str>,
    raw: &[u8],
) -> Result<Vec<Entry>, Problem> {
    let pieces: Vec<&[u8]> = if raw.is_empty() { vec![raw] } else { raw.chunks(PIECE).collect() };
    let count = pieces.len();
    let mut entries = Vec::with_capacity(count);
    for (index, piece) in pieces.into_iter().enumerate() {
        let sealed = state.parts.keys.seal_for_tenant(&delivery.tenant, FIELD, piece);
        let detail = match count {
            1 => detail.to_owned(),
            _ => format!("{detail} [piece {} of {count}, {} bytes altogether]", index + 1, raw.len()),
        };
        let letter = DeadLetter {
            reason: reason.to_owned(),
            detail,
            tenant: Some(delivery.tenant.to_string()),
            origin: delivery.name.to_string(),
            source_id: source_id.map(str::to_owned),
            sealed: Some(sealed.map_err(|error| internal(&error))?),
            raw: None,
            at: delivery.now,
        };
        let encoded = encode_dead_letter(&letter);
        entries.push(Entry {
            key: format!("{}/{}", delivery.tenant, delivery.name).into_bytes().into(),
            fingerprint: encoded.fingerprint,
            value: encoded.value,
            trace: delivery.trace.as_ref().map(|trace| trace.clone().into_bytes().into()),
        });
    }
    Ok(entries)
}

/// Where a tenant's dead letters lie: all in one partition, so that pieces keep their order.
pub(super) fn partition(state: &State, delivery: &Delivery) -> Partition {
    let account = AccountId::configuration(delivery.tenant.clone());
    Partition(partition_of(&account, state.parts.log.partitions()))
}
