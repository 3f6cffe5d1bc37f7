//! What people settle: lines that no vendor answers, and what they say about people.

use mirabelle_domain::rows::Value;
use mirabelle_domain::tables;
use mirabelle_domain::{AccountId, Command, command::CloseBudget};
use mirabelle_log::{Append, Entry, Log as _, Offset, Partition, ReadLimit, Topic, View};
use mirabelle_schemas::record::{Actor, ActorKind, CommandRecord, Namespace};
use mirabelle_schemas::{command_id, encode_body, encode_command, input_digest, partition_of};
use mirabelle_store::Store as _;
use serde_json::{Value as Json, json};

use crate::client::{Reply, call};
use crate::shop::{self, ASHA, BEN, available, give, keyed, keyed_by};
use crate::world::{Tenant, World, world};

/// A redemption of a product whose vendor is not there: its line goes unanswered.
fn unanswered(shop: &Tenant, key: &str) -> String {
    let body = json!({"member": ASHA, "lines": [{"product": "ring-never"}]});
    let id = keyed(shop, key, "/v1/redemptions", &body).expect(201).json()["id"].as_str().unwrap().to_owned();
    shop.world.until("the vendor has not answered", || {
        let told = shop.world.get(&shop.admin, &format!("/v1/redemptions/{id}"));
        (told.status == 200 && told.json()["lines"][0]["state"] == "unanswered").then_some(())
    });
    id
}

/// Settles a line between two attempts, the next of which may have begun: then once more, under another key. Says under
/// which it was.
fn settle(shop: &Tenant, who: &str, path: &str, body: &Json) -> (String, Reply) {
    let mut tries = 0;
    shop.world.until("the line is settled", || {
        tries += 1;
        let key = format!("settle-{tries}");
        let reply = keyed_by(shop, who, &key, path, body, &[]);
        match reply.status {
            200 => Some((key, reply)),
            _ => {
                assert_eq!(reply.problem(422), "redemption_state");
                None
            }
        }
    })
}

fn open(name: &str) -> Tenant {
    let shop = shop::open(world(), name);
    let ring = json!({"title": "A ring", "points": 200, "delivery": "vendor", "vendor": "sandbox",
        "vendor_product": "ring"});
    shop.configure("product", "ring-never", &ring);
    give(&shop, "g", ASHA, 1_000);
    shop
}

#[test]
fn a_line_whose_vendor_never_answered_is_settled_once_as_delivered_and_its_code_shown() {
    let shop = open("settle-yes");
    let id = unanswered(&shop, "r");
    let path = format!("/v1/redemptions/{id}/settle");
    let body = json!({"line": 0, "outcome": "fulfilled", "codes": ["RING-1041"], "reference": "PO-7",
        "reason": "their hotline read it out to me"});
    let operator = shop.world.operator.clone();
    let of_tenant = format!("{path}?tenant=settle-yes");
    let (key, settled) = settle(&shop, &operator, &of_tenant, &body);
    let told = settled.json();
    assert_eq!(
        (&told["state"], &told["points"], &told["line"]),
        (&json!("fulfilled"), &json!(200), &json!(0))
    );
    assert_eq!((&told["balance"]["available"], &told["balance"]["spent"]), (&json!(800), &json!(200)));
    let again = keyed_by(&shop, &operator, &key, &of_tenant, &body, &[]).expect(200);
    assert_eq!((&again.body, again.header("idempotency-replayed")), (&settled.body, Some("true")));
    // What is settled stays so, whoever says otherwise under another key.
    let failed = json!({"line": 0, "outcome": "failed", "reason": "no, it was not"});
    shop.world.until("the line is over", || {
        let told = shop.world.get(&shop.admin, &format!("/v1/redemptions/{id}")).expect(200).json();
        (told["lines"][0]["state"] == "fulfilled").then_some(())
    });
    assert_eq!(keyed(&shop, "t", &path, &failed).problem(422), "redemption_state");
    let member = shop.key("asha", "member", json!({"member": ASHA}));
    let shown = shop.world.call(&member, "POST", &format!("/v1/redemptions/{id}/reveal"), &[], b"");
    assert_eq!(shown.expect(200).json()["codes"], json!(["RING-1041"]));
    assert_eq!(available(&shop, ASHA), 800);
}

