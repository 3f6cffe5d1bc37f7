//! What keys cost: `cargo bench -p mirabelle-keys`.

#![allow(clippy::print_stdout, reason = "a bench prints its figures")]

use std::time::{Duration, Instant};

use mirabelle_domain::{MemberId, TenantId};
use mirabelle_keys::{EmbeddedKeys, Keys, LocalKek};

const MEMBERS: u128 = 40_000;

fn main() {
    let directory = tempfile::tempdir().expect("a directory for the run");
    let kek = LocalKek::create_file(&directory.path().join("kek")).expect("a new key");
    let keys = EmbeddedKeys::open(&directory.path().join("keys"), Box::new(kek), Default::default());
    let keys = keys.expect("a new key store");
    let tenant: TenantId = "acme".parse().expect("a tenant");
    keys.create_tenant(&tenant).expect("a new tenant");
    let members: Vec<MemberId> = (1..=MEMBERS)
        .map(|n| MemberId((n.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)).to_be_bytes()))
        .collect();

    let begun = Instant::now();
    keys.create_members(&tenant, &members[..1]).expect("a healthy key store");
    println!("{:<36}{:>10.2} ms", "key of 1 new member", begun.elapsed().as_secs_f64() * 1e3);
    let begun = Instant::now();
    keys.create_members(&tenant, &members).expect("a healthy key store");
    println!("{:<36}{:>10.2} ms", "keys of 40,000 new members", begun.elapsed().as_secs_f64() * 1e3);

    let name = b"{\"given\":\"Asha\",\"family\":\"Rao\",\"email\":\"asha.rao@acme.example\"}";
    let mut sealed = Vec::new();
    for round in ["first", "again, from the cache"] {
        sealed.clear();
        let begun = Instant::now();
        sealed.extend(
            members.iter().map(|member| keys.seal(&tenant, *member, "personal", name).expect("a key")),
        );
        println!("{:<36}{:>10.2} µs each", format!("seal 64 bytes, {round}"), each(begun.elapsed(), MEMBERS));
    }
    let begun = Instant::now();
    for (member, sealed) in members.iter().zip(&sealed) {
        keys.open(&tenant, *member, "personal", sealed).expect("what was sealed");
    }
    println!("{:<36}{:>10.2} µs each", "open", each(begun.elapsed(), MEMBERS));
    let begun = Instant::now();
    for number in 0..MEMBERS {
        let id = keys.member_id(&tenant, "workday", &number.to_string(), 0).expect("a tenant");
        std::hint::black_box(id);
    }
    println!("{:<36}{:>10.2} µs each", "member id", each(begun.elapsed(), MEMBERS));
    let begun = Instant::now();
    keys.erase(&tenant, members[17]).expect("a healthy key store");
    println!("{:<36}{:>10.2} ms", "erase", begun.elapsed().as_secs_f64() * 1e3);
}

fn each(time: Duration, count: u128) -> f64 {
    time.as_secs_f64() * 1e6 / count as f64
}
