//! A burst, and closed loops, against servers that lie.

use crate::load;
use crate::standin::{Lie, Standin};

const BURST: [&str; 6] = ["--count", "400", "--connections", "40", "--drain", "2s"];

#[test]
fn a_burst_against_an_honest_server_passes_and_asks_every_key_twice() {
    for transport in ["raw", "hyper", "http2"] {
        let server = Standin::start(Lie::None, None);
        let mut arguments = BURST.to_vec();
        arguments.extend(["--transport", transport, "--overdrafts", "10%"]);
        let ran = load(&server, "burst", &arguments);
        assert!(ran.passed, "{transport}: {}", ran.text);
        assert_eq!((server.keys(), server.requests()), (400, 800), "{transport}");
        assert_eq!(ran.number("/figures/answered"), 400.0);
        assert_eq!(ran.number("/repeats/outcomes/repeated"), 400.0);
        assert_eq!(ran.number("/figures/outcomes/paid") + ran.number("/figures/outcomes/refused"), 400.0);
        assert!(ran.number("/figures/outcomes/refused") > 10.0);
    }
}

#[test]
fn a_burst_finds_a_server_that_pays_a_repeated_key_again() {
    let ran = load(&Standin::start(Lie::PaysTwice, None), "burst", &BURST);
    assert!(!ran.passed && ran.grounds().contains("another body"), "{}", ran.text);
}

#[test]
fn a_burst_finds_a_server_that_gives_two_payments_one_answer() {
    let server = Standin::start(Lie::SharesAnAnswer, None);
    let ran = load(&server, "burst", &[&BURST[..], &["--overdrafts", "0"]].concat());
    assert!(!ran.passed && ran.grounds().contains("20 payments were answered with the body"), "{}", ran.text);
}

#[test]
fn a_burst_finds_a_server_that_loses_requests() {
    let ran = load(&Standin::start(Lie::Loses, None), "burst", &BURST);
    assert!(!ran.passed && ran.grounds().contains("requests got no answer"), "{}", ran.text);
    assert!(ran.number("/figures/answered") < 400.0);
}

#[test]
fn a_burst_lists_answers_that_no_request_may_get() {
    let cases = [
        (Lie::PaysOverdrafts, "10%", "nothing covers was paid"),
        (Lie::NotFound, "10%", "answered 404"),
        (Lie::Fails, "10%", "answered 500"),
        (Lie::Breaks, "0", "the connection"),
    ];
    for (lie, overdrafts, complaint) in cases {
        let server = Standin::start(lie, None);
        let ran = load(&server, "burst", &[&BURST[..], &["--overdrafts", overdrafts]].concat());
        assert!(!ran.passed && ran.grounds().contains(complaint), "{lie:?}: {}", ran.text);
        assert!(ran.text.contains("unexpected") && ran.text.contains("FAILED"), "{lie:?}: {}", ran.text);
    }
}

#[test]
fn a_closed_loop_finds_repeats_and_overdrafts_that_are_answered_wrongly() {
    let cases = [
        (Lie::HidesRepeats, "without Idempotency-Replayed"),
        (Lie::PaysTwice, "another body"),
        (Lie::PaysOverdrafts, "nothing covers was paid"),
    ];
    for (lie, complaint) in cases {
        let server = Standin::start(lie, None);
        let shares = ["--duplicates", "30%", "--overdrafts", "30%"];
        let span = ["--in-flight", "8", "--duration", "1s", "--warmup", "0s"];
        let ran = load(&server, "closed", &[&span[..], &shares[..]].concat());
        assert!(!ran.passed && ran.grounds().contains(complaint), "{lie:?}: {}", ran.text);
    }
}

#[test]
fn with_retry_a_broken_connection_costs_time_and_no_answer() {
    let server = Standin::start(Lie::Breaks, None);
    let ran = load(&server, "burst", &[&BURST[..], &["--retry", "--overdrafts", "0"]].concat());
    assert!(ran.passed, "{}", ran.text);
    // The answers whose ids end in 00 were cut off once each.
    assert_eq!((ran.number("/figures/retried"), ran.number("/figures/answered")), (4.0, 400.0));
    assert_eq!(server.keys(), 400);
}

#[test]
fn a_recheck_after_a_closed_loop_repeats_every_answered_key_and_finds_one_that_was_decided_again() {
    let span =
        ["--in-flight", "4", "--duration", "300ms", "--warmup", "0s", "--duplicates", "0", "--recheck"];
    let honest = Standin::start(Lie::None, None);
    let ran = load(&honest, "closed", &span);
    assert!(ran.passed, "{}", ran.text);
    assert_eq!(ran.number("/repeats/outcomes/repeated"), ran.number("/figures/answered"));
    assert_eq!(honest.requests(), 2 * honest.keys() as u64);
    let ran = load(&Standin::start(Lie::PaysTwice, None), "closed", &span);
    assert!(!ran.passed && ran.grounds().contains("another body"), "{}", ran.text);
}
