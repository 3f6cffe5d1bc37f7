//! An orderly end: what is in hand is answered first.

use std::net::TcpStream;

use crate::http::{Link, head};
use crate::server::{Server, assert_holds, until};
use crate::tenant;

#[test]
fn a_request_in_hand_is_decided_and_answered_before_the_process_ends() {
    let data = tempfile::tempdir().unwrap();
    let mut server = Server::start(data.path());
    let body = tenant("acme").to_string();
    let bearer = format!("Bearer {}", server.key);
    let headers =
        [("authorization", bearer.as_str()), ("idempotency-key", "in-hand"), ("expect", "100-continue")];
    let mut link = Link::open(&server.door).unwrap();
    link.send(head("POST", "/v1/tenants", &headers, body.len()).as_bytes()).unwrap();
    // The server asks for the body: the request is in its hands.
    assert_eq!(link.answer().unwrap().status, 100);
    server.ask_to_end();
    until("nobody new is let in", || TcpStream::connect(&server.door).err());
    link.send(body.as_bytes()).unwrap();
    let answer = link.answer().unwrap();
    assert_eq!(answer.status, 201, "{answer:?}");
    assert!(server.child.wait().unwrap().success(), "an orderly end is a success");
    assert_holds(data.path());
    let server = Server::start(data.path());
    let again = server.post(&server.key, "/v1/tenants", "in-hand", &tenant("acme")).expect(201);
    assert_eq!(again.body, answer.body);
    server.terminate();
}
