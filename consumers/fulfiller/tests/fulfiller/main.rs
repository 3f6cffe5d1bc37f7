//! The fulfiller: facts in, commands and vendor calls out, each when it may be.

#![allow(clippy::unwrap_used, reason = "a test that can not go on stops")]

mod vendors;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use mirabelle_domain::command::{RecordFulfilment, VendorOutcome};
use mirabelle_domain::fact::{
    Balance, Delivery, FulfilmentStarted, LineFulfilled, LineUnanswered, PricedLine, RedemptionApproved,
    RedemptionClosed, RedemptionEnd, RedemptionRequested,
};
use mirabelle_domain::{AccountId, Command, CommandId, Fact, MemberId, Points, RedemptionId};
use mirabelle_follower::{Core as _, Outgoing, Seen};
use mirabelle_fulfiller::core::{RESEND_AFTER_MICROS, RETRY_FIRST_MICROS};
use mirabelle_fulfiller::service::VOUCHER_FIELD;
use mirabelle_fulfiller::{Answer, Calls, Fulfiller, Order, Sandbox, Vendor};
use mirabelle_keys::{ExposeSecret as _, Keys as _, MemoryKeys};

const MEMBER: MemberId = MemberId([3; 16]);
const REDEMPTION: RedemptionId = RedemptionId([0x52; 16]);

/// A fulfiller at work, at an instant.
pub(crate) struct Desk {
    pub core: Fulfiller,
    pub now: i64,
}

fn asha() -> AccountId {
    AccountId::member("acme".parse().unwrap(), MEMBER)
}

impl Desk {
    /// An approved redemption of one line.
    fn with(product: &str, vendor: &str) -> Desk {
        Desk::of(Fulfiller::default(), product, vendor)
    }

    /// The same, at this fulfiller.
    fn of(core: Fulfiller, product: &str, vendor: &str) -> Desk {
        let mut desk = Desk { core, now: 1_000_000 };
        let line = PricedLine {
            product: product.parse().unwrap(),
            product_version: 1,
            quantity: 2,
            unit_points: Points::new(250).unwrap(),
            delivery: Delivery::Vendor,
            vendor: Some(vendor.parse().unwrap()),
        };
        desk.see(RedemptionRequested {
            redemption: REDEMPTION,
            lines: vec![line],
            points: Points::new(500).unwrap(),
            lots: vec![],
            balance: Balance::default(),
            note: None,
        });
        desk.see(RedemptionApproved { redemption: REDEMPTION });
        desk
    }

    fn see(&mut self, fact: impl Into<Fact>) {
        let facts = [(0, fact.into())];
        self.core.see(&Seen {
            partition: 1,
            seq: 41,
            accepted_at: self.now,
            account: &asha(),
            command_id: CommandId([7; 16]),
            facts: &facts,
        });
    }

    #[track_caller]
    fn one(&mut self) -> Outgoing {
        let mut sent = self.core.act(self.now);
        assert_eq!(sent.len(), 1, "{sent:?}");
        sent.remove(0)
    }

    /// The start of an attempt is sent, and read back.
    #[track_caller]
    fn start(&mut self, attempt: u32) {
        let sent = self.one();
        let Command::StartFulfilment(start) = &sent.command else { panic!("{sent:?}") };
        assert_eq!((start.redemption, start.line, start.attempt), (REDEMPTION, 0, attempt));
        self.see(FulfilmentStarted { redemption: REDEMPTION, line: 0, attempt });
    }

    #[track_caller]
    fn order(&mut self) -> Order {
        let mut orders = self.core.calls();
        assert_eq!(orders.len(), 1, "{orders:?}");
        orders.remove(0)
    }

    /// The vendor is asked through the thread that calls vendors; what the fulfiller then records.
    fn called(&mut self, calls: &mut Calls) -> RecordFulfilment {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            calls.turn(&mut self.core);
            if let Some(sent) = self.core.act(self.now).pop() {
                let Command::RecordFulfilment(record) = sent.command else { panic!("{sent:?}") };
                return record;
            }
            assert!(Instant::now() < deadline, "the vendor never answered");
            std::thread::yield_now();
        }
    }

    fn restarted(&self) -> Desk {
        let mut core = Fulfiller::default();
        assert!(core.restore(&self.core.save()));
        Desk { core, now: self.now }
    }
}

/// Attempts and keys that a vendor was asked with.
type Asked = Arc<Mutex<Vec<(u32, String)>>>;

/// Counts who asks, with which keys.
struct Counting(Asked);

impl Vendor for Counting {
    fn order(&mut self, order: &Order) -> Answer {
        self.0.lock().unwrap().push((order.attempt, order.key.clone()));
        Sandbox.order(order)
    }

