//! From an empty installation to a shown voucher, by commands alone.

use crate::server::Tenant;

#[test]
fn a_tenant_is_built_and_a_person_is_rewarded_by_commands_alone() {
    let shop = Tenant::shop("journey");
    // What was written is seen by whoever reads next.
    let budget = shop.run(&["budget", "show", "spot"]).expect(0);
    for part in ["free            10000", "title           Spot", "paid out        0"] {
        assert!(budget.out.contains(part), "{part}: {budget:#?}");
    }
    let given = shop.run(&["grant", "700101", "900", "--budget", "spot", "--label", "Danke schön"]).expect(0);
    assert!(given.out.contains("the points are in the wallet") && given.out.contains("9100"), "{given:#?}");
    // Whoever reads next has them: the command waits until they have come.
    assert_eq!(shop.json(&["balance", "700101"])["available"], 900);
    let quoted = shop.run(&["quote", "700101", "day-off=2", "gift-de-25"]).expect(0);
    for part in ["A day off", "altogether  850", "enough      yes"] {
        assert!(quoted.out.contains(part), "{part}: {quoted:#?}");
    }
    let offered = shop.run(&["catalogue", "--country", "FR"]).expect(0);
    assert!(offered.out.contains("day-off") && !offered.out.contains("gift-de-25"), "{offered:#?}");
    let redeemed = shop.run(&["redeem", "700101", "day-off=2", "gift-de-25"]).expect(0);
    for part in ["points        850", "day-off", "fulfilled", "waiting"] {
        assert!(redeemed.out.contains(part), "{redeemed:#?}");
    }
    let id = redeemed.out.lines().next().unwrap().split_whitespace().last().unwrap().to_owned();
    shop.until("the vendor has delivered", &["redemption", "show", &id], |redemption| {
        redemption["state"] == "fulfilled"
    });
    let key = shop.key("asha");
    let issue =
        ["key", "issue", "asha", "--role", "member", "--member", "700101", "--out", key.to_str().unwrap()];
    shop.run(&issue).expect(0);
    let shown = shop.with_key(&key, &["redemption", "reveal", &id, "--line", "1"]).expect(0);
    assert!(shown.out.starts_with("SANDBOX-") && shown.out.lines().count() == 1, "{shown:#?}");
    let story = shop.with_key(&key, &["redemption", "show", &id]).expect(0);
    for part in ["Line 1, 1 of gift-de-25: delivered; 250 points are spent.", "SHOWN AT"] {
        assert!(story.out.contains(part), "{story:#?}");
    }
    let balance = shop.with_key(&key, &["balance", "me"]).expect(0);
    for part in ["available   50", "spent       850", "number      700101"] {
        assert!(balance.out.contains(part), "{balance:#?}");
    }
    let lots = shop.with_key(&key, &["lots", "me"]).expect(0);
    assert!(lots.out.contains("Danke schön") && lots.out.contains("open"), "{lots:#?}");
    let statement = shop.with_key(&key, &["statement", "me"]).expect(0);
    assert!(statement.out.lines().count() >= 4, "{statement:#?}");
    for part in ["points came in: Danke schön", "2 × A day off, Voucher", "CHANGE"] {
        assert!(statement.out.contains(part), "{part}: {statement:#?}");
    }
    assert!(!statement.out.contains(&id), "{statement:#?}");
    let references = shop.with_key(&key, &["statement", "me", "--references"]).expect(0);
    assert!(references.out.contains(&format!("redemption {id}")), "{references:#?}");
    let member = shop.run(&["member", "700101"]).expect(0);
    for part in ["Asha", "700101", "2020-04-01", "available"] {
        assert!(member.out.contains(part), "{part}: {member:#?}");
    }
    let nothing = shop.with_key(&key, &["explain", "me"]).expect(0);
    assert!(nothing.out.contains("there was nothing to award"), "{nothing:#?}");
}

