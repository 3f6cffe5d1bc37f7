//! What HR systems deliver.

use std::io::Write as _;
use std::net::{Shutdown, TcpStream};

use mirabelle_domain::TenantId;
use mirabelle_gateway::Options;
use mirabelle_keys::{ExposeSecret as _, Keys as _};
use mirabelle_log::memory::Fate;
use mirabelle_log::{Log as _, Offset, Partition, ReadLimit, Record, Refused, Topic, View};
use mirabelle_schemas::decode_dead_letter;
use serde_json::{Value as Json, json};

use crate::client::Reply;
use crate::world::{PARTITIONS, Tenant, World, world};

const JSON: &str = "application/json";

/// A worker as Workday's report has one.
pub(crate) fn worker(number: &str, department: &str, more: &Json) -> Json {
    let mut worker = json!({
        "Employee_ID": number, "Worker_Status": "Active", "First_Name": "Ada", "Last_Name": "Quist-Rosamund",
        "Preferred_Name": "Ada Quist-Rosamund", "Email": "ada.quist@example.com", "Date_of_Birth": "1988-02-29-07:00",
        "Hire_Date": "2024-06-10-07:00", "Original_Hire_Date": "2024-06-10-07:00", "Worker_Type": "Employee",
        "Country": "US", "Time_Zone": "America/Los_Angeles", "Department": department, "Location": "Portland",
    });
    more.as_object().unwrap().iter().for_each(|(name, value)| worker[name] = value.clone());
    worker
}

/// A milestone as Workday's report has one.
pub(crate) fn milestone(number: &str, kind: &str, id: &str, day: &str) -> Json {
    json!({ "Employee_ID": number, "Milestone": kind, "Milestone_ID": id, "Milestone_Date": day })
}

pub(crate) fn report(rows: &[Json]) -> Vec<u8> {
    json!({ "Report_Entry": rows }).to_string().into_bytes()
}

pub(crate) fn statuses(reply: &Reply) -> Vec<String> {
    let items = reply.json()["items"].as_array().unwrap().clone();
    items.iter().map(|item| item["status"].as_str().unwrap().to_owned()).collect()
}

pub(crate) fn end(world: &World, topic: Topic) -> u64 {
    (0..PARTITIONS).map(|p| world.log.bounds(topic, Partition(p), View::Durable).unwrap().end.0).sum()
}

pub(crate) fn records(world: &World, topic: Topic) -> Vec<Record> {
    let mut all = Vec::new();
    for partition in (0..PARTITIONS).map(Partition) {
        let mut reader = world.log.reader(topic, partition, Offset(0), View::Durable).unwrap();
        reader.read(ReadLimit { records: usize::MAX, bytes: usize::MAX }, &mut all).unwrap();
    }
    all
}

fn workday(name: &str) -> Tenant {
    let tenant = world().tenant(name);
    tenant.connection("wd", "workday", "wd", "open");
    tenant
}

#[test]
fn a_report_becomes_members_that_those_who_may_see_by_number_and_name() {
    let tenant = workday("door-report");
    let reply =
        tenant.deliver("wd", JSON, &report(&[worker("31001", "Engineering", &json!({}))])).expect(200);
    assert_eq!(statuses(&reply), ["accepted"], "{}", reply.text());
    let member = tenant.member("31001");
    assert_eq!((&member["number"], &member["name"]), (&json!("31001"), &json!("Ada Quist-Rosamund")));
    assert_eq!((&member["department"], &member["hire"]), (&json!("Engineering"), &json!("2024-06-10")));
    let analyst = tenant.key("analyst", "analyst", json!({}));
    let path = format!("/v1/members/{}", member["member"].as_str().unwrap());
    let masked = tenant.world.get(&analyst, &path).expect(200);
    assert_eq!(masked.json()["department"], "Engineering");
    for personal in ["31001", "Quist", "ada."] {
        assert!(!masked.text().contains(personal), "{}", masked.text());
    }
}

