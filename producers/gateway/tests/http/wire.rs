//! Hostile and unlucky connections: raw bytes over real sockets.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::OnceLock;
use std::time::Duration;

use mirabelle_gateway::Options;

use crate::client::{Reply, call, parse};
use crate::shop::{self, ASHA, available, give};
use crate::world::{World, world};

/// Short deadlines and few connections, so that each bound is met.
fn strict() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        World::start(Options { header_timeout_ms: 300, body_timeout_ms: 300, ..Options::default() })
    })
}

fn connect(to: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream
}

/// Sends bytes and reads until the server closes.
fn exchange(to: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = connect(to);
    stream.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    // A server that refuses early may reset what was still being sent.
    stream.read_to_end(&mut answer).ok();
    answer
}

fn answered(to: SocketAddr, bytes: &[u8]) -> Reply {
    parse(&exchange(to, bytes))
}

fn post(world: &World, more: &str, body: &str) -> String {
    format!(
        "POST /v1/redemptions HTTP/1.1\r\nhost: door\r\nconnection: close\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\nidempotency-key: wire\r\n{more}\r\n{body}",
        world.operator
    )
}

#[test]
fn a_request_with_two_lengths_is_refused_whichever_comes_first() {
    let door = strict().door;
    for lengths in [
        "content-length: 5\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked\r\ncontent-length: 5\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\nContent-Length: 5\r\n",
    ] {
        let reply =
            answered(door, post(strict(), lengths, "0\r\n\r\nGET /v1/keys HTTP/1.1\r\n\r\n").as_bytes());
        assert_eq!(reply.header("connection"), Some("close"));
        assert_eq!(reply.problem(400), "malformed", "{lengths}");
    }
    for lengths in [
        "content-length: 5\r\ncontent-length: 6\r\n",
        "content-length: -1\r\n",
        "content-length: 5, 6\r\n",
        "content-length: 0x5\r\n",
        "transfer-encoding: gzip\r\n",
        "transfer-encoding: chunked, identity\r\n",
        "transfer-encoding : chunked\r\n",
    ] {
        let reply = answered(door, post(strict(), lengths, "0\r\n\r\n").as_bytes());
        assert_eq!(reply.problem(400), "malformed", "{lengths}");
    }
}

#[test]
fn a_chunked_request_hidden_behind_another_in_one_packet_is_refused() {
    let hidden = "GET /openapi.json HTTP/1.1\r\nhost: door\r\n\r\n\
                  POST /v1/redemptions HTTP/1.1\r\nhost: door\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n";
    let answer = String::from_utf8(exchange(strict().door, hidden.as_bytes())).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let second = answer.rfind("HTTP/1.1 ").unwrap();
    assert!(answer[second..].starts_with("HTTP/1.1 400 "), "{}", &answer[second..]);
}

#[test]
fn a_soundly_chunked_body_is_read() {
    let body = "8\r\n{\"lines\"\r\n3\r\n:1}\r\n0\r\n\r\n";
    let reply = answered(strict().door, post(strict(), "transfer-encoding: chunked\r\n", body).as_bytes());
    // The operator may not redeem: it was read as a request, and its key was seen.
    assert_eq!(reply.problem(403), "forbidden");
}

#[test]
fn a_half_sent_head_is_told_so_and_closed() {
    for half in ["G", "GET /v1/keys HTTP/1.1\r\nhost: do", "PRI * HTT", "POST / HTTP/1.1\r\n"] {
        let reply = answered(strict().door, half.as_bytes());
        assert_eq!(reply.header("connection"), Some("close"));
        assert_eq!(reply.problem(408), "request_timeout", "{half}");
    }
}

#[test]
fn a_connection_that_never_speaks_is_closed() {
    assert!(exchange(strict().door, b"").is_empty());
}

#[test]
fn a_head_that_trickles_does_not_hold_a_connection() {
    let mut stream = connect(strict().door);
    let mut answer = Vec::new();
    stream.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    let mut byte = [0; 512];
    stream.write_all(b"GET / HTTP/1.1\r\nx: ").unwrap();
    loop {
        match stream.read(&mut byte) {
            Ok(0) => break,
            Ok(count) => answer.extend_from_slice(&byte[..count]),
            // Nothing yet: another byte of the head.
            Err(_) if stream.write_all(b"x").is_ok() => {}
            Err(_) => break,
        }
    }
    assert!(answer.starts_with(b"HTTP/1.1 408 "), "{}", String::from_utf8_lossy(&answer));
}

