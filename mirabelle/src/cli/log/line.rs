//! A record as one JSON object.

use mirabelle_domain::{Command, Fact, Timestamp};
use mirabelle_ledger::Seen;
use mirabelle_log::{Partition, Record, Topic};
use mirabelle_schemas::record::{
    Claim, CommandRecord, DeadLetter, Decision, FactRecord, FactsRecord, LogCreated,
};
use mirabelle_schemas::{decode_body, decode_command, decode_dead_letter, decode_fact};
use serde_json::{Value as Json, json};

use super::dump::verdict;

/// A record of `facts` with what the reading rule makes of it.
pub(super) fn of_facts(partition: Partition, seen: &Seen) -> Json {
    let (name, alarm) = verdict(&seen.verdict);
    let mut line = json!({
        "topic": Topic::Facts.name(),
        "partition": partition.0,
        "offset": seen.offset.0,
        "appended_at": Timestamp(seen.appended_at).to_string(),
        "verdict": name,
    });
    if let Some(alarm) = alarm {
        line["alarm"] = json!(alarm);
    }
    match seen.record.as_ref().map(|(record, _)| record) {
        Some(FactsRecord::Created(root)) => line["root"] = created(root),
        Some(FactsRecord::Claim(one)) => line["claim"] = claim(one),
        Some(FactsRecord::Decision(one)) => line["decision"] = decision(one),
        None => {}
    }
    without_nulls(line)
}

/// A record of any other topic.
pub(super) fn of_other(topic: Topic, partition: Partition, record: &Record) -> Json {
    let mut line = json!({
        "topic": topic.name(),
        "partition": partition.0,
        "offset": record.offset.0,
        "appended_at": Timestamp(record.appended_at).to_string(),
    });
    let (value, fingerprint) = (&record.entry.value, record.entry.fingerprint);
    let read = match topic {
        Topic::DeadLetters => decode_dead_letter(value, fingerprint).map(|one| ("dead_letter", letter(&one))),
        _ => decode_command(value, fingerprint).map(|(one, _)| ("command", command(&one))),
    };
    match read {
        Ok((name, body)) => line[name] = body,
        Err(unreadable) => {
            line["unreadable"] = json!(unreadable.to_string());
            line["bytes"] = json!(value.len());
        }
    }
    without_nulls(line)
}

fn created(root: &LogCreated) -> Json {
    json!({
        "log_id": hex(&root.log_id),
        "partition": root.partition,
        "partitions": root.partitions,
        "format": root.format,
        "at": Timestamp(root.at).to_string(),
    })
}

fn claim(claim: &Claim) -> Json {
    json!({
        "epoch": claim.epoch,
        "claim": format!("{:016x}", claim.claim),
        "owner": claim.owner,
        "build": claim.build,
        "domain_revision": claim.domain_revision,
        "head": {
            "epoch": claim.head.epoch,
            "seq": claim.head.seq,
            "digest": claim.head.digest.to_string(),
        },
    })
}

fn decision(decision: &Decision) -> Json {
    let topic = Topic::INPUTS.get(usize::from(decision.cursor.topic)).map(|topic| topic.name());
    json!({
        "epoch": decision.epoch,
        "claim": format!("{:016x}", decision.claim),
        "seq": decision.seq,
        "at": Timestamp(decision.at).to_string(),
        "tenant": decision.account.tenant,
        "account": decision.account.key,
        "command": command_name(decision.input_kind),
        "command_id": decision.command_id.to_string(),
        "input_digest": decision.input_digest.to_string(),
        "accepted_at": Timestamp(decision.accepted_at).to_string(),
        "actor": decision.actor,
        "reason": decision.reason,
        "cursor": { "topic": topic, "offset": decision.cursor.offset },
        "config_version": decision.config_version,
        "facts": decision.facts.iter().map(fact).collect::<Vec<_>>(),
        "prev_digest": decision.prev_digest.to_string(),
    })
}

fn fact(record: &FactRecord) -> Json {
    let name = Fact::KINDS.iter().find(|(kind, _)| *kind == record.kind).map(|(_, name)| *name);
    let mut line = json!({ "kind": record.kind, "name": name, "schema": record.schema });
    match decode_fact(record) {
        Ok(fact) => line["body"] = body(&fact),
        Err(unreadable) => line["unreadable"] = json!(unreadable.to_string()),
    }
    line
}

