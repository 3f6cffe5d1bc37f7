//! The shapes that deliveries come in, each from its sample to what is recorded.

use serde_json::{Value as Json, json};

use crate::door::statuses;
use crate::world::{Tenant, world};

const XML: &str = "text/xml; charset=utf-8";
const JSON: &str = "application/json";
const CSV: &str = "text/csv; charset=utf-8";

fn sample(path: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../schemas/samples/hris/");
    std::fs::read(format!("{folder}{path}")).unwrap()
}

fn mapping(path: &str) -> Json {
    serde_json::from_slice(&sample(&format!("{path}.mapping.json"))).unwrap()
}

/// A tenant with one connection that reads by a mapping; null: by the system's default.
fn tenant(name: &str, system: &str, mapping: Json) -> Tenant {
    let tenant = world().tenant(name);
    let mut body = json!({ "system": system, "id_space": "people", "state": "open" });
    if !mapping.is_null() {
        body["mapping"] = mapping;
    }
    tenant.configure("connection", "hr", &body);
    tenant
}

/// (kind, occurrence, effective, state) of each milestone of a member.
fn milestones(tenant: &Tenant, number: &str) -> Vec<[String; 4]> {
    let path = format!("/v1/members/{number}/explain");
    let explained = tenant.world.get(&tenant.admin, &path).expect(200).json();
    let text = |milestone: &Json, name: &str| milestone[name].as_str().unwrap_or_default().to_owned();
    let told = explained["milestones"].as_array().unwrap().iter();
    let mut told: Vec<[String; 4]> =
        told.map(|own| ["kind", "occurrence", "effective", "state"].map(|name| text(own, name))).collect();
    told.sort();
    told
}

/// What was delivered stands in the rows.
fn stands(tenant: &Tenant, number: &str, wanted: &[[&str; 4]]) {
    tenant.member(number);
    tenant
        .world
        .until("the milestones are recorded", || (milestones(tenant, number) == wanted).then_some(()));
}

#[test]
fn a_hire_that_is_corrected_moves_and_one_that_is_rescinded_is_taken_back() {
    let tenant = tenant("shapes-log", "workday", Json::Null);
    let log = |day: &str, flags: &str| {
        format!(
            "<wd:Get_Workers_Response xmlns:wd=\"urn:com.workday/bsvc\"><wd:Response_Data><wd:Worker>\
             <wd:Worker_Reference><wd:ID wd:type=\"Employee_ID\">34009</wd:ID></wd:Worker_Reference><wd:Worker_Data>\
             <wd:Employment_Data><wd:Worker_Status_Data><wd:Active>1</wd:Active><wd:Hire_Date>{day}</wd:Hire_Date>\
             </wd:Worker_Status_Data></wd:Employment_Data><wd:Transaction_Log_Corrected_And_Rescinded_Data>\
             <wd:Main_Transaction_Data><wd:Transaction_Log_Data>\
             <wd:Transaction_Effective_Moment>{day}T00:00:00-07:00</wd:Transaction_Effective_Moment>\
             <wd:Transaction_Log_Type_Reference><wd:ID wd:type=\"Business_Process_Type\">Hire Employee</wd:ID>\
             </wd:Transaction_Log_Type_Reference></wd:Transaction_Log_Data></wd:Main_Transaction_Data>\
             <wd:Correction_Or_Rescind_Data>{flags}</wd:Correction_Or_Rescind_Data>\
             </wd:Transaction_Log_Corrected_And_Rescinded_Data></wd:Worker_Data></wd:Worker></wd:Response_Data>\
             </wd:Get_Workers_Response>"
        )
    };
    let steps = [
        ("2026-06-08", "", "recorded"),
        ("2026-06-15", "<wd:Is_Correction>1</wd:Is_Correction>", "recorded"),
        ("2026-06-15", "<wd:Is_Rescind>1</wd:Is_Rescind>", "retracted"),
    ];
    for (day, flags, state) in steps {
        let reply = tenant.deliver("hr", XML, log(day, flags).as_bytes()).expect(200);
        assert!(statuses(&reply).contains(&"accepted".to_owned()), "{}", reply.text());
        tenant.member("34009");
        tenant.world.until("the hire is as it was last told", || {
            let told = milestones(&tenant, "34009");
            let [[kind, occurrence, effective, own]] = told.as_slice() else { return None };
            let hire = (kind.as_str(), occurrence.as_str()) == ("hire", "first");
            (hire && effective == day && (own == "retracted") == (state == "retracted")).then_some(())
        });
    }
}