#[test]
fn what_is_delivered_twice_is_decided_once_and_said_so() {
    let tenant = workday("door-twice");
    let rows =
        [worker("31001", "Engineering", &json!({})), milestone("31001", "Review", "R-1", "2026-06-12")];
    let first = tenant.deliver("wd", JSON, &report(&rows)).expect(200);
    assert_eq!(statuses(&first), ["accepted", "accepted"], "{}", first.text());
    tenant.member("31001");
    tenant.world.until("both are in the rows", || {
        let again = tenant.deliver("wd", JSON, &report(&rows)).expect(200);
        (statuses(&again) == ["duplicate", "duplicate"]).then_some(())
    });
    // What the rows say already is not even appended.
    let before = records(tenant.world, Topic::Milestones).len();
    tenant.deliver("wd", JSON, &report(&rows)).expect(200);
    let own = |record: &Record| record.entry.key.starts_with(b"door-twice/");
    let after: Vec<_> =
        records(tenant.world, Topic::Milestones).into_iter().skip(before).filter(own).collect();
    assert!(after.is_empty(), "{} appended", after.len());
}

#[test]
fn a_state_that_comes_back_is_news_each_time() {
    let tenant = workday("door-back");
    for department in ["Engineering", "Sales", "Engineering", "Sales"] {
        let reply =
            tenant.deliver("wd", JSON, &report(&[worker("31001", department, &json!({}))])).expect(200);
        assert_eq!(statuses(&reply), ["accepted"], "{department}: {}", reply.text());
        tenant.world.until("the state is recorded", || {
            (tenant.member("31001")["department"] == department).then_some(())
        });
    }
}

#[test]
fn a_bad_item_costs_its_neighbours_nothing() {
    let tenant = workday("door-bad-item");
    let bad = worker("31002", "Sales", &json!({ "Hire_Date": "2024-02-30" }));
    let rows = [worker("31001", "Sales", &json!({})), bad, worker("31003", "Sales", &json!({}))];
    let reply = tenant.deliver("wd", JSON, &report(&rows)).expect(200);
    assert_eq!(statuses(&reply), ["accepted", "dead_letter", "accepted"], "{}", reply.text());
    assert_eq!(reply.json()["items"][1]["reason"], "impossible_date", "{}", reply.text());
    assert!(!reply.text().contains("2024-02-30"), "a reason never holds what was sent: {}", reply.text());
    tenant.member("31003");
    assert_eq!(tenant.world.get(&tenant.admin, "/v1/members/31002").problem(404), "not_found");
}

#[test]
fn a_body_that_nobody_can_read_gets_its_success_and_one_dead_letter() {
    let tenant = workday("door-unreadable");
    let secret = b"{\"Report_Entry\": [{\"Last_Name\": \"Okonkwo-Vale\"";
    let reply = tenant.deliver("wd", JSON, secret).expect(200);
    assert_eq!(statuses(&reply), ["dead_letter"]);
    let letters = tenant.world.get(&tenant.admin, "/v1/dead-letters").expect(200);
    let listed = letters.json()["dead_letters"].as_array().unwrap().clone();
    assert_eq!(listed.len(), 1, "{}", letters.text());
    assert_eq!((&listed[0]["origin"], &listed[0]["reason"]), (&json!("wd"), &json!("truncated")));
    assert!(!letters.text().contains("Okonkwo"));
    // Whole, and sealed under the tenant's key.
    let kept = records(tenant.world, Topic::DeadLetters).into_iter().find_map(|record| {
        let letter = decode_dead_letter(&record.entry.value, record.entry.fingerprint).unwrap();
        (letter.tenant.as_deref() == Some("door-unreadable")).then_some(letter)
    });
    let sealed = kept.unwrap().sealed.unwrap();
    let of: TenantId = "door-unreadable".parse().unwrap();
    let clear = tenant.world.keys.open_for_tenant(&of, "dead_letter", &sealed).unwrap();
    assert_eq!(clear.expose_secret(), secret);
}

