//! kill -9 at random moments under load, again and again on one directory.

use std::collections::HashMap;
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use serde_json::Value as Json;

use crate::http::{Link, Reply};
use crate::server::{Server, assert_holds, until};
use crate::shop::{PRICE, Shop};

const ROUNDS: u64 = 100;
const CLIENTS: u64 = 8;
const PEOPLE: usize = 24;
/// Everybody has enough for a while.
const FIRST_GIFT: i64 = 2_000;

/// A wish that was sent.
#[derive(Clone, Debug)]
struct Sent {
    path: &'static str,
    key: String,
    member: usize,
    points: i64,
    body: String,
}

/// A wish with its answer.
type Answered = (Sent, Reply);

/// What one client brings home when its server was killed.
#[derive(Default)]
struct Harvest {
    answered: Vec<Answered>,
    /// Sent, and nobody knows what became of it.
    unclear: Option<Sent>,
}

fn draw(random: &mut StdRng, shop: &Shop, key: String) -> Sent {
    let member = random.random_range(0..PEOPLE);
    if random.random_ratio(1, 4) {
        let points = random.random_range(1..40);
        let body = Shop::gift(&shop.members[member], points).to_string();
        Sent { path: "/v1/grants", key, member, points, body }
    } else {
        let body = Shop::wish(&shop.members[member], "day-off").to_string();
        Sent { path: "/v1/redemptions", key, member, points: -PRICE, body }
    }
}

fn send(link: &mut Link, admin: &str, sent: &Sent) -> std::io::Result<Reply> {
    let bearer = format!("Bearer {admin}");
    let headers = [("authorization", bearer.as_str()), ("idempotency-key", sent.key.as_str())];
    link.call("POST", sent.path, &headers, &sent.body)
}

/// A final answer; anything else was not acknowledged.
fn is_final(reply: &Reply) -> bool {
    matches!(reply.status, 201 | 422)
}

/// Sends wish after wish until the server is gone.
fn client(door: &str, shop: &Shop, seed: u64, first: Option<Sent>) -> Harvest {
    let mut random = StdRng::seed_from_u64(seed);
    let mut harvest = Harvest { unclear: first, ..Harvest::default() };
    let Ok(mut link) = Link::open(door) else { return harvest };
    for number in 0.. {
        let sent =
            harvest.unclear.take().unwrap_or_else(|| draw(&mut random, shop, format!("{seed:x}-{number}")));
        match send(&mut link, &shop.admin, &sent) {
            Ok(reply) if is_final(&reply) => harvest.answered.push((sent, reply)),
            Ok(reply) => {
                assert!(matches!(reply.status, 202 | 429 | 503), "{reply:?}");
                harvest.unclear = Some(sent);
            }
            Err(_) => {
                harvest.unclear = Some(sent);
                break;
            }
        }
    }
    harvest
}

/// One life of the server under load.
fn round(data: &Path, shop: &Shop, number: u64, known: &mut Vec<Answered>, unclear: &mut Vec<Sent>) {
    let server = Server::start(data);
    let mut random = StdRng::seed_from_u64(0x4b11_0000 + number);
    let few: Vec<Answered> = known.choose_multiple(&mut random, 5).cloned().collect();
    assert_repeated(&server, shop, &few);
    let load = Duration::from_micros(random.random_range(60_000..260_000));
    let (ended, all_ended): (Sender<()>, _) = channel();
    let mut left = std::mem::take(unclear).into_iter();
    let harvests: Vec<Harvest> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client_number| {
                let (door, first, ended) = (server.door.clone(), left.next(), ended.clone());
                let seed = (number << 8) + client_number;
                scope.spawn(move || {
                    let harvest = client(&door, shop, seed, first);
                    drop(ended);
                    harvest
                })
            })
            .collect();
        drop(ended);
        // Nobody answers on this channel: it is the load that ends.
        assert_eq!(all_ended.recv_timeout(load), Err(RecvTimeoutError::Timeout), "a client ended early");
        server.kill();
        clients.into_iter().map(|client| client.join().unwrap()).collect()
    });
    unclear.extend(left);
    for harvest in harvests {
        known.extend(harvest.answered);
        unclear.extend(harvest.unclear);
    }
}