#[test]
fn a_body_that_does_not_come_whole_is_refused_and_nothing_of_it_kept() {
    let world = strict();
    let tenant = serde_json::json!({"tenant": "half", "title": "H", "mode": "sandbox", "zone": "UTC", "currency": "EUR"});
    let body = tenant.to_string();
    let head = format!(
        "POST /v1/tenants HTTP/1.1\r\nhost: door\r\nconnection: close\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        world.operator,
        body.len()
    );
    let cut = format!("{head}{}", &body[..body.len() - 1]);
    let reply = answered(world.door, cut.as_bytes());
    assert_eq!(reply.problem(400), "malformed");
    let mut stream = connect(world.door);
    stream.write_all(cut.as_bytes()).unwrap();
    drop(stream);
    let tenants = world.get(&world.operator, "/v1/tenants").expect(200).json();
    assert!(
        tenants["tenants"].as_array().unwrap().iter().all(|tenant| tenant["tenant"] != "half"),
        "{tenants}"
    );
    answered(world.door, format!("{head}{body}").as_bytes()).expect(201);
}

#[test]
fn a_body_announced_too_large_is_refused_before_it_is_sent() {
    let head = post(strict(), "content-length: 99999999999\r\n", "");
    let reply = answered(strict().door, head.as_bytes());
    assert!(matches!(reply.status, 403 | 413), "{}", reply.text());
    let world = strict();
    let head = format!(
        "POST /v1/tenants HTTP/1.1\r\nhost: door\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n\
         content-length: 99999999\r\n\r\n",
        world.operator
    );
    assert_eq!(answered(world.door, head.as_bytes()).problem(413), "body_too_large");
}

#[test]
fn heads_that_are_too_large_or_not_http_are_refused() {
    let door = strict().door;
    let wide = format!("GET / HTTP/1.1\r\nhost: door\r\nx: {}\r\n\r\n", "y".repeat(64 << 10));
    assert_eq!(answered(door, wide.as_bytes()).problem(431), "headers_too_large");
    let many: String = (0..200).map(|n| format!("x-{n}: 1\r\n")).collect();
    let many = answered(door, format!("GET / HTTP/1.1\r\n{many}\r\n").as_bytes());
    assert_eq!(many.problem(431), "headers_too_large");
    assert_eq!(answered(door, b"GET /a b HTTP/1.1\r\nhost: door\r\n\r\n").problem(400), "malformed");
    for nonsense in
        ["\0\0\0\0\r\n\r\n", "GET\r\n\r\n", "\x16\x03\x01\x02\0\x01\0\x01\r\n\r\n", "GET / HTTP/9.9\r\n\r\n"]
    {
        let answer = exchange(door, nonsense.as_bytes());
        assert!(
            answer.is_empty() || parse(&answer).problem(400) == "malformed",
            "{nonsense:?}: {}",
            String::from_utf8_lossy(&answer)
        );
    }
}

#[test]
fn an_idle_connection_stays_while_a_slow_one_goes() {
    let mut idle = connect(strict().door);
    let get = b"GET /problems/malformed HTTP/1.1\r\nhost: door\r\naccept: application/json\r\n\r\n";
    let read = |stream: &mut TcpStream| {
        let mut bytes = Vec::new();
        let mut part = [0; 1_024];
        while !bytes.ends_with(b"}") {
            let count = stream.read(&mut part).unwrap();
            assert!(count > 0, "closed");
            bytes.extend_from_slice(&part[..count]);
        }
        parse(&bytes).expect(200)
    };
    idle.write_all(get).unwrap();
    read(&mut idle);
    // Longer than a head may take: another connection that says nothing has been closed meanwhile.
    assert!(exchange(strict().door, b"").is_empty());
    assert!(exchange(strict().door, b"").is_empty());
    idle.write_all(get).unwrap();
    read(&mut idle);
}