#[test]
fn why_a_person_got_this_much_is_told_by_explain_and_a_statement_ends_where_it_is_told() {
    let shop = Tenant::shop("explained");
    let campaign = "title = \"Years\"\nmilestone = \"anniversary\"\nbudget = \"spot\"\nstarts_on = 2020-01-01\n\
        [points]\nper_year = 100\n";
    let file = shop.file("years.toml", campaign);
    let published = shop.run(&["config", "publish", "campaign", "years", &file]);
    assert_eq!(published.code, 0, "{published:#?}");
    shop.until("it is in force", &["config", "status", "campaign", "years"], |status| {
        status["in_force"]["adopted_everywhere"] == true
    });
    let ran = shop.run(&["clock", "run", "--today", "2027-04-01"]).expect(0);
    assert!(ran.out.contains("2027-04-01"), "{ran:#?}");
    let past = shop.run(&["clock", "run", "--today", "2020-01-01"]).expect(0);
    for part in ["2020-01-01 has come already", "nothing new", "at 2027-04-01 and does not go back"] {
        assert!(past.out.contains(part), "{part}: {past:#?}");
    }
    shop.until("the anniversary has come", &["explain", "700101"], |explained| {
        !explained["milestones"].as_array().unwrap().is_empty()
    });
    let explained = shop.run(&["explain", "700101", "--kind", "anniversary"]).expect(0);
    assert!(explained.out.contains("years@1: "), "{explained:#?}");
    // Whoever is rewarded at the same time by the clock has it first: moves then stand in the order of their instants.
    shop.until("the other one's has come", &["balance", "700102"], |balance| balance["available"] == 700);
    shop.give("700102", "40");
    let all = shop.json(&["statement", "700102"]);
    let first = all["entries"][0]["at"].as_str().unwrap();
    assert_eq!(shop.json(&["statement", "700102", "--as-of", first])["entries"], all["entries"]);
    let before = shop.json(&["statement", "700102", "--to", first]);
    assert_eq!(before["entries"].as_array().unwrap(), &all["entries"].as_array().unwrap()[1..]);
}

#[test]
fn what_waits_for_a_person_is_in_the_wallet_when_its_release_has_ended() {
    let shop = Tenant::shop("released");
    let campaign = "title = \"Years\"\nmilestone = \"anniversary\"\nbudget = \"spot\"\nstarts_on = 2020-01-01\n\
        daily_ceiling = 1000\n[points]\nper_year = 100\n";
    let file = shop.file("years.toml", campaign);
    shop.run(&["config", "publish", "campaign", "years", &file]).expect(0);
    shop.until("it is in force", &["config", "status", "campaign", "years"], |status| {
        status["in_force"]["adopted_everywhere"] == true
    });
    shop.run(&["clock", "run", "--today", "2027-04-01"]).expect(0);
    // Seven years each for two people: the second award exceeds the day's ceiling.
    let held = shop.until("one award waits", &["budget", "held", "spot"], |held| {
        held["grants"].as_array().unwrap().len() == 1
    });
    let (grant, number) = (&held["grants"][0]["grant"], &held["grants"][0]["number"]);
    let (grant, number) = (grant.as_str().unwrap(), number.as_str().unwrap());
    let explained = shop.run(&["explain", number]).expect(0);
    assert!(explained.out.contains("mirabelle budget held spot"), "{explained:#?}");
    let released = shop.run(&["budget", "release", "spot", grant, "--reason", "agreed"]).expect(0);
    assert!(released.out.contains("the points are in the wallet"), "{released:#?}");
    assert_eq!(shop.json(&["balance", number])["available"], 700);
}

#[test]
fn a_grant_is_taken_back_and_a_redemption_cancelled_only_while_nothing_was_started() {
    let shop = Tenant::shop("back");
    let grant = shop.give("700101", "500");
    let shown = shop.run(&["grant", "show", &grant]).expect(0);
    assert!(shown.out.contains("the points are in the wallet"), "{shown:#?}");
    let redeemed = shop.json(&["redeem", "700101", "day-off"]);
    let id = redeemed["id"].as_str().unwrap();
    let late = shop.run(&["redemption", "cancel", id]).expect(1);
    assert!(late.err.contains("422 redemption_state"), "{late:#?}");
    let back = shop.run(&["grant", "reverse", &grant, "--reason", "to the wrong one"]).expect(0);
    assert!(back.out.contains("could not be taken back  300"), "{back:#?}");
    assert!(back.out.contains("available                0"), "{back:#?}");
    let closed = shop.run(&["budget", "close", "spot", "--reason", "the year is over"]).expect(0);
    assert!(closed.out.contains("budget     spot"), "{closed:#?}");
    let shown = shop.run(&["budget", "list"]).expect(0);
    assert!(shown.out.contains("PAID OUT") && !shown.out.contains("SPENT"), "{shown:#?}");
    let balance = shop.run(&["balance", "700101"]).expect(0);
    assert!(balance.out.contains("could not be taken back  300"), "{balance:#?}");
    let refused = shop.run(&["grant", "700102", "1", "--budget", "spot"]).expect(1);
    assert!(refused.err.contains("budget_closed"), "{refused:#?}");
}

#[test]
fn a_wallet_is_corrected_with_a_reason_that_the_statement_tells() {
    let shop = Tenant::shop("corrected");
    let added =
        shop.run(&["adjust", "700101", "80", "--budget", "spot", "--reason", "forgotten in May"]).expect(0);
    assert!(added.out.contains("the points are in the wallet"), "{added:#?}");
    assert_eq!(shop.json(&["balance", "700101"])["available"], 80);
    let taken = shop.run(&["adjust", "700101", "-30", "--reason", "counted twice"]).expect(0);
    assert!(taken.out.contains("available  50"), "{taken:#?}");
    let statement = shop.run(&["statement", "700101"]).expect(0);
    assert!(statement.out.contains("because: counted twice"), "{statement:#?}");
}

