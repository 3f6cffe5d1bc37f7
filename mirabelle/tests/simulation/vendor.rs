//! Who delivers: knows every order by its key, delivers once, and sometimes its answer is lost.

use std::collections::{BTreeMap, BTreeSet};

use mirabelle_domain::command::VendorOutcome;
use mirabelle_domain::{RedemptionId, Sealed};
use mirabelle_fulfiller::{Answer, Fulfiller, Order, Sandbox, Vendor as _};

use crate::books::Books;
use crate::truth::Broken;

#[derive(Default)]
pub(crate) struct Vendor {
    /// Codes by key.
    delivered: BTreeMap<String, Vec<String>>,
    refused: BTreeSet<String>,
    /// The key of each line.
    keys: BTreeMap<(RedemptionId, u32), String>,
}

/// An order under way, with what the vendor said to it.
pub(crate) struct Call {
    pub(crate) order: Order,
    pub(crate) answer: Answer,
}

impl Vendor {
    /// Orders. `born`: how many lines had ended when the caller began to read: it must not act on those.
    pub(crate) fn order(&mut self, order: Order, books: &Books, born: usize) -> Result<Call, Broken> {
        let line = (order.redemption, order.line);
        let key = self.keys.entry(line).or_insert_with(|| order.key.clone());
        if *key != order.key {
            return Err(format!("line {} of {} is ordered under two keys", order.line, order.redemption));
        }
        if books.started(line) < order.attempt {
            return Err(format!("{order:?} is ordered before its start was read back"));
        }
        if books.ended(line).is_some_and(|ended| ended < born) {
            return Err(format!("{order:?} is history, and is ordered again"));
        }
        let answer = Sandbox.order(&order);
        match &answer {
            Answer::Delivered { codes, .. } => {
                let first = self.delivered.entry(order.key.clone()).or_insert_with(|| codes.clone());
                if first != codes {
                    return Err(format!("{order:?} is delivered twice"));
                }
            }
            Answer::Refused { .. } => {
                self.refused.insert(order.key.clone());
            }
            Answer::Unclear => {}
        }
        Ok(Call { order, answer })
    }

    /// What was delivered under a key, as it is sealed.
    pub(crate) fn delivered(&self, key: &str) -> Option<Sealed> {
        self.delivered.get(key).map(|codes| sealed(codes))
    }

    pub(crate) fn refused(&self, key: &str) -> bool {
        self.refused.contains(key)
    }
}

impl Call {
    /// The answer gets lost on its way.
    pub(crate) fn lose(&mut self) {
        self.answer = Answer::Unclear;
    }

    /// The fulfiller hears it.
    pub(crate) fn tell(self, fulfiller: &mut Fulfiller) {
        let Call { order, answer } = self;
        match answer {
            Answer::Delivered { codes, reference } => {
                let voucher = Some(sealed(&codes));
                fulfiller.answered(&order, VendorOutcome::Fulfilled, voucher, Some(reference), None);
            }
            Answer::Refused { reason } => {
                fulfiller.answered(&order, VendorOutcome::Failed, None, None, Some(reason));
            }
            Answer::Unclear => fulfiller.answered(&order, VendorOutcome::Unknown, None, None, None),
        }
    }
}

/// The simulation keeps no keys: what is sealed is only told from the clear.
fn sealed(codes: &[String]) -> Sealed {
    Sealed { key_ref: "simulation".to_owned(), nonce: vec![7; 12], bytes: codes.join(",").into_bytes() }
}