#[test]
fn a_body_longer_than_a_record_is_kept_in_pieces_that_are_the_whole() {
    let tenant = workday("door-pieces");
    let mut random = 7_u64;
    let body: Vec<u8> = std::iter::repeat_with(|| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (random >> 56) as u8
    })
    .take(2_500_000)
    .collect();
    assert_eq!(statuses(&tenant.deliver("wd", JSON, &body).expect(200)), ["dead_letter"]);
    let of: TenantId = "door-pieces".parse().unwrap();
    let mut whole = Vec::new();
    for record in records(tenant.world, Topic::DeadLetters) {
        let letter = decode_dead_letter(&record.entry.value, record.entry.fingerprint).unwrap();
        if letter.tenant.as_deref() == Some("door-pieces") {
            let clear =
                tenant.world.keys.open_for_tenant(&of, "dead_letter", &letter.sealed.unwrap()).unwrap();
            whole.extend_from_slice(clear.expose_secret());
        }
    }
    assert!(whole == body, "{} of {} bytes", whole.len(), body.len());
}

#[test]
fn successfactors_is_answered_in_its_own_shape_readable_or_not() {
    let tenant = world().tenant("door-soap");
    tenant.connection("sf", "success_factors", "sf", "open");
    let sample = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../schemas/samples/hris/demo/successfactors/03-promotion.xml"
    );
    let body = std::fs::read(sample).unwrap();
    let cut = &body[..body.len() - 40];
    for body in [&body[..], cut] {
        let reply = tenant.deliver("sf", "text/xml; charset=utf-8", body).expect(200);
        assert_eq!(reply.header("content-type"), Some("text/xml; charset=utf-8"));
        assert!(
            reply.text().contains("ExternalEventResponse") && reply.text().contains(">200<"),
            "{}",
            reply.text()
        );
    }
    let letters = tenant.world.get(&tenant.admin, "/v1/dead-letters").expect(200).json();
    assert_eq!(letters["dead_letters"].as_array().unwrap().len(), 1);
    let hostile = b"<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY b \"b\">]><a>&b;</a>";
    tenant.deliver("sf", "text/xml", hostile).expect(200);
    let letters = tenant.world.get(&tenant.admin, "/v1/dead-letters").expect(200).json();
    assert_eq!(letters["dead_letters"][1]["reason"], "doctype_refused", "{letters}");
}

#[test]
fn a_source_id_with_other_content_is_refused_and_what_stood_stands() {
    let tenant = world().tenant("door-reused");
    tenant.connection("sf", "success_factors", "sf", "open");
    let sample = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../schemas/samples/hris/demo/successfactors/03-promotion.xml"
    );
    let body = std::fs::read_to_string(sample).unwrap();
    tenant.deliver("sf", "text/xml", body.as_bytes()).expect(200);
    let other = body.replace("2026-06-12", "2026-06-13");
    tenant.deliver("sf", "text/xml", other.as_bytes()).expect(200);
    let auditor = tenant.key("auditor", "auditor", json!({}));
    let repeats = tenant.world.until("the second is decided", || {
        let found = crate::reads::decisions(tenant.world, &auditor);
        let of = |decision: &&Json| decision["facts"][0]["kind"] == "command_repeated";
        let repeats: Vec<Json> = found.iter().filter(of).cloned().collect();
        (!repeats.is_empty()).then_some(repeats)
    });
    assert_eq!(repeats[0]["facts"][0]["body"]["same_body"], false);
    let letters = tenant.world.get(&auditor, "/v1/dead-letters").expect(200).json();
    assert_eq!(letters["dead_letters"][0]["reason"], "source_id_reused", "{letters}");
}

#[test]
fn a_dry_run_says_what_would_be_and_records_nothing() {
    let tenant = workday("door-dry");
    let bad = json!({ "Employee_ID": 31_002, "Worker_Status": "Active" });
    let rows = report(&[worker("31001", "Sales", &json!({})), bad]);
    let path = "/v1/hris/wd?dry_run=true";
    let reply = tenant.world.call(&tenant.admin, "POST", path, &[("content-type", JSON)], &rows).expect(200);
    assert_eq!(statuses(&reply), ["accepted", "dead_letter"], "{}", reply.text());
    assert_eq!((&reply.json()["dry_run"], &reply.json()["counts"]["accepted"]), (&json!(true), &json!(1)));
    let own = |record: &Record| record.entry.key.starts_with(b"door-dry/");
    for topic in [Topic::Milestones, Topic::DeadLetters] {
        assert_eq!(records(tenant.world, topic).iter().filter(|record| own(record)).count(), 0, "{topic}");
    }
    let wrong =
        tenant.world.call(&tenant.admin, "POST", "/v1/hris/wd?dry_run=1", &[("content-type", JSON)], &rows);
    assert_eq!(wrong.problem(400), "malformed");
}

