//! URLs and the secrets that they name.

use std::time::Duration;

use secrecy::ExposeSecret as _;

use crate::{Options, Secret};

#[test]
fn a_url_says_all_that_a_store_needs_to_know() {
    let url = "scylla://10.0.0.7:9042,[::1]:19042,db.example:9043/mirabelle_2?dc=eu-west&replication=eu-west:3,us:2\
               &user=env:CQL_USER&password=file:/run/secrets/cql&hint_window_minutes=45";
    let options = Options::parse(url).unwrap();
    assert_eq!(options.hosts, ["10.0.0.7:9042", "[::1]:19042", "db.example:9043"]);
    assert_eq!((options.keyspace.as_str(), options.dc.as_deref()), ("mirabelle_2", Some("eu-west")));
    let replication: Vec<(String, usize)> = options.replication.clone().unwrap().into_iter().collect();
    assert_eq!(replication, [("eu-west".to_owned(), 3), ("us".to_owned(), 2)]);
    let login = (Secret::Env("CQL_USER".into()), Secret::File("/run/secrets/cql".into()));
    assert_eq!(options.login, Some(login));
    assert_eq!(options.hint_window, Duration::from_secs(2_700));
    let least = Options::parse("scylla://h:9042/k").unwrap();
    assert_eq!((least.dc, least.replication, least.login), (None, None, None));
    assert!((2..=3).contains(&least.request_timeout.as_secs()), "a dead node is noticed within seconds");
}

#[test]
fn a_url_that_names_no_store_is_refused_with_its_reason() {
    let cases = [
        ("kafka://h:9042/k", "another scheme"),
        ("scylla://h:9042", "names no keyspace"),
        ("scylla://h/k", "host:port"),
        ("scylla://:9042/k", "host:port"),
        ("scylla://h:0/k", "host:port"),
        ("scylla://h:70000/k", "host:port"),
        ("scylla://h:9042,/k", "host:port"),
        ("scylla://h:9042/Key", "a keyspace is"),
        ("scylla://h:9042/", "a keyspace is"),
        ("scylla://h:9042/a23456789012345678901", "1 to 20"),
        ("scylla://h:9042/k?dc=", "no data centre"),
        ("scylla://h:9042/k?dc=e'u", "no data centre"),
        ("scylla://h:9042/k?replication=eu", "dc:replicas"),
        ("scylla://h:9042/k?replication=eu:0", "1 to 9"),
        ("scylla://h:9042/k?replication=eu:1,eu:2", "twice"),
        ("scylla://h:9042/k?user=env:U", "go together"),
        ("scylla://h:9042/k?consistency=ONE", "means nothing"),
        ("scylla://h:9042/k?hint_window_minutes=soon", "minutes"),
    ];
    for (url, reason) in cases {
        let refused = Options::parse(url).unwrap_err();
        assert!(refused.to_string().contains(reason), "{url}: {refused}");
    }
}

#[test]
fn a_secret_is_named_and_never_told() {
    for url in [
        "scylla://root:hunter2@h:9042/k",
        "scylla://h:9042/k?user=env:U&password=hunter2",
        "scylla://h:9042/k?hunter2",
        "scylla://h:9042/k?user=hunter2&password=hunter2",
    ] {
        let refused = Options::parse(url).unwrap_err();
        assert!(!format!("{refused} {refused:?}").contains("hunter2"), "{refused:?}");
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("password");
    std::fs::write(&path, "hunter2\n").unwrap();
    let secret = Secret::File(path.clone());
    let read = secret.read().unwrap();
    assert_eq!(read.expose_secret(), "hunter2");
    assert!(!format!("{read:?} {secret:?} {secret}").contains("hunter2"));
    std::fs::write(&path, "\n").unwrap();
    assert!(secret.read().unwrap_err().contains("empty"));
    let missing = Secret::Env("MIRABELLE_NO_SUCH_VARIABLE".to_owned());
    assert!(missing.read().unwrap_err().contains("MIRABELLE_NO_SUCH_VARIABLE"));
}