#[test]
fn successfactors_is_read_as_odata_compound_employee_and_csv_by_one_connection() {
    let tenant = tenant("shapes-sf", "success_factors", mapping("successfactors/integration-center.csv"));
    // The connection's mapping is drawn for the file; the known shapes keep their own names, so they need the default.
    let reply = tenant.deliver("hr", CSV, &sample("successfactors/integration-center.csv")).expect(200);
    assert_eq!(
        statuses(&reply),
        ["accepted", "accepted", "accepted", "dead_letter", "dead_letter"],
        "{}",
        reply.text()
    );
    tenant.member("00706");
    let body = json!({ "system": "success_factors", "id_space": "people", "state": "open" });
    tenant.configure("connection", "hr", &body);
    let reply = tenant.deliver("hr", JSON, &sample("successfactors/odata-person.json")).expect(200);
    assert_eq!(statuses(&reply), ["accepted", "accepted", "dead_letter", "dead_letter"], "{}", reply.text());
    assert_eq!(reply.json()["items"][2]["reason"], "has_to_be_pulled", "{}", reply.text());
    let member = tenant.member("P-700301");
    assert_eq!((&member["department"], &member["hire"]), (&json!("R-AND-D"), &json!("2015-01-01")));
    let reply = tenant.deliver("hr", XML, &sample("successfactors/compound-employee.xml")).expect(200);
    assert_eq!(reply.json()["counts"]["accepted"], 6, "{}", reply.text());
    stands(
        &tenant,
        "P-700401",
        &[
            ["hire", "first", "2016-04-01", "recorded"],
            ["job_change", "2026-05-01", "", "retracted"],
            ["promotion", "2026-06-01", "2026-06-01", "recorded"],
        ],
    );
}

#[test]
fn two_reports_of_one_connection_are_told_by_their_namespace() {
    let tenant = tenant("shapes-raas", "workday", mapping("workday/raas-two-reports.xml"));
    let workers = String::from_utf8(sample("workday/raas.xml")).unwrap().replace("035001", "032001");
    let reply = tenant.deliver("hr", XML, workers.as_bytes()).expect(200);
    assert_eq!(statuses(&reply), ["accepted", "accepted", "dead_letter", "dead_letter"], "{}", reply.text());
    let reply = tenant.deliver("hr", XML, &sample("workday/raas-two-reports.xml")).expect(200);
    assert_eq!(statuses(&reply), ["accepted"], "{}", reply.text());
    stands(&tenant, "032001", &[["spot_award", "B-17", "2026-06-14", "recorded"]]);
    let unknown = tenant.world.call(
        &tenant.admin,
        "POST",
        "/v1/hris/hr?dry_run=true&variant=budgets",
        &[("content-type", XML)],
        &sample("workday/raas-two-reports.xml"),
    );
    assert_eq!(unknown.expect(200).json()["items"][0]["reason"], "format_not_read");
}

#[test]
fn a_notification_is_kept_to_be_pulled_and_answered_with_an_empty_body() {
    let tenant = tenant("shapes-note", "workday", Json::Null);
    let reply = tenant.deliver("hr", XML, &sample("workday/notification.xml")).expect(200);
    assert_eq!(reply.header("content-type"), Some("text/xml; charset=utf-8"));
    assert!(reply.text().ends_with("<S:Body></S:Body></S:Envelope>"), "{}", reply.text());
    let letters = tenant.world.get(&tenant.admin, "/v1/dead-letters").expect(200).json();
    assert_eq!(letters["dead_letters"][0]["reason"], "has_to_be_pulled", "{letters}");
    assert!(!letters.to_string().contains("not-a-password"), "{letters}");
}

#[test]
fn a_dataset_that_is_named_is_not_contradicted_by_its_rows() {
    let tenant = tenant("shapes-sets", "darwinbox", Json::Null);
    let leavers = sample("darwinbox/inactive.json");
    let post = |path: &str| {
        tenant.world.call(&tenant.admin, "POST", path, &[("content-type", JSON)], &leavers).expect(200)
    };
    let wrong = post("/v1/hris/hr?dry_run=true&dataset=active");
    assert!(statuses(&wrong).iter().all(|status| status == "dead_letter"), "{}", wrong.text());
    assert_eq!(wrong.json()["items"][0]["reason"], "dataset_disagrees");
    let right = post("/v1/hris/hr?dry_run=true&dataset=inactive");
    assert!(statuses(&right).contains(&"accepted".to_owned()), "{}", right.text());
}

#[test]
fn a_mapping_that_makes_no_sense_is_refused_when_it_is_drafted() {
    let tenant = world().tenant("shapes-draft");
    for (mapping, place) in [
        (json!({ "extends": "nothing" }), "/body/mapping"),
        (json!({ "extends": "default", "day_zone": "Mars/Olympus" }), "/body/mapping/day_zone"),
        (
            json!({ "extends": "default", "variants": [{ "name": "", "mapping": { "extends": "base" } }] }),
            "/body/mapping/variants/0/name",
        ),
    ] {
        let body = json!({ "system": "workday", "id_space": "people", "mapping": mapping });
        let draft = json!({ "name": "hr", "body": body });
        let path = "/v1/config/connection/versions";
        let refused = tenant.world.post(&tenant.admin, path, &draft).expect(422);
        assert_eq!(refused.json()["errors"][0]["pointer"], place, "{}", refused.text());
    }
}