    fn key_retention(&self) -> Duration {
        Duration::MAX
    }
}

fn calls(keys: &MemoryKeys) -> (Calls, Asked) {
    let asked = Asked::default();
    let vendor: Box<dyn Vendor> = Box::new(Counting(Arc::clone(&asked)));
    let vendors = HashMap::from([("sandbox".parse().unwrap(), vendor)]);
    (Calls::start(vendors, Arc::new(keys.clone())).unwrap(), asked)
}

fn keys() -> MemoryKeys {
    let keys = MemoryKeys::new(41);
    keys.create_tenant(&"acme".parse().unwrap()).unwrap();
    keys
}

#[test]
fn no_vendor_is_called_before_the_start_of_the_attempt_was_read_back() {
    let mut desk = Desk::with("gift", "sandbox");
    let sent = desk.one();
    assert_eq!(sent.command.name(), "StartFulfilment");
    assert_eq!(desk.core.calls(), [], "sent is not read back");
    desk.see(FulfilmentStarted { redemption: REDEMPTION, line: 0, attempt: 1 });
    let order = desk.order();
    assert_eq!((order.attempt, order.quantity, order.line), (1, 2, 0));
    assert_eq!(desk.core.calls(), [], "an order is handed out once");
}

#[test]
fn a_start_that_is_not_answered_is_sent_again_under_the_same_id() {
    let mut desk = Desk::with("gift", "sandbox");
    let first = desk.one();
    desk.now += RESEND_AFTER_MICROS - 1;
    assert_eq!(desk.core.act(desk.now), []);
    desk.now += 1;
    assert_eq!(desk.one().id(), first.id());
    assert_eq!(desk.restarted().one().id(), first.id());
}

#[test]
fn codes_leave_the_vendors_thread_sealed_and_open_for_their_member_alone() {
    let keys = keys();
    let (mut calls, asked) = calls(&keys);
    let mut desk = Desk::with("gift", "sandbox");
    desk.start(1);
    let record = desk.called(&mut calls);
    assert_eq!((record.outcome, record.attempt), (VendorOutcome::Fulfilled, 1));
    let sealed = record.voucher.unwrap();
    assert!(!sealed.bytes.windows(7).any(|window| window == b"SANDBOX"), "a clear code");
    let tenant = "acme".parse().unwrap();
    let clear = keys.open(&tenant, MEMBER, VOUCHER_FIELD, &sealed).unwrap();
    let codes: Vec<String> = serde_json::from_slice(clear.expose_secret()).unwrap();
    assert!(codes.len() == 2 && codes.iter().all(|code| code.starts_with("SANDBOX-")));
    assert!(keys.open(&tenant, MemberId([4; 16]), VOUCHER_FIELD, &sealed).is_err());
    assert_eq!(asked.lock().unwrap().len(), 1);
}

#[test]
fn a_vendor_that_does_not_answer_is_asked_again_with_the_same_key_and_the_next_attempt() {
    let keys = keys();
    let (mut calls, asked) = calls(&keys);
    let mut desk = Desk::with("gift-slow", "sandbox");
    for attempt in 1..=3 {
        desk.start(attempt);
        let record = desk.called(&mut calls);
        assert_eq!(record.attempt, attempt);
        if attempt < 3 {
            assert_eq!((record.outcome, record.voucher), (VendorOutcome::Unknown, None));
            desk.see(LineUnanswered { redemption: REDEMPTION, line: 0, attempt });
            assert_eq!(desk.core.act(desk.now), [], "a pause first");
            desk.now += RETRY_FIRST_MICROS << (attempt - 1);
        } else {
            assert_eq!(record.outcome, VendorOutcome::Fulfilled);
        }
    }
    let asked = asked.lock().unwrap();
    let attempts: Vec<u32> = asked.iter().map(|(attempt, _)| *attempt).collect();
    assert_eq!(attempts, [1, 2, 3]);
    assert!(asked.iter().all(|(_, key)| *key == asked[0].1), "one key: {asked:?}");
}

#[test]
fn an_order_that_may_still_be_cancelled_waits_for_its_time_also_in_the_next_process() {
    let sandbox: Box<dyn Vendor> = Box::new(Sandbox);
    let vendors = HashMap::from([("sandbox".parse().unwrap(), sandbox)]);
    let mut desk = Desk::of(Fulfiller::of(&vendors), "lunch-later", "sandbox");
    let minute = 60_000_000;
    assert_eq!((desk.core.act(desk.now), desk.core.next_due(desk.now)), (vec![], Some(desk.now + minute)));
    let mut core = Fulfiller::of(&vendors);
    assert!(core.restore(&desk.core.save()));
    let mut again = Desk { core, now: desk.now + minute - 1 };
    assert_eq!(again.core.act(again.now), []);
    again.now += 1;
    again.start(1);
    // The other one is cancelled in time: nothing is ever ordered.
    desk.see(RedemptionClosed {
        redemption: REDEMPTION,
        end: RedemptionEnd::Cancelled,
        captured: Points::ZERO,
        returned: Points::new(500).unwrap(),
        lots: vec![],
        balance: Balance::default(),
    });
    assert_eq!((desk.core.act(desk.now + minute), desk.core.open_lines()), (vec![], 0));
}