#[test]
fn a_connection_that_is_closed_already_is_left_as_it_is() {
    let shop = Tenant::shop("closed-twice");
    let closed = shop.run(&["connection", "close", "workday"]).expect(0);
    assert!(closed.out.contains("version       2"), "{closed:#?}");
    let again = shop.run(&["connection", "close", "workday"]).expect(0);
    assert!(again.out.is_empty() && again.err.contains("closed already"), "{again:#?}");
    let versions = shop.json(&["config", "list", "connection", "--name", "workday"]);
    assert_eq!(versions["versions"].as_array().unwrap().len(), 2, "{versions}");
    let opened = shop.run(&["connection", "open", "workday"]).expect(0);
    assert!(opened.out.contains("published"), "{opened:#?}");
}

#[test]
fn a_version_goes_from_draft_to_published_and_another_is_thrown_away() {
    let tenant = Tenant::new("versions");
    let file = tenant.file("mug.json", r#"{"title": "A mug", "points": 120, "delivery": "immediate"}"#);
    let drafted = tenant.run(&["config", "draft", "product", "mug", &file, "--reason", "new"]).expect(0);
    assert!(drafted.out.contains("state    drafted"), "{drafted:#?}");
    assert!(drafted.err.contains("mirabelle config submit product mug --version 1"), "{drafted:#?}");
    let submitted = tenant.run(&["config", "submit", "product", "mug"]).expect(0);
    assert!(submitted.err.contains("Version 1 of product mug"), "{submitted:#?}");
    let published = tenant.run(&["config", "publish", "product", "mug"]).expect(0);
    assert!(published.out.contains("published"), "{published:#?}");
    tenant.run(&["config", "draft", "product", "mug", &file]).expect(0);
    tenant.run(&["config", "draft", "product", "mug", &file]).expect(0);
    let which = tenant.run(&["config", "withdraw", "product", "mug"]).expect(2);
    assert!(which.err.contains("[2, 3]") && which.err.contains("--version"), "{which:#?}");
    tenant.run(&["config", "withdraw", "product", "mug", "--version", "2"]).expect(0);
    let shown = tenant.run(&["config", "show", "product", "mug", "--version", "2"]).expect(0);
    assert!(shown.out.contains("withdrawn") && shown.out.contains("\"points\": 120"), "{shown:#?}");
    let status = tenant.run(&["config", "status", "product", "mug"]).expect(0);
    assert!(status.out.starts_with("Version 1 is in force."), "{status:#?}");
    let listed = tenant.json(&["config", "list", "product", "--name", "mug"]);
    let states: Vec<_> = listed["versions"].as_array().unwrap().iter().map(|v| v["state"].clone()).collect();
    assert_eq!(states, ["published", "withdrawn", "drafted"]);
}

#[test]
fn a_key_is_issued_listed_and_revoked_and_opens_nothing_after() {
    let tenant = Tenant::new("keys");
    let file = tenant.key("reader");
    let path = file.to_str().unwrap();
    let issued =
        tenant.run(&["key", "issue", "reader", "--role", "auditor", "--role", "analyst", "--out", path]);
    let issued = issued.expect(0);
    let secret = std::fs::read_to_string(&file).unwrap();
    assert!(secret.starts_with("mk_keys.reader_") && !issued.out.contains(secret.trim()), "{issued:#?}");
    let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&file).unwrap());
    assert_eq!(mode & 0o777, 0o600);
    tenant.with_key(&file, &["key", "list"]).expect(0);
    // A file that is there is never written over, and no key is issued for it.
    tenant.run(&["key", "issue", "other", "--role", "analyst", "--out", path]).expect(1);
    let listed = tenant.run(&["key", "list"]).expect(0);
    assert!(listed.out.contains("auditor, analyst") && !listed.out.contains("keys.other"), "{listed:#?}");
    tenant.run(&["key", "revoke", "keys.reader", "--reason", "left"]).expect(0);
    let keys = tenant.json(&["key", "list"]);
    let of = |id: &str| keys["keys"].as_array().unwrap().iter().find(|key| key["key_id"] == id).unwrap();
    let (reader, admin) = (of("keys.reader"), of("keys.admin"));
    assert_eq!((&reader["state"], &admin["state"]), (&"revoked".into(), &"issued".into()), "{keys}");
    assert!(reader["revoked_at"].is_string() && reader["issued_at"].is_string(), "{keys}");
    assert_eq!((&reader["issuer"], &reader["revoker"]), (&"admin".into(), &"admin".into()), "{keys}");
    let closed = tenant.with_key(&file, &["key", "list"]).expect(1);
    assert!(closed.err.contains("401 unauthenticated"), "{closed:#?}");
}