#[test]
fn a_connector_delivers_to_its_own_connection_alone() {
    let tenant = workday("door-connector");
    tenant.connection("other", "workday", "wd", "open");
    let connector = tenant.key("puller", "connector", json!({ "connection": "wd" }));
    let rows = report(&[worker("31001", "Sales", &json!({}))]);
    let deliver = |key: &str, connection: &str| {
        let path = format!("/v1/hris/{connection}");
        tenant.world.call(key, "POST", &path, &[("content-type", JSON)], &rows)
    };
    deliver(&connector, "wd").expect(200);
    assert_eq!(deliver(&connector, "other").problem(403), "forbidden");
    // What is not there is told apart from what is another's by nobody.
    assert_eq!(deliver(&connector, "nothing").body, deliver(&connector, "other").body);
    assert_eq!(deliver(&tenant.admin, "nothing").problem(404), "not_found");
    let analyst = tenant.key("analyst", "analyst", json!({}));
    assert_eq!(deliver(&analyst, "wd").problem(403), "forbidden");
    assert_eq!(deliver("mk_nobody", "wd").problem(401), "unauthenticated");
    let stranger = world().tenant("door-connector-2");
    assert_eq!(deliver(&stranger.admin, "wd").problem(404), "not_found");
}

#[test]
fn a_closed_connection_refuses_and_keeps_nothing() {
    let tenant = workday("door-closed");
    tenant.configure(
        "connection",
        "wd",
        &json!({ "system": "workday", "id_space": "wd", "state": "closed" }),
    );
    let before = end(tenant.world, Topic::DeadLetters);
    assert_eq!(tenant.deliver("wd", JSON, b"{not json").problem(409), "connection_closed");
    let own = |record: &Record| record.entry.key.starts_with(b"door-closed/");
    assert!(
        records(tenant.world, Topic::DeadLetters)
            .iter()
            .skip(usize::try_from(before).unwrap())
            .all(|r| !own(r))
    );
}

#[test]
fn what_is_cut_off_or_too_large_leaves_nothing() {
    let tenant = workday("door-cut");
    let whole = report(&[worker("31001", "Sales", &json!({}))]);
    let mut stream = TcpStream::connect(tenant.world.door).unwrap();
    let head = format!(
        "POST /v1/hris/wd HTTP/1.1\r\nhost: door\r\nauthorization: Bearer {}\r\ncontent-length: {}\r\n\r\n",
        tenant.admin,
        whole.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&whole[..whole.len() / 2]).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    // The door has let go of it when the connection ends.
    let mut rest = Vec::new();
    std::io::Read::read_to_end(&mut stream, &mut rest).ok();
    let length = (17 << 20).to_string();
    let head = [("content-length", length.as_str())];
    let announced = crate::client::announce(tenant.world.door, &tenant.admin, "/v1/hris/wd", &head);
    assert_eq!(announced.problem(413), "body_too_large");
    let own = |record: &&Record| record.entry.key.starts_with(b"door-cut/");
    for topic in [Topic::Milestones, Topic::DeadLetters] {
        assert_eq!(records(tenant.world, topic).iter().filter(own).count(), 0, "{topic}");
    }
}

