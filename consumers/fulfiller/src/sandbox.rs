//! The built-in vendor for trying: codes that nobody takes, made from the order's key, so that asking twice
//! delivers once without anything to remember.

use std::time::Duration;

use mirabelle_domain::Name;

use crate::vendor::{Answer, Order, Vendor};

/// How long orders of products that end in `-later` can be cancelled.
const LATER: Duration = Duration::from_secs(60);

/// The sandbox vendor. Products whose name ends in `-refused` are refused, those that end in `-slow` are answered
/// at the third attempt, and those that end in `-later` are ordered a minute after their request.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sandbox;

impl Vendor for Sandbox {
    fn order(&mut self, order: &Order) -> Answer {
        let product = order.product.as_str();
        if product.ends_with("-refused") {
            return Answer::Refused {
                reason: "the sandbox refuses products that end in -refused".to_owned(),
            };
        }
        if product.ends_with("-slow") && order.attempt < 3 {
            return Answer::Unclear;
        }
        let codes = (0..order.quantity).map(|index| code(&order.key, index)).collect();
        Answer::Delivered { codes, reference: format!("sandbox-{}", &order.key[..12]) }
    }

    /// The codes are made from the key alone.
    fn key_retention(&self) -> Duration {
        Duration::MAX
    }

    fn wait(&self) -> fn(&Name) -> Duration {
        |product| if product.as_str().ends_with("-later") { LATER } else { Duration::ZERO }
    }
}

fn code(key: &str, index: u32) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("mirabelle sandbox voucher 1");
    hasher.update(key.as_bytes()).update(&index.to_be_bytes());
    let text = hasher.finalize().to_hex().to_uppercase();
    format!("SANDBOX-{}-{}-{}", &text[..4], &text[4..8], &text[8..12])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(product: &str, attempt: u32, quantity: u32) -> Order {
        Order {
            tenant: "acme".parse().unwrap(),
            member: mirabelle_domain::MemberId([3; 16]),
            redemption: mirabelle_domain::RedemptionId([7; 16]),
            line: 1,
            attempt,
            product: product.parse().unwrap(),
            quantity,
            vendor: "sandbox".parse().unwrap(),
            key: "0123456789abcdef0123456789abcdef".to_owned(),
        }
    }

    #[test]
    fn the_sandbox_asked_twice_delivers_the_same_codes() {
        let first = Sandbox.order(&order("gift", 1, 2));
        assert_eq!(first, Sandbox.order(&order("gift", 2, 2)));
        let Answer::Delivered { codes, .. } = first else { panic!("not delivered: {first:?}") };
        assert_eq!(codes.len(), 2);
        assert_ne!(codes[0], codes[1]);
    }

    #[test]
    fn the_sandbox_can_refuse_and_be_slow() {
        assert!(matches!(Sandbox.order(&order("gift-refused", 1, 1)), Answer::Refused { .. }));
        assert_eq!(Sandbox.order(&order("gift-slow", 2, 1)), Answer::Unclear);
        assert!(matches!(Sandbox.order(&order("gift-slow", 3, 1)), Answer::Delivered { .. }));
    }
}