#[test]
fn a_refusal_is_recorded_as_a_failure_so_that_the_points_go_back() {
    let (mut calls, _) = calls(&keys());
    let mut desk = Desk::with("gift-refused", "sandbox");
    desk.start(1);
    let record = desk.called(&mut calls);
    assert_eq!((record.outcome, record.voucher), (VendorOutcome::Failed, None));
    assert!(record.reason.is_some_and(|reason| !reason.is_empty()));
}

#[test]
fn many_lines_are_sent_step_by_step_and_each_waits_for_its_own_instant() {
    let mut desk = Desk::with("gift", "sandbox");
    let line = PricedLine {
        product: "gift".parse().unwrap(),
        product_version: 1,
        quantity: 1,
        unit_points: Points::new(250).unwrap(),
        delivery: Delivery::Vendor,
        vendor: Some("sandbox".parse().unwrap()),
    };
    for number in 0..3_000_u32 {
        let mut redemption = REDEMPTION;
        redemption.0[..4].copy_from_slice(&number.to_be_bytes());
        desk.see(RedemptionRequested {
            redemption,
            lines: vec![line.clone()],
            points: Points::new(250).unwrap(),
            lots: vec![],
            balance: Balance::default(),
            note: None,
        });
        desk.see(RedemptionApproved { redemption });
    }
    assert_eq!(desk.core.act(desk.now).len(), 2_000);
    desk.now += 1_000;
    assert_eq!(desk.core.act(desk.now).len(), 1_001);
    assert_eq!(
        (desk.core.act(desk.now), desk.core.next_due(desk.now)),
        (vec![], Some(1_000_000 + RESEND_AFTER_MICROS))
    );
    desk.now = 1_000_000 + RESEND_AFTER_MICROS;
    assert_eq!((desk.core.act(desk.now).len(), desk.core.act(desk.now).len()), (2_000, 0));
}

#[test]
fn a_fulfiller_that_starts_again_in_the_middle_asks_with_the_same_key() {
    let mut desk = Desk::with("gift", "sandbox");
    desk.start(1);
    let order = desk.order();
    // The process ends while the vendor is being asked: nobody knows what came of it.
    let mut again = desk.restarted();
    let asked_again = again.order();
    assert_eq!(asked_again, order);
    assert_eq!(again.core.act(again.now), [], "no new attempt while one is under way");
}

#[test]
fn a_line_that_was_delivered_after_the_checkpoint_is_not_ordered_again() {
    let mut desk = Desk::with("gift", "sandbox");
    desk.start(1);
    let mut again = desk.restarted();
    again.see(LineFulfilled {
        redemption: REDEMPTION,
        line: 0,
        points: Points::new(500).unwrap(),
        lots: vec![],
        voucher: None,
        reference: None,
        balance: Balance::default(),
    });
    assert_eq!((again.core.calls(), again.core.act(again.now)), (vec![], vec![]));
    assert_eq!(again.core.open_lines(), 0);
}

#[test]
fn an_answer_to_an_attempt_that_the_log_calls_unanswered_gives_way_to_the_next_attempt() {
    let mut desk = Desk::with("gift", "sandbox");
    desk.start(1);
    let order = desk.order();
    // Recorded by another process, or by this one before it was started again: the id of this attempt's answer is taken.
    desk.see(LineUnanswered { redemption: REDEMPTION, line: 0, attempt: 1 });
    desk.core.answered(&order, VendorOutcome::Fulfilled, None, None, None);
    assert_eq!(desk.core.act(desk.now), [], "a pause first");
    desk.now += RETRY_FIRST_MICROS;
    desk.start(2);
    assert_eq!(desk.order().key, order.key);
}

#[test]
fn a_clock_that_is_set_back_does_not_stretch_the_pause_before_the_next_attempt() {
    let mut desk = Desk::with("gift", "sandbox");
    desk.now += 30 * 3_600_000_000;
    desk.start(1);
    let order = desk.order();
    desk.core.answered(&order, VendorOutcome::Unknown, None, None, None);
    desk.see(LineUnanswered { redemption: REDEMPTION, line: 0, attempt: 1 });
    assert_eq!(desk.core.act(desk.now), [], "a pause first");
    desk.now -= 30 * 3_600_000_000;
    desk.start(2);
}