#[test]
fn one_connection_too_many_is_told_so_and_the_others_go_on() {
    let world = World::start(Options { connections_max: 3, ..Options::default() });
    let held: Vec<TcpStream> = (0..3).map(|_| connect(world.door)).collect();
    let busy = || {
        let bytes = exchange(world.door, b"");
        (!bytes.is_empty()).then(|| parse(&bytes))
    };
    let reply = world.until("the bound is met", busy);
    assert_eq!(reply.header("retry-after"), Some("1"));
    assert_eq!(reply.problem(503), "unavailable");
    drop(held);
    let free = || {
        let mut stream = connect(world.door);
        stream.write_all(b"GET /openapi.json HTTP/1.1\r\nhost: door\r\nconnection: close\r\n\r\n").ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok()?;
        answer.starts_with(b"HTTP/1.1 200 ").then_some(())
    };
    world.until("there is room again", free);
}

#[test]
fn thousands_of_idle_connections_cost_the_others_nothing() {
    let world = strict();
    let patient = World::start(Options::default());
    let idle: Vec<TcpStream> = (0..2_000).map(|_| connect(patient.door)).collect();
    call(patient.door, "GET", "/openapi.json", &[], b"").expect(200);
    assert_eq!(idle.len(), 2_000);
    call(world.door, "GET", "/openapi.json", &[], b"").expect(200);
}

#[test]
fn one_keys_flood_is_slowed_down_and_not_anothers() {
    let world = World::start(Options { requests_per_second: 3, ..Options::default() });
    let replies: Vec<Reply> = (0..12).map(|_| world.get(&world.operator, "/v1/tenants")).collect();
    let slowed = replies.iter().find(|reply| reply.status == 429).expect("the bound was met");
    assert!(slowed.header("retry-after").unwrap().parse::<u32>().unwrap() >= 1);
    assert_eq!(slowed.clone().problem(429), "rate_limited");
    assert_eq!(replies[0].status, 200);
}

#[test]
fn a_log_that_takes_nothing_more_is_told_as_not_now_and_recovers() {
    let world = World::start(Options::default());
    let body = |name: &str| serde_json::json!({"tenant": name, "title": "F", "mode": "sandbox", "zone": "UTC", "currency": "EUR"});
    // Now and then it is a claim of the decider's that meets the refusal.
    let mut number = 0;
    let refused = world.until("a request meets the full disk", || {
        number += 1;
        world.log.refuse_next(mirabelle_log::Refused::NoRoom);
        let reply = world.post(&world.operator, "/v1/tenants", &body(&format!("full-{number}")));
        (reply.status == 503).then_some(reply)
    });
    assert_eq!(refused.header("retry-after"), Some("5"));
    assert_eq!(refused.problem(503), "unavailable");
    world.post(&world.operator, "/v1/tenants", &body(&format!("full-{number}"))).expect(201);
}

/// A frame of HTTP/2.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = u32::try_from(payload.len()).unwrap().to_be_bytes()[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// The next frame of a kind: its payload. Others are stepped over.
fn frame_of(stream: &mut TcpStream, kind: u8) -> Vec<u8> {
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).unwrap();
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        stream.read_exact(&mut payload).unwrap();
        if head[3] == kind {
            return payload;
        }
    }
}

#[test]
fn http_2_is_spoken_and_rests_as_long_as_any_idle_connection() {
    const HEADERS: u8 = 1;
    const SETTINGS: u8 = 4;
    const PING: u8 = 6;
    let mut stream = connect(strict().door);
    let get = |stream_id: u32| {
        // :method GET, :scheme http, then :path and :authority, each not indexed.
        let mut block = vec![0x82, 0x86, 0x04, 13];
        block.extend(b"/openapi.json");
        block.extend([0x01, 4]);
        block.extend(b"door");
        // END_STREAM and END_HEADERS.
        frame(HEADERS, 0x5, stream_id, &block)
    };
    // The preface in two pieces, as a slow network brings it.
    stream.write_all(b"PRI * HTT").unwrap();
    stream.write_all(b"P/2.0\r\n\r\nSM\r\n\r\n").unwrap();
    stream.write_all(&frame(SETTINGS, 0, 0, &[])).unwrap();
    stream.write_all(&get(1)).unwrap();
    // 0x88: `:status 200` of the static table.
    assert_eq!(frame_of(&mut stream, HEADERS)[0], 0x88);
    // Longer than a head may take; a ping is no half-sent head.
    stream.write_all(&frame(PING, 0, 0, b"01234567")).unwrap();
    assert_eq!(frame_of(&mut stream, PING), b"01234567");
    assert!(exchange(strict().door, b"").is_empty());
    stream.write_all(&get(3)).unwrap();
    assert_eq!(frame_of(&mut stream, HEADERS)[0], 0x88);
}