#[test]
fn personal_values_lie_sealed_in_every_topic() {
    let tenant = workday("door-sealed");
    let person = json!({ "First_Name": "Zephyrine", "Last_Name": "Abernathy-Kowalczyk",
        "Preferred_Name": "Zephyrine Abernathy-Kowalczyk", "Email": "zephyrine@example.com",
        "Date_of_Birth": "1971-03-17", "Manager_Employee_ID": "MGR-99771" });
    let bad =
        worker("EMP-88442", "Sales", &json!({ "Last_Name": "Abernathy-Kowalczyk", "Hire_Date": "never" }));
    let rows = [worker("EMP-88441", "Sales", &person), bad];
    let reply = tenant.deliver("wd", JSON, &report(&rows)).expect(200);
    assert_eq!(statuses(&reply), ["accepted", "dead_letter"]);
    tenant.member("EMP-88441");
    for topic in Topic::ALL {
        for record in records(tenant.world, topic) {
            let bytes = [&record.entry.key[..], &record.entry.value[..]].concat();
            let text = String::from_utf8_lossy(&bytes);
            for personal in ["Zephyrine", "zephyrine", "Abernathy", "1971-03-17", "MGR-99771", "EMP-8844"] {
                assert!(!text.contains(personal), "{personal} lies open in {topic}");
            }
        }
    }
}

#[test]
fn what_the_log_does_not_take_is_not_acknowledged_and_counts_once_when_it_comes_again() {
    let world: &'static World = Box::leak(Box::new(World::start(Options::default())));
    let tenant = world.tenant("door-full");
    tenant.connection("wd", "workday", "wd", "open");
    let rows =
        report(&[worker("31001", "Sales", &json!({})), milestone("31001", "Review", "R-1", "2026-06-12")]);
    let headers = [("content-type", JSON)];
    let deliver = || world.call(&tenant.admin, "POST", "/v1/hris/wd", &headers, &rows);
    world.log.refuse_next(Refused::NoRoom);
    let refused = deliver();
    assert_eq!(
        (refused.header("retry-after").is_some(), refused.problem(503)),
        (true, "unavailable".to_owned())
    );
    // Taken, and then lost without a word: nobody can know, so nobody says that it is there.
    let mut left = 2;
    world.log.set_fate(Some(Box::new(move |topic, _, _| match topic {
        Topic::Milestones if left > 0 => {
            left -= 1;
            Fate::Lost
        }
        _ => Fate::Keep,
    })));
    assert_eq!(deliver().problem(500), "internal");
    // Kept, and the acknowledgement lost: the sender comes again, and all of it counts once.
    let mut left = 2;
    world.log.set_fate(Some(Box::new(move |topic, _, _| match topic {
        Topic::Milestones if left > 0 => {
            left -= 1;
            Fate::Unanswered
        }
        _ => Fate::Keep,
    })));
    assert_eq!(deliver().problem(500), "internal");
    world.log.set_fate(None);
    deliver().expect(200);
    tenant.member("31001");
    let explained = world.get(&tenant.admin, "/v1/members/31001/explain").expect(200).json();
    assert_eq!(explained["milestones"].as_array().unwrap().len(), 1, "{explained}");
}

#[test]
fn two_id_spaces_never_meet_and_a_number_of_both_says_so() {
    let tenant = workday("door-spaces");
    tenant.connection("db", "workday", "db", "open");
    for connection in ["wd", "db"] {
        let reply = tenant.deliver(connection, JSON, &report(&[worker("31001", connection, &json!({}))]));
        assert_eq!(statuses(&reply.expect(200)), ["accepted"]);
        let member = tenant.member(&format!("{connection}:31001"));
        assert_eq!(member["department"], connection);
    }
    let both = tenant.world.get(&tenant.admin, "/v1/members/31001").expect(422);
    assert_eq!(both.json()["code"], "ambiguous_member");
}

#[test]
fn a_whole_workforce_in_one_delivery_is_recorded_whole() {
    let tenant = workday("door-workforce");
    let rows: Vec<Json> = (0..1_300).map(|n| worker(&format!("W{n:05}"), "Sales", &json!({}))).collect();
    let reply = tenant.deliver("wd", JSON, &report(&rows)).expect(200);
    assert_eq!(reply.json()["counts"]["accepted"], 1_300);
    let own = |record: &&Record| record.entry.key.starts_with(b"door-workforce\x1f");
    assert_eq!(records(tenant.world, Topic::Milestones).iter().filter(own).count(), 1_300);
    for number in ["W00000", "W00511", "W00512", "W01299"] {
        assert_eq!(tenant.member(number)["number"], number);
    }
}