#[test]
fn a_line_that_was_not_delivered_is_settled_so_and_its_points_come_back() {
    let shop = open("settle-no");
    let id = unanswered(&shop, "r");
    let path = format!("/v1/redemptions/{id}/settle");
    let refused = |key: &str, body: Json| keyed(&shop, key, &path, &body);
    assert_eq!(refused("a", json!({"line": 0, "outcome": "failed"})).problem(422), "reason_required");
    assert_eq!(refused("b", json!({"line": 0, "outcome": "maybe", "reason": "x"})).problem(400), "malformed");
    let coded = json!({"line": 0, "outcome": "failed", "codes": ["X"], "reason": "x"});
    assert_eq!(refused("c", coded).problem(400), "malformed");
    assert_eq!(refused("d", json!({"line": 1, "outcome": "failed", "reason": "x"})).problem(422), "invalid");
    let app = shop.key("app", "service", json!({}));
    let good = json!({"line": 0, "outcome": "failed", "reason": "they have no such order"});
    assert_eq!(keyed_by(&shop, &app, "e", &path, &good, &[]).problem(403), "forbidden");
    let told = settle(&shop, &shop.admin, &path, &good).1.json();
    assert_eq!((&told["state"], &told["balance"]["available"]), (&json!("failed"), &json!(1_000)));
    let other = shop::open(world(), "settle-other");
    assert_eq!(keyed(&other, "g", &path, &good).problem(404), "not_found");
    shop.world.until("the points are back", || (available(&shop, ASHA) == 1_000).then_some(()));
    // A vendor who is being asked may answer yet: nobody settles that.
    let body = json!({"member": ASHA, "lines": [{"product": "gift-de-25"}]});
    let young = keyed(&shop, "r2", "/v1/redemptions", &body).expect(201).json();
    let path = format!("/v1/redemptions/{}/settle", young["id"].as_str().unwrap());
    shop.world.until("the redemption is known", || {
        let refused = keyed(&shop, "h", &path, &good);
        (refused.status != 404).then(|| assert_eq!(refused.problem(422), "redemption_state"))
    });
}

#[test]
fn a_voucher_that_is_shown_again_under_its_key_is_listed_again() {
    let shop = shop::open(world(), "shown-again");
    give(&shop, "g", ASHA, 1_000);
    let body = json!({"member": ASHA, "lines": [{"product": "gift-de-25"}]});
    let id =
        keyed(&shop, "r", "/v1/redemptions", &body).expect(201).json()["id"].as_str().unwrap().to_owned();
    let member = shop.key("asha", "member", json!({"member": ASHA}));
    let path = format!("/v1/redemptions/{id}/reveal");
    let reveal = |key: &str, body: &Json| keyed_by(&shop, &member, key, &path, body, &[]);
    let why = json!({"reason": "at the till"});
    shop.world.until("the vendor has delivered", || (reveal("look", &why).status == 200).then_some(()));
    reveal("look", &why).expect(200);
    reveal("other", &json!({})).expect(200);
    let auditor = shop.key("auditor", "auditor", json!({}));
    let looks = shop.world.until("the audit has all looks", || {
        let told = shop.world.get(&auditor, &format!("/v1/redemptions/{id}/explain")).expect(200).json();
        let looks = told["reveals"].as_array().unwrap().clone();
        (looks.len() >= 3).then_some(looks)
    });
    let told: Vec<(&Json, &Json)> = looks.iter().map(|look| (&look["repeated"], &look["reason"])).collect();
    let (till, no) = (json!("at the till"), Json::Null);
    assert_eq!(told[0], (&no, &till));
    assert!(told[1..told.len() - 1].iter().all(|look| *look == (&json!(true), &till)), "{looks:#?}");
    assert_eq!(looks.last().unwrap()["repeated"], no);
}

