//! Vendor calls beside the loop: one thread orders, the loop goes on, answers come back sealed.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use mirabelle_domain::command::VendorOutcome;
use mirabelle_domain::{Name, Sealed};
use mirabelle_keys::Keys;
use tracing::{error, warn};

use crate::core::Fulfiller;
use crate::vendor::{Answer, Order, Vendor};

/// Under this name the codes of a line are sealed: a JSON array of texts.
pub const VOUCHER_FIELD: &str = "voucher";
/// Most orders under way.
const ORDERS_MAX: usize = 256;
/// Pause between two looks at the vendors' answers while one is awaited.
const UNDER_WAY: Duration = Duration::from_millis(5);

/// What a call came to; `None` in `voucher` unless it was delivered.
struct Called {
    order: Order,
    outcome: VendorOutcome,
    voucher: Option<Sealed>,
    reference: Option<String>,
    reason: Option<String>,
}

/// The thread that calls vendors.
pub struct Calls {
    orders: Option<SyncSender<Order>>,
    called: Receiver<Called>,
    waiting: Vec<Order>,
    under_way: usize,
    thread: Option<JoinHandle<()>>,
}

impl Calls {
    /// Starts the thread. What becomes of an order of a vendor that is not among these stays unclear: a vendor that was
    /// there before may have delivered.
    pub fn start(vendors: HashMap<Name, Box<dyn Vendor>>, keys: Arc<dyn Keys>) -> std::io::Result<Calls> {
        let (orders, to_do) = sync_channel::<Order>(ORDERS_MAX);
        let (done, called) = sync_channel(ORDERS_MAX * 2);
        let thread = std::thread::Builder::new().name("vendors".to_owned()).spawn(move || {
            let mut vendors = vendors;
            for order in to_do {
                let called = call(&mut vendors, keys.as_ref(), order);
                if done.send(called).is_err() {
                    return;
                }
            }
        })?;
        Ok(Calls { orders: Some(orders), called, waiting: Vec::new(), under_way: 0, thread: Some(thread) })
    }

    /// Hands over what may be ordered and takes what was answered. Returns after how long it wants the next turn. When the
    /// thread has ended, the core is told, and the role ends.
    pub fn turn(&mut self, core: &mut Fulfiller) -> Duration {
        self.waiting.extend(core.calls());
        if let Some(orders) = &self.orders {
            while let Some(order) = self.waiting.pop() {
                if let Err(TrySendError::Full(order) | TrySendError::Disconnected(order)) =
                    orders.try_send(order)
                {
                    self.waiting.push(order);
                    break;
                }
                self.under_way += 1;
            }
        }
        let mut any = false;
        loop {
            match self.called.try_recv() {
                Ok(called) => {
                    any = true;
                    self.under_way -= 1;
                    let Called { order, outcome, voucher, reference, reason } = called;
                    core.answered(&order, outcome, voucher, reference, reason);
                }
                Err(TryRecvError::Disconnected) => {
                    core.fail(VendorsEnded.into());
                    return Duration::ZERO;
                }
                Err(TryRecvError::Empty) if any => return Duration::ZERO,
                Err(TryRecvError::Empty) if self.under_way > 0 => return UNDER_WAY,
                Err(TryRecvError::Empty) => return Duration::MAX,
            }
        }
    }
}

/// The thread that calls vendors is gone: a vendor's code has panicked.
#[derive(Debug, thiserror::Error)]
#[error("the thread that calls vendors has ended")]
struct VendorsEnded;

impl Drop for Calls {
    fn drop(&mut self) {
        self.orders = None;
        // Room for what is still answered, so that the thread can end.
        while self.called.recv().is_ok() {}
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            error!("the vendors' thread panicked");
        }
    }
}

fn call(vendors: &mut HashMap<Name, Box<dyn Vendor>>, keys: &dyn Keys, order: Order) -> Called {
    let answer = match vendors.get_mut(&order.vendor) {
        Some(vendor) => vendor.order(&order),
        None => {
            let Order { vendor, redemption, line, .. } = &order;
            error!(%vendor, %redemption, line, "this vendor is not set up: its lines wait until it is");
            Answer::Unclear
        }
    };
    let unclear = |order| Called {
        order,
        outcome: VendorOutcome::Unknown,
        voucher: None,
        reference: None,
        reason: None,
    };
    match answer {
        Answer::Delivered { codes, reference } => {
            let clear = serde_json::to_vec(&codes).expect("texts are JSON");
            match keys.seal(&order.tenant, order.member, VOUCHER_FIELD, &clear) {
                Ok(voucher) => Called {
                    order,
                    outcome: VendorOutcome::Fulfilled,
                    voucher: Some(voucher),
                    reference: Some(reference),
                    reason: None,
                },
                Err(error) => {
                    // The vendor knows the key: asked again, it answers the same.
                    warn!(redemption = %order.redemption, error = &error as &dyn std::error::Error, "voucher could not be sealed");
                    unclear(order)
                }
            }
        }
        Answer::Refused { reason } => Called {
            order,
            outcome: VendorOutcome::Failed,
            voucher: None,
            reference: None,
            reason: Some(reason),
        },
        Answer::Unclear => unclear(order),
    }
}