/// Repeats what was acknowledged: the answers are the same, byte for byte.
fn assert_repeated(server: &Server, shop: &Shop, known: &[Answered]) {
    let mut link = Link::open(&server.door).unwrap();
    for (sent, first) in known {
        let again = until("an answer that is final", || {
            let reply = send(&mut link, &shop.admin, sent).unwrap();
            // After a start the rows may be behind for a moment.
            assert!(is_final(&reply) || reply.status == 503, "{reply:?}");
            is_final(&reply).then_some(reply)
        });
        assert_eq!((again.status, &again.body), (first.status, &first.body), "{sent:?}");
        assert_eq!(again.header("idempotency-replayed"), Some("true"), "{sent:?} {again:?}");
    }
}

#[test]
fn nothing_acknowledged_is_lost_or_done_twice_through_a_hundred_kills() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let shop = Shop::open(&server, PEOPLE);
    let mut expected: HashMap<usize, i64> = HashMap::new();
    for (number, member) in shop.members.iter().enumerate() {
        shop.give(&server, &format!("first-{number}"), member, FIRST_GIFT);
        expected.insert(number, FIRST_GIFT);
    }
    server.kill();
    let (mut known, mut unclear) = (Vec::new(), Vec::new());
    let began = Instant::now();
    for number in 0..ROUNDS {
        round(data.path(), &shop, number, &mut known, &mut unclear);
    }
    let took = began.elapsed();
    let server = Server::start(data.path());
    finish(&server, &shop, &mut known, unclear);
    // Side by side, as they were sent.
    std::thread::scope(|scope| {
        for part in known.chunks(known.len().div_ceil(4 * CLIENTS as usize)) {
            scope.spawn(|| assert_repeated(&server, &shop, part));
        }
    });
    count(&known, &mut expected);
    for (number, member) in shop.members.iter().enumerate() {
        until("the wallet has what was acknowledged, and no more", || {
            (shop.available(&server, member) == expected[&number]).then_some(())
        });
        assert_eq!(shop.balance(&server, member)["reserved"], 0);
    }
    let given: i64 =
        known.iter().filter(|(s, r)| s.points > 0 && r.status == 201).map(|(s, _)| s.points).sum();
    let given = given + FIRST_GIFT * PEOPLE as i64;
    until("the budget has paid what was acknowledged, and no more", || {
        let budget: Json = server.get(&shop.admin, "/v1/budgets/spot").expect(200).json();
        (budget["spent"].as_i64() == Some(given) && budget["committed"] == 0).then_some(())
    });
    server.terminate();
    let said = assert_holds(data.path());
    eprintln!(
        "{ROUNDS} kills in {took:.1?}: {} answers acknowledged and repeated, {} decisions verified",
        known.len(),
        said["decisions"]
    );
    assert!(known.len() as u64 > 10 * ROUNDS, "hardly any load: {} answers", known.len());
}

/// Asks again for what nobody knew the end of.
fn finish(server: &Server, shop: &Shop, known: &mut Vec<Answered>, unclear: Vec<Sent>) {
    let mut link = Link::open(&server.door).unwrap();
    for sent in unclear {
        let reply = until("an answer that is final", || {
            let reply = send(&mut link, &shop.admin, &sent).unwrap();
            is_final(&reply).then_some(reply)
        });
        known.push((sent, reply));
    }
}

/// Adds up what was acknowledged, without asking the server.
fn count(known: &[Answered], expected: &mut HashMap<usize, i64>) {
    let mut keys = std::collections::HashSet::new();
    for (sent, reply) in known {
        assert!(keys.insert(&sent.key), "a key was answered to two wishes");
        if reply.status == 201 {
            *expected.get_mut(&sent.member).unwrap() += sent.points;
        }
    }
}
