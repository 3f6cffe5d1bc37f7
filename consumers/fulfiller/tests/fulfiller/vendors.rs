//! Vendors that are not there, that break, and that forget.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mirabelle_domain::command::VendorOutcome;
use mirabelle_domain::fact::LineUnanswered;
use mirabelle_domain::{Command, Name};
use mirabelle_follower::Core as _;
use mirabelle_fulfiller::core::RETRY_FIRST_MICROS;
use mirabelle_fulfiller::{Answer, Calls, Fulfiller, Order, Vendor};

use crate::{Desk, REDEMPTION, calls, keys};

/// Knows a key for an hour, and can't be asked.
struct Forgetful;

const HOUR: i64 = 3_600_000_000;

impl Vendor for Forgetful {
    fn order(&mut self, order: &Order) -> Answer {
        panic!("asked for {order:?}")
    }

    fn key_retention(&self) -> Duration {
        Duration::from_secs(3_600)
    }
}

/// Vendors of whom one forgets.
fn forgetful() -> HashMap<Name, Box<dyn Vendor>> {
    let vendor: Box<dyn Vendor> = Box::new(Forgetful);
    HashMap::from([("forgetful".parse().unwrap(), vendor)])
}

#[test]
fn a_vendor_that_is_not_set_up_has_said_nothing_and_the_line_waits_for_it() {
    let (mut calls, asked) = calls(&keys());
    let mut desk = Desk::with("gift", "nobody");
    desk.start(1);
    let record = desk.called(&mut calls);
    // Before this start it may have been set up, and have delivered: the points must not go back.
    assert_eq!((record.outcome, record.reason), (VendorOutcome::Unknown, None));
    desk.see(LineUnanswered { redemption: REDEMPTION, line: 0, attempt: 1 });
    assert_eq!((desk.core.act(desk.now), desk.core.open_lines()), (vec![], 1));
    desk.now += RETRY_FIRST_MICROS;
    desk.start(2);
    assert_eq!(asked.lock().unwrap().len(), 0);
}

#[test]
fn a_vendors_thread_that_died_ends_the_role() {
    let mut calls = Calls::start(forgetful(), Arc::new(keys())).unwrap();
    let mut desk = Desk::with("gift", "forgetful");
    desk.start(1);
    let deadline = Instant::now() + Duration::from_secs(30);
    let fault = loop {
        calls.turn(&mut desk.core);
        if let Some(fault) = desk.core.fault() {
            break fault;
        }
        assert!(Instant::now() < deadline, "nobody noticed");
        std::thread::yield_now();
    };
    assert!(fault.to_string().contains("vendors"), "{fault}");
}

#[test]
fn a_vendor_that_may_have_forgotten_the_key_is_never_asked_again_and_the_line_waits_for_a_person() {
    let mut desk = Desk::of(Fulfiller::of(&forgetful()), "gift", "forgetful");
    desk.start(1);
    let order = desk.order();
    desk.core.answered(&order, VendorOutcome::Unknown, None, None, None);
    assert_eq!(desk.one().command.name(), "RecordFulfilment");
    desk.see(LineUnanswered { redemption: REDEMPTION, line: 0, attempt: 1 });
    assert_eq!((desk.core.act(desk.now), desk.core.held()), (vec![], 0));
    desk.now += HOUR;
    assert_eq!((desk.core.act(desk.now), desk.core.held()), (vec![], 1));
    desk.now += 100 * HOUR;
    assert_eq!((desk.core.act(desk.now), desk.core.next_due(desk.now)), (vec![], None));
    let mut core = Fulfiller::of(&forgetful());
    assert!(core.restore(&desk.core.save()));
    let mut again = Desk { core, now: desk.now };
    assert_eq!(
        (again.core.act(again.now), again.core.act(again.now + HOUR)),
        (vec![], vec![]),
        "a pause first"
    );
    assert_eq!((again.core.held(), again.core.open_lines()), (1, 1));
    assert_eq!(again.core.calls(), []);
}

#[test]
fn an_attempt_that_was_under_way_when_the_vendor_forgot_the_key_is_said_to_be_unanswered() {
    let mut desk = Desk::of(Fulfiller::of(&forgetful()), "gift", "forgetful");
    desk.start(1);
    desk.order();
    // The process ends while the vendor is being asked, and comes back when it is too late to ask again.
    let mut core = Fulfiller::of(&forgetful());
    assert!(core.restore(&desk.core.save()));
    let mut again = Desk { core, now: desk.now + HOUR };
    assert_eq!(again.core.act(again.now), []);
    assert_eq!(again.core.calls(), []);
    let Command::RecordFulfilment(record) = again.one().command else { panic!("not a record") };
    assert_eq!((record.attempt, record.outcome), (1, VendorOutcome::Unknown));
}
