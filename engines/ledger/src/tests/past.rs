//! What is known of heads that claims name: never wrong about what was, and sure about what was not.

use mirabelle_domain::Digest;
use mirabelle_log::Offset;
use proptest::prelude::*;

use super::LOG;
use crate::Head;
use crate::known::{Known, Named};

fn digest(number: u64) -> Digest {
    Digest(u128::from(number + 1).to_be_bytes())
}

proptest! {
    #[test]
    fn a_head_that_was_is_never_denied_and_one_that_was_not_is_never_confirmed(
        steps in prop::collection::vec(any::<bool>(), 0..60),
        start in 0_usize..60,
        bound in 1_usize..80,
    ) {
        // All heads that ever were: a claim raises the epoch, a decision the seq.
        let mut heads = vec![(0, 0, digest(0))];
        for (number, is_claim) in (1..).zip(&steps) {
            let (epoch, seq, _) = heads[heads.len() - 1];
            heads.push(if *is_claim { (epoch + 1, seq, digest(number)) } else { (epoch, seq + 1, digest(number)) });
        }
        let start = start.min(steps.len());
        let (epoch, seq, at_start) = heads[start];
        let head = Head {
            log_id: LOG, epoch, claim: 5, open: true, seq, digest: at_start, at: 9, next: [Offset(0); 3],
            domain_revision: 1,
        };
        let mut known = Known::from(&head, bound);
        for (number, is_claim) in steps.iter().enumerate().skip(start) {
            let (epoch, seq, digest) = heads[number + 1];
            if *is_claim { known.claimed(seq, digest) } else { known.decided(epoch, digest) }
        }
        let (last_epoch, last_seq, _) = heads[heads.len() - 1];
        for epoch in 0..=last_epoch {
            for seq in 0..=last_seq {
                let was = heads.iter().find(|head| (head.0, head.1) == (epoch, seq));
                let right = known.named(epoch, seq, was.map_or(digest(999), |head| head.2));
                let wrong = known.named(epoch, seq, digest(1_000));
                let behind_start = epoch >= heads[start].0 && seq >= heads[start].1;
                match was {
                    Some(_) => {
                        prop_assert_ne!(right, Named::NeverWas, "({}, {})", epoch, seq);
                        prop_assert_ne!(wrong, Named::Was);
                    }
                    None => prop_assert_ne!(right, Named::Was, "({}, {})", epoch, seq),
                }
                if bound > steps.len() && behind_start {
                    let sure = if was.is_some() { Named::Was } else { Named::NeverWas };
                    prop_assert_eq!((right, wrong), (sure, Named::NeverWas), "({}, {})", epoch, seq);
                }
            }
        }
    }
}