/// Every text in a topic, and in every row.
fn everything(world: &World) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for topic in Topic::ALL {
        for partition in (0..world.log.partitions()).map(Partition) {
            let mut reader = world.log.reader(topic, partition, Offset(0), View::Durable).unwrap();
            let mut records = Vec::new();
            while {
                reader.read(ReadLimit { records: 1_000, bytes: 16 << 20 }, &mut records).unwrap();
                !records.is_empty()
            } {
                let texts = records.drain(..).map(|record| {
                    let bytes = [&record.entry.key[..], &record.entry.value[..]].concat();
                    (topic.to_string(), String::from_utf8_lossy(&bytes).into_owned())
                });
                all.extend(texts);
            }
        }
    }
    let rows = world.store.live().unwrap();
    for table in tables::ALL {
        for row in rows.scan_table(table, None, usize::MAX).unwrap() {
            let cells = row.cells.iter().map(|cell| &cell.value).chain(&row.key);
            all.extend(cells.map(|value| {
                let text = match value {
                    Value::Text(text) => text.clone(),
                    Value::Int(number) => number.to_string(),
                    Value::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
                };
                (table.name.to_owned(), text)
            }));
        }
    }
    all
}

#[test]
fn what_is_said_about_people_is_sealed_in_topics_and_rows_and_opened_for_those_who_may_see_it() {
    let shop = open("said");
    let post = |key: &str, path: &str, body: &Json| keyed(&shop, key, path, body).expect_success();
    post("a", "/v1/adjustments", &json!({"member": ASHA, "points": -20, "reason": "asha-overclaimed-1"}));
    let add = json!({"member": ASHA, "points": 5, "budget": "spot", "reason": "asha-forgotten-2"});
    post("b", "/v1/adjustments", &add);
    let both = json!({"budget": "spot", "reason": "the-trouble-with-ben-3", "grants": [
        {"member": ASHA, "points": 1, "label": "words-4"}, {"member": BEN, "points": 1}]});
    post("c", "/v1/grants", &both);
    let given = give(&shop, "d", BEN, 30);
    let grant = given["grants"][0]["id"].as_str().unwrap();
    post("e", &format!("/v1/grants/{grant}/reverse"), &json!({"reason": "ben-has-resigned-5"}));
    let id = unanswered(&shop, "f");
    let told = json!({"line": 0, "outcome": "failed", "reason": "asha-told-me-6"});
    settle(&shop, &shop.admin, &format!("/v1/redemptions/{id}/settle"), &told);
    let entries = |who: &str, number: &str| {
        shop.world.get(who, &format!("/v1/members/{number}/statement")).expect(200).json()["entries"].clone()
    };
    let reason_of = |entries: &Json, kind: &str| {
        let all = entries.as_array().unwrap();
        all.iter().find(|entry| entry["kind"] == kind).map(|entry| entry["reason"].clone())
    };
    shop.world.until("the statement has the reversal", || {
        reason_of(&entries(&shop.admin, BEN), "grant_reversed")
            .filter(|reason| reason == "ben-has-resigned-5")
    });
    let (analyst, auditor) = (shop.key("ana", "analyst", json!({})), shop.key("aud", "auditor", json!({})));
    for who in [&shop.admin, &auditor] {
        assert_eq!(reason_of(&entries(who, ASHA), "points_deducted").unwrap(), "asha-overclaimed-1");
    }
    assert_eq!(reason_of(&entries(&analyst, ASHA), "points_deducted"), Some(Json::Null));
    let grant = shop.world.get(&shop.admin, &format!("/v1/grants/{grant}")).expect(200).json();
    assert_eq!(grant["reason"], "ben-has-resigned-5");
    let told = everything(shop.world);
    assert!(told.iter().any(|(table, _)| table == "statement") && told.len() > 1_000, "{}", told.len());
    for words in [
        "asha-overclaimed-1",
        "asha-forgotten-2",
        "the-trouble-with-ben-3",
        "words-4",
        "ben-has-resigned-5",
        "asha-told-me-6",
    ] {
        let open: Vec<_> = told.iter().filter(|(_, text)| text.contains(words)).collect();
        assert!(open.is_empty(), "{words} lies open: {open:?}");
    }
    // Of an erased person nobody reads any more what was said; the sums stay.
    let members = shop.world.get(&shop.admin, &format!("/v1/members/{BEN}")).expect(200).json();
    let member = members["member"].as_str().unwrap().strip_prefix("m:").unwrap().parse().unwrap();
    mirabelle_keys::Keys::erase(&shop.world.keys, &"said".parse().unwrap(), member).unwrap();
    let after = entries(&shop.admin, &format!("m:{member}"));
    assert_eq!(reason_of(&after, "grant_reversed"), Some(Json::Null));
}

