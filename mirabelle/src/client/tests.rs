//! A server of our own that says what each test wants said.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};

use super::*;

/// Answers one connection with each of `answers` in turn, none for an empty one; tells what it was asked.
fn server(answers: &'static [&'static str]) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (tell, told) = channel();
    std::thread::spawn(move || {
        for answer in answers {
            let (stream, _) = listener.accept().unwrap();
            tell.send(asked(&stream)).ok();
            (&stream).write_all(answer.as_bytes()).unwrap();
        }
    });
    (url, told)
}

/// Head and body of a request.
fn asked(stream: &TcpStream) -> String {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(reader.read_line(&mut head).unwrap(), 0);
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).unwrap();
    head + &String::from_utf8(body).unwrap()
}

fn send(url: &str, attempts: u32, call: &Call) -> Result<Reply, Error> {
    let key = Some(SecretString::from("mk_acme.bot_secret-1041"));
    let client = Client::new(&Options { url: url.to_owned(), key, attempts }).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(client.send(call))
}

const BUSY: &str = "HTTP/1.1 503 x\r\nconnection: close\r\nretry-after: 0\r\ncontent-length: 98\r\n\r\n\
    {\"title\":\"Not now\",\"status\":503,\"code\":\"unavailable\",\"detail\":\"full\",\"retryable\":true,\"errors\":[]}";
const DONE: &str = "HTTP/1.1 201 x\r\nconnection: close\r\nlog-position: v1.a.1.7\r\nidempotency-replayed: true\r\n\
    content-type: application/json; charset=utf-8\r\ncontent-length: 11\r\n\r\n{\"id\":1041}";
const CUT: &str = "HTTP/1.1 201 x\r\ncontent-length: 10\r\n\r\n{\"id\"";

fn redeem() -> Call {
    Call::post("/v1/redemptions", &serde_json::json!({"points": 3}))
}

#[test]
fn what_is_busy_is_asked_again_under_the_same_key_and_the_answer_is_told_whole() {
    assert_eq!(BUSY.split("\r\n\r\n").nth(1).unwrap().len(), 98);
    let (url, asked) = server(&[BUSY, BUSY, DONE]);
    let call = redeem().idempotency_key("k-1041").wait(7).query("dry_run", "a b&c");
    let reply = send(&url, 5, &call).unwrap();
    assert_eq!((reply.status, reply.replayed, reply.is_pending()), (201, true, false));
    assert_eq!(reply.position.as_deref(), Some("v1.a.1.7"));
    assert_eq!(reply.content_type, "application/json");
    assert_eq!(reply.json::<serde_json::Value>().unwrap()["id"], 1041);
    let requests: Vec<String> = asked.iter().collect();
    assert_eq!(requests.len(), 3);
    for request in requests {
        assert!(request.starts_with("POST /v1/redemptions?dry_run=a+b%26c HTTP/1.1"), "{request}");
        for part in
            ["idempotency-key: k-1041", "prefer: wait=7", "authorization: Bearer mk_acme.bot_secret-1041"]
        {
            assert!(request.contains(part), "{request}");
        }
        assert!(request.ends_with("{\"points\":3}"), "{request}");
    }
}

#[test]
fn a_write_without_a_key_that_was_cut_off_is_never_sent_again() {
    let (url, asked) = server(&[CUT, DONE]);
    let error = send(&url, 5, &redeem()).unwrap_err();
    assert!(error.is_unclear(), "{error}");
    assert!(asked.try_iter().count() == 1);
    let (url, asked) = server(&[CUT, DONE]);
    assert_eq!(send(&url, 5, &redeem().idempotency_key("k")).unwrap().status, 201);
    assert_eq!(asked.iter().count(), 2);
}

#[test]
fn attempts_are_bounded_and_what_was_said_last_is_told() {
    let (url, asked) = server(&[BUSY, BUSY, DONE]);
    let error = send(&url, 2, &redeem()).unwrap_err();
    let problem = error.problem().unwrap();
    assert_eq!((problem.status, problem.code.as_str(), error.is_unclear()), (503, "unavailable", false));
    assert_eq!(asked.try_iter().count(), 2);
}

#[test]
fn a_no_of_the_rules_is_told_at_once() {
    const NO: &str = "HTTP/1.1 422 x\r\nconnection: close\r\ncontent-length: 135\r\n\r\n\
        {\"title\":\"Not enough\",\"status\":422,\"code\":\"insufficient_points\",\"detail\":\"d\",\"errors\":[{\"pointer\":\"/lines/0\",\"code\":\"c\",\"detail\":\"e\"}]}";
    assert_eq!(NO.split("\r\n\r\n").nth(1).unwrap().len(), 135);
    let (url, asked) = server(&[NO, DONE]);
    let error = send(&url, 5, &redeem().idempotency_key("k")).unwrap_err();
    assert_eq!(error.problem().unwrap().errors[0].pointer, "/lines/0");
    assert_eq!(asked.try_iter().count(), 1);
}

#[test]
fn nobody_there_is_told_with_the_address_and_what_is_not_the_api_as_such() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = send(&format!("http://{gone}"), 2, &redeem()).unwrap_err();
    let text = error.to_string();
    assert!(text.contains(&gone.to_string()) && text.contains("tried 2 time(s)"), "{text}");
    assert!(!error.is_unclear());
    let (url, _) = server(&["HTTP/1.1 404 x\r\nconnection: close\r\ncontent-length: 2\r\n\r\nhi"]);
    assert!(matches!(send(&url, 3, &Call::get("/v1/tenants")), Err(Error::NotOurs { status: 404, .. })));
}

#[test]
fn only_an_address_of_http_is_taken_and_paths_are_joined_below_it() {
    let base = |text: &str| base_of(text).map(|url| url.to_string());
    assert_eq!(base("http://127.0.0.1:8080").unwrap(), "http://127.0.0.1:8080/");
    assert_eq!(base("http://hr.example/points").unwrap(), "http://hr.example/points/");
    for wrong in
        ["127.0.0.1:8080", "ftp://a", "http://", "http://k@a", "http://a/?b", "http://a/#b", "", "a b"]
    {
        assert!(base(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_segment_of_a_path_never_leaves_its_place() {
    assert_eq!(segment("a/b?c#d%e ü"), "a%2Fb%3Fc%23d%25e%20%C3%BC");
    assert_eq!((segment("."), segment(".."), segment("a.b")), ("%2E".into(), "%2E%2E".into(), "a.b".into()));
    assert_eq!(segment("staff:700101"), "staff:700101");
}

#[test]
fn the_key_of_a_client_is_never_shown() {
    let key = Some(SecretString::from("mk_acme.bot_secret-1041"));
    let options = Options { url: "http://127.0.0.1:1".to_owned(), key, attempts: 1 };
    let client = Client::new(&options).unwrap();
    assert!(!format!("{options:?} {client:?}").contains("secret-1041"));
}
