//! What goes wrong, and what is said then.

use std::net::TcpListener;

use crate::server::{Said, Server, Tenant, mirabelle, run};

#[test]
fn a_problem_is_told_with_its_code_its_place_and_what_to_do() {
    let shop = Tenant::shop("problem");
    let refused = shop.run(&["redeem", "700101", "day-off", "moon"]).expect(1);
    for part in ["error: No such product (422 unknown_product)", "at /lines/1", "/problems/unknown_product"] {
        assert!(refused.err.contains(part), "{refused:#?}");
    }
    assert!(refused.out.is_empty());
    let poor = shop.run(&["redeem", "700101", "day-off", "--json"]).expect(1);
    let page: serde_json::Value = serde_json::from_str(poor.err.lines().next().unwrap()).unwrap();
    assert_eq!((&page["code"], &page["status"]), (&"insufficient_points".into(), &422.into()));
    let zero = shop.run(&["grant", "700101", "0", "--budget", "spot"]).expect(1);
    assert!(zero.err.contains("400 malformed") && zero.err.contains("at /points"), "{zero:#?}");
    let nobody = shop.run(&["balance", "1"]).expect(1);
    assert!(nobody.err.contains("404 not_found"), "{nobody:#?}");
    let body = shop.file("bad.json", r#"{"title": "x", "points": -5, "delivery": "immediate"}"#);
    let invalid = shop.run(&["config", "draft", "product", "mug", &body]).expect(1);
    assert!(
        invalid.err.contains("422 invalid_configuration") && invalid.err.contains("points"),
        "{invalid:#?}"
    );
}

#[test]
fn a_wrong_command_line_exits_with_2_and_nothing_is_sent() {
    // Whoever connects here would be seen.
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    nobody.set_nonblocking(true).unwrap();
    let url = format!("http://{}", nobody.local_addr().unwrap());
    for wrong in [
        &["redeem", "700101"][..],
        &["redeem", "700101", "mug=0"],
        &["redeem", "700101", "=1"],
        &["grant", "700101", "--budget", "spot"],
        &["grant", "700101", "5"],
        &["grant", "700101", "5.5", "--budget", "spot"],
        &["grant", "reverse", "0a"],
        &["grant", "--json", "reverse", "5", "--budget", "spot"],
        &["balance", "1", "--attempts", "0"],
        &["statement", "1", "--as-of", "yesterday"],
        &["balance", "1", "--as-of", "yesterday"],
        &["balance", "1", "--as-of", "2199-01-01T00:00:00Z"],
        &["explain", "1", "--kind", "xyz"],
        &["adjust", "1", "5"],
        &["adjust", "1", "5", "--reason", "forgotten"],
        &["adjust", "1", "-5", "--reason", "counted twice", "--budget", "spot"],
        &["quote", "1"],
        &["feed", "--limit", "0"],
        &["statement", "1", "--as-of", "2026-01-01T00:00:00Z", "--to", "2026-01-01T00:00:00Z"],
        &["statement", "1", "--limit", "0"],
        &["command", "show", "k", "--budget", "a", "--member", "b"],
        &["command", "show", "k", "--account", "x:1"],
        &["tenant", "create", "acme", "--mode", "real"],
        &["key", "issue", "a", "--role", "king"],
        &["key", "issue", "a"],
        &["connection", "add", "a", "--system", "workday"],
        &["config", "publish", "product", "a", "--effective-at", "2026-01-01T00:00:00Z"],
        &["config", "list", "planet"],
        &["dlq", "show", "first"],
        &["clock", "run", "--today", "2026-02-30"],
        &["ingest", "-", "-", "--connection", "a"],
        &["budget", "open", "a", "--idempotency-key", "with space"],
        &["budget", "open", "a", "--idempotency-key", ""],
    ] {
        let said: Said = mirabelle(wrong).args(["--url", &url, "--key", "k"]).output().unwrap().into();
        assert_eq!(said.code, 2, "{wrong:?}: {said:#?}");
        assert!(said.out.is_empty() && said.err.contains("error"), "{wrong:?}: {said:#?}");
    }
    assert_eq!(nobody.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    for wrong in [&["dance"][..], &[], &["completions", "cobol"], &["log", "dump", "--topic", "secrets"]] {
        run(wrong).expect(2);
    }
    for url in ["127.0.0.1:8080", "ftp://127.0.0.1", "http://127.0.0.1/?a=b"] {
        let said = run(&["balance", "1", "--url", url, "--key", "k"]).expect(2);
        assert!(said.err.contains(url) && said.err.contains("http://127.0.0.1:8080"), "{said:#?}");
    }
    let tls = run(&["balance", "1", "--url", "https://rewards.example.org", "--key", "k"]).expect(2);
    assert!(tls.err.contains("without TLS") && tls.err.contains("ssh -N -L"), "{tls:#?}");
    let kinds = run(&["explain", "1", "--kind", "xyz"]).expect(2);
    assert!(kinds.err.contains("anniversary") && kinds.err.contains("spot_award"), "{kinds:#?}");
}

#[test]
fn without_a_key_or_with_a_wrong_one_it_is_told_where_keys_come_from() {
    let server = Server::shared();
    let elsewhere = tempfile::tempdir().unwrap();
    let data = elsewhere.path().to_str().unwrap();
    // Without a key nothing is sent: it would look like a wrong one.
    let said = run(&["tenant", "list", "--url", &server.url, "--data", data]).expect(2);
    let file = elsewhere.path().join("admin.key");
    for part in ["no API key is given", &format!("{} does not exist", file.display()), "--key-file"] {
        assert!(said.err.contains(part), "{part}: {said:#?}");
    }
    let said = run(&["tenant", "list", "--url", "http://192.0.2.1:8080", "--data", data]).expect(2);
    assert!(said.err.contains("no API key is given") && !said.err.contains("admin.key"), "{said:#?}");
    let said = run(&["tenant", "list", "--url", &server.url, "--key", "mk_acme.bot_wrong"]).expect(1);
    assert!(said.err.contains("401 unauthenticated") && said.err.contains("--key-file"), "{said:#?}");
    assert!(said.err.contains("admin.key") && !said.err.contains("mk_acme"), "{said:#?}");
    // A server of this machine is shown the first key of its own directory.
    let own = server.data.path().to_str().unwrap();
    run(&["tenant", "list", "--url", &server.url, "--data", own]).expect(0);
    let named = mirabelle(&["tenant", "list"])
        .env("MIRABELLE_URL", &server.url)
        .env("MIRABELLE_KEY_FILE", server.admin_key())
        .output()
        .unwrap();
    Said::from(named).expect(0);
    let gone = elsewhere.path().join("gone.key");
    let said = run(&["tenant", "list", "--url", &server.url, "--key-file", gone.to_str().unwrap()]).expect(1);
    assert!(said.err.contains("gone.key"), "{said:#?}");
}

#[test]
fn a_role_that_may_not_is_told_which_way_there_is() {
    let tenant = Tenant::new("roles");
    let said = tenant.run(&["tenant", "list"]).expect(1);
    assert!(said.err.contains("403 forbidden") && said.err.contains("mirabelle key issue"), "{said:#?}");
    let said = tenant.operator(&["budget", "open", "spot"]).expect(1);
    assert!(said.err.contains("403 forbidden") && said.err.contains("--tenant"), "{said:#?}");
}

#[test]
fn what_the_api_misses_is_named_as_the_command_line_names_it() {
    let shop = Tenant::shop("flags");
    shop.give("700101", "300");
    let redeemed = shop.json(&["redeem", "700101", "gift-de-25"]);
    let id = redeemed["id"].as_str().unwrap();
    shop.until("the vendor has delivered", &["redemption", "show", id], |told| told["state"] == "fulfilled");
    let app = shop.key("app");
    shop.run(&["key", "issue", "app", "--role", "service", "--out", app.to_str().unwrap()]).expect(0);
    let whom = shop.with_key(&app, &["redemption", "reveal", id]).expect(1);
    assert!(whom.err.contains("--for NUMBER"), "{whom:#?}");
    let shown = shop.with_key(&app, &["redemption", "reveal", id, "--for", "700101"]).expect(0);
    assert!(shown.out.starts_with("SANDBOX-"), "{shown:#?}");
    let whose = shop.run(&["command", "show", "k-1"]).expect(1);
    for part in ["--member", "--budget", "--configuration"] {
        assert!(whose.err.contains(part), "{whose:#?}");
    }
    shop.run(&["grant", "700101", "5", "--budget", "spot", "--idempotency-key", "k-1"]).expect(0);
    let wrong = shop.run(&["command", "show", "k-1", "--member", "700101"]).expect(1);
    assert!(wrong.err.contains("a grant's to its budget (--budget)"), "{wrong:#?}");
    shop.run(&["command", "show", "k-1", "--budget", "spot"]).expect(0);
}

#[test]
fn a_live_tenants_publication_waits_for_a_second_person_and_for_its_minute() {
    let server = Server::shared();
    let place = tempfile::tempdir().unwrap();
    let with = |key: &std::path::Path, arguments: &[&str]| -> Said {
        mirabelle(arguments).args(["--url", &server.url, "--key-file"]).arg(key).output().unwrap().into()
    };
    let operator = server.admin_key();
    with(&operator, &["tenant", "create", "real", "--mode", "live"]).expect(0);
    let mut keys = Vec::new();
    for role in ["admin", "publisher"] {
        let file = place.path().join(role);
        let path = file.to_str().unwrap();
        with(&operator, &["key", "issue", role, "--role", role, "--tenant", "real", "--out", path]).expect(0);
        keys.push(file);
    }
    let file = place.path().join("tree.json");
    std::fs::write(&file, r#"{"title": "A tree", "points": 200, "delivery": "immediate"}"#).unwrap();
    let publish = ["config", "publish", "product", "tree"];
    let drafted = with(&keys[0], &[&publish[..], &[file.to_str().unwrap()]].concat()).expect(0);
    let next = "mirabelle config publish product tree --version 1 --reason";
    assert!(drafted.out.contains("submitted") && drafted.err.contains(next), "{drafted:#?}");
    let add = ["connection", "add", "wd", "--system", "workday", "--id-space", "staff"];
    let added = with(&keys[0], &add).expect(0);
    assert!(added.err.contains("mirabelle config publish connection wd --version 1"), "{added:#?}");
    let early = with(&keys[0], &["connection", "status", "wd"]).expect(1);
    assert!(early.err.contains("only submitted"), "{early:#?}");
    let silent = with(&keys[1], &publish).expect(1);
    assert!(silent.err.contains("--reason"), "{silent:#?}");
    let published = with(&keys[1], &[&publish[..], &["--reason", "agreed"]].concat()).expect(0);
    assert!(published.err.contains("in force from") && published.err.contains("seconds"), "{published:#?}");
}

#[test]
fn a_server_that_is_down_is_named_with_what_to_do() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let url = format!("http://{gone}");
    let said = run(&["balance", "700101", "--url", &url, "--attempts", "2", "--key", "k"]).expect(1);
    for part in [gone.as_str(), "tried 2 time(s)", "nothing was sent", "mirabelle serve", "--url"] {
        assert!(said.err.contains(part), "{part}: {said:#?}");
    }
    assert!(said.out.is_empty());
}

#[test]
fn an_answer_that_never_came_is_told_with_the_key_to_repeat_it_with() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let mut keys = Vec::new();
        for _ in 0..2 {
            let (stream, _) = listener.accept().unwrap();
            keys.push(idempotency_key(&stream));
        }
        keys
    });
    let arguments =
        ["grant", "700101", "5", "--budget", "spot", "--url", &url, "--attempts", "2", "--key", "k"];
    let said = run(&arguments).expect(1);
    let keys = server.join().unwrap();
    assert_eq!(keys[0], keys[1], "a repeat is sent under the same key");
    assert!(said.err.contains(&format!("--idempotency-key {}", keys[0])), "{said:#?}");
    assert!(said.err.contains("not known"), "{said:#?}");
}

/// The key of a request that is read and never answered.
fn idempotency_key(stream: &std::net::TcpStream) -> String {
    use std::io::BufRead as _;
    let lines = std::io::BufReader::new(stream).lines();
    let key =
        lines.map(Result::unwrap).find_map(|line| Some(line.strip_prefix("idempotency-key: ")?.to_owned()));
    key.expect("a write carries a key")
}

#[test]
fn what_the_command_line_says_of_the_key_counts_before_the_environment() {
    let shop = Tenant::shop("two-keys");
    let server = Server::shared();
    let file = shop.file("wrong.key", "mk_two-keys.nobody_0123456789012345678901234567890123456789012");
    let mut command = mirabelle(&["balance", "700101", "--url", &server.url, "--key-file", &file]);
    command.env("MIRABELLE_KEY", std::fs::read_to_string(server.admin_key()).unwrap().trim());
    let said: Said = command.output().unwrap().into();
    assert_eq!(said.code, 1, "{said:#?}");
    assert!(said.err.contains("401"), "{said:#?}");
    let both = mirabelle(&["balance", "1", "--url", &server.url, "--key", "k", "--key-file", &file]).output();
    assert_eq!(Said::from(both.unwrap()).code, 2);
}