fn command(record: &CommandRecord) -> Json {
    let mut line = json!({
        "id": record.id.to_string(),
        "tenant": record.account.tenant,
        "account": record.account.key,
        "namespace": record.namespace,
        "client": record.client,
        "key": record.key,
        "kind": record.kind,
        "name": command_name(record.kind),
        "schema": record.schema,
        "digest": record.digest.to_string(),
        "actor": record.actor,
        "reason": record.reason,
        "local_day": record.local_day.map(|day| day.to_string()),
        "tzdb": record.tzdb,
        "cause": record.cause,
    });
    match decode_body(record.kind, record.schema, &record.body) {
        Ok(command) => line["body"] = body(&command),
        Err(unreadable) => line["unreadable"] = json!(unreadable.to_string()),
    }
    line
}

fn command_name(kind: u16) -> Option<&'static str> {
    Command::KINDS.iter().find(|(number, _)| *number == kind).map(|(_, name)| *name)
}

fn letter(letter: &DeadLetter) -> Json {
    json!({
        "reason": letter.reason,
        "detail": letter.detail,
        "tenant": letter.tenant,
        "origin": letter.origin,
        "source_id": letter.source_id,
        "sealed": letter.sealed.as_ref().map(body),
        "raw_bytes": letter.raw.as_ref().map(|raw| raw.len()),
        "at": Timestamp(letter.at).to_string(),
    })
}

/// A body as JSON, byte strings as hexadecimal digits. What is sealed is its ciphertext and no more.
fn body(body: &impl serde::Serialize) -> Json {
    let json = serde_json::to_value(body);
    sealed_as_hex(json.unwrap_or_else(|error| json!({ "unreadable": error.to_string() })))
}

fn sealed_as_hex(json: Json) -> Json {
    match json {
        Json::Object(mut members) if members.contains_key("key_ref") => {
            for name in ["nonce", "bytes"] {
                if let Some(Json::Array(bytes)) = members.get(name) {
                    let bytes: Vec<u8> =
                        bytes.iter().filter_map(|byte| u8::try_from(byte.as_u64()?).ok()).collect();
                    members.insert(name.to_owned(), json!(hex(&bytes)));
                }
            }
            Json::Object(members)
        }
        Json::Object(members) => {
            Json::Object(members.into_iter().map(|(name, value)| (name, sealed_as_hex(value))).collect())
        }
        Json::Array(elements) => elements.into_iter().map(sealed_as_hex).collect(),
        other => other,
    }
}

/// Without members that are null, at any depth.
fn without_nulls(json: Json) -> Json {
    match json {
        Json::Object(members) => {
            let told = members.into_iter().filter(|(_, value)| !value.is_null());
            Json::Object(told.map(|(name, value)| (name, without_nulls(value))).collect())
        }
        Json::Array(elements) => elements.into_iter().map(without_nulls).collect(),
        other => other,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use mirabelle_domain::Digest;
    use mirabelle_ledger::Verdict;
    use mirabelle_log::Offset;
    use mirabelle_schemas::record::ClaimedHead;

    use super::*;

    #[test]
    fn a_dumped_record_says_what_the_reading_rule_made_of_it() {
        let head = ClaimedHead { epoch: 2, seq: 1_041, digest: Digest([7; 16]) };
        let (owner, build) = ("host-3".to_owned(), "0.1.0".to_owned());
        let claim = Claim { epoch: 3, claim: 0xab, owner, build, domain_revision: 1, head };
        let mut seen = Seen {
            offset: Offset(12),
            appended_at: 1_750_000_000_000_000,
            verdict: Verdict::StaleClaim,
            record: Some((FactsRecord::Claim(claim), Bytes::new())),
            trace: None,
        };
        let line = of_facts(Partition(5), &seen);
        assert_eq!(
            (&line["verdict"], &line["partition"], &line["offset"]),
            (&json!("stale_claim"), &json!(5), &json!(12))
        );
        assert_eq!(
            (&line["claim"]["claim"], &line["claim"]["head"]["seq"]),
            (&json!("00000000000000ab"), &json!(1_041))
        );
        seen.verdict = Verdict::Stop(mirabelle_ledger::Alarm::NoRoot);
        let line = of_facts(Partition(5), &seen);
        assert_eq!(line["verdict"], "stop");
        assert!(line["alarm"].as_str().unwrap().contains("root"), "{line}");
    }

    #[test]
    fn what_is_sealed_is_dumped_as_its_ciphertext() {
        let sealed =
            mirabelle_domain::Sealed { key_ref: "m1".to_owned(), nonce: vec![1, 0xab], bytes: vec![0xff] };
        let dumped = body(&json!({ "a": [serde_json::to_value(&sealed).unwrap()] }));
        assert_eq!(dumped, json!({ "a": [{ "key_ref": "m1", "nonce": "01ab", "bytes": "ff" }] }));
    }
}