#[test]
fn a_command_that_is_taken_and_not_decided_is_pending_and_another_tenants_is_nowhere() {
    let world: &'static World = Box::leak(Box::new(World::start(Default::default())));
    let (mine, other) = (world.tenant("mine"), world.tenant("other"));
    let account = AccountId::budget("mine".parse().unwrap(), "later".parse().unwrap());
    let partition = Partition(partition_of(&account, world.log.partitions()));
    // From here on nothing is decided there: a record that only a newer release can read.
    let value = (&b"\0\0\0\x07\xd2a decision of tomorrow"[..]).into();
    let entry = Entry { key: Default::default(), fingerprint: 0x1041, value, trace: None };
    world.log.append(vec![Append { topic: Topic::Facts, partition, entry, done: None }]).unwrap();
    world.until("the partition has stopped, and the process is well", || {
        let ready = call(world.admin, "GET", "/readyz", &[], b"");
        assert_eq!(call(world.admin, "GET", "/livez", &[], b"").expect(200).text(), "ok\n");
        (ready.status == 503).then_some(())
    });
    let place = "/v1/commands/k-1?account=b:later";
    assert_eq!(world.get(&mine.admin, place).problem(404), "not_found");
    let keys = world.get(&mine.admin, "/v1/keys").expect(200).json();
    let client = keys["keys"].as_array().unwrap().iter().find(|key| key["roles"] == json!(["admin"]));
    let client = client.unwrap_or_else(|| panic!("{keys}"))["client"].as_str().unwrap().parse().unwrap();
    let command: Command = CloseBudget {}.into();
    let (kind, schema, body) = encode_body(&command);
    let key = "k-1".parse().unwrap();
    let record = CommandRecord {
        id: command_id(Namespace::Client, &account, &client, &key),
        account,
        namespace: Namespace::Client,
        client,
        key,
        kind,
        schema,
        body,
        digest: input_digest(&command),
        actor: Actor {
            principal: "admin".to_owned(),
            kind: ActorKind::Key,
            on_behalf_of: None,
            credential: None,
            request_id: None,
        },
        reason: None,
        local_day: None,
        tzdb: None,
        cause: None,
    };
    let encoded = encode_command(&record);
    let entry = Entry {
        key: Default::default(),
        fingerprint: encoded.fingerprint,
        value: encoded.value,
        trace: None,
    };
    world.log.append(vec![Append { topic: Topic::Commands, partition, entry, done: None }]).unwrap();
    let told = world.until("it is taken", || {
        let told = world.get(&mine.admin, place);
        (told.status == 202).then_some(told)
    });
    assert_eq!(told.header("retry-after"), Some("1"));
    let body = told.json();
    assert_eq!(
        (&body["state"], &body["key"], &body["account"]),
        (&json!("pending"), &json!("k-1"), &json!("b:later"))
    );
    assert_eq!(world.get(&other.admin, place).problem(404), "not_found");
    assert_eq!(world.get(&mine.admin, "/v1/commands/k-1?account=b:sooner").problem(404), "not_found");
}