#[test]
fn what_is_in_hand_ends_before_the_door_closes_and_the_admin_port_says_so() {
    let world = World::start(Options::default());
    let tenant = serde_json::json!({"tenant": "late", "title": "L", "mode": "sandbox", "zone": "UTC", "currency": "EUR"});
    let body = tenant.to_string();
    let mut stream = connect(world.door);
    let head = format!(
        "POST /v1/tenants HTTP/1.1\r\nhost: door\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n\
         expect: 100-continue\r\ncontent-length: {}\r\n\r\n",
        world.operator,
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    // The server asks for the body: the request is in hand.
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).unwrap();
    assert!(go_on.starts_with(b"HTTP/1.1 100 "));
    world.shutdown.cancel();
    world.until("it says that it is stopping", || {
        let ready = call(world.admin, "GET", "/readyz", &[], b"");
        (ready.status == 503 && ready.text() == "stopping\n").then_some(())
    });
    world.until("nobody new is let in", || TcpStream::connect(world.door).is_err().then_some(()));
    stream.write_all(body.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    parse(&answer).expect(201);
    world.until("the admin port closes last", || TcpStream::connect(world.admin).is_err().then_some(()));
}

#[test]
fn a_key_that_is_revoked_while_its_body_comes_moves_nothing() {
    let shop = shop::open(world(), "slow-body");
    give(&shop, "g", ASHA, 1_000);
    let key = shop.key("leaver", "service", serde_json::json!({}));
    let body = serde_json::json!({"member": ASHA, "lines": [{"product": "day-off"}]}).to_string();
    let (first, rest) = body.split_at(10);
    let head = format!(
        "POST /v1/redemptions HTTP/1.1\r\nhost: door\r\nconnection: close\r\nauthorization: Bearer {key}\r\n\
         content-type: application/json\r\nidempotency-key: slow\r\ncontent-length: {}\r\n\r\n{first}",
        body.len()
    );
    let mut stream = connect(world().door);
    stream.write_all(head.as_bytes()).unwrap();
    world().post(&shop.admin, "/v1/keys/slow-body.leaver/revoke", &serde_json::json!({})).expect(200);
    world()
        .until("the key opens nothing", || (world().get(&key, "/v1/catalogue").status == 401).then_some(()));
    stream.write_all(rest.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert_eq!(parse(&answer).problem(401), "unauthenticated");
    assert_eq!(available(&shop, ASHA), 1_000);
}

#[test]
fn a_write_after_an_answer_knows_what_was_answered() {
    let shop = shop::open(world(), "write-after");
    give(&shop, "points", ASHA, 1_000);
    for round in 0..20 {
        let gift = serde_json::json!({"budget": "spot", "member": ASHA, "points": 1, "reason": "again"});
        let given = shop::keyed(&shop, &format!("gift-{round}"), "/v1/grants", &gift).expect(201);
        let position = given.header("log-position").unwrap().to_owned();
        let grant = given.json()["grants"][0]["id"].as_str().unwrap().to_owned();
        let headers = [
            ("idempotency-key", "back"),
            ("read-after", position.as_str()),
            ("content-type", "application/json"),
        ];
        let path = format!("/v1/grants/{grant}/reverse");
        let reply = world().call(&shop.admin, "POST", &path, &headers, b"{\"reason\":\"mistake\"}");
        assert_ne!(reply.status, 404, "{}", String::from_utf8_lossy(&reply.body));
    }
}
