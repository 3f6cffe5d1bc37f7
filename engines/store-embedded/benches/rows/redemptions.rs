//! Redemptions as the domain projects them.

use mirabelle_domain::fact::*;
use mirabelle_domain::project::{Context, month, project};
use mirabelle_domain::rows::Value;
use mirabelle_domain::{AccountId, AccountKey, CommandId, Fact, MemberId, Points, RedemptionId, Timestamp};
use mirabelle_log::Partition;
use mirabelle_store::Batch;

pub(crate) const ACCOUNTS: usize = 100_000;
const BEGUN: i64 = 1_795_600_000_000_000;

/// Makes one redemption after the other, on accounts that look random.
pub(crate) struct Redemptions {
    made: u64,
    spent: Vec<i64>,
}

impl Default for Redemptions {
    fn default() -> Redemptions {
        Redemptions::over(ACCOUNTS)
    }
}

fn hash(of: &str, number: u64) -> [u8; 16] {
    let mut out = [0; 16];
    let mut state = number.wrapping_add(of.len() as u64 * 0x1234_5678_9abc);
    for half in out.chunks_exact_mut(8) {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        half.copy_from_slice(&(mixed ^ (mixed >> 31)).to_be_bytes());
    }
    out
}

fn member(account: usize) -> MemberId {
    MemberId(hash("member", account as u64))
}

pub(crate) fn account_key(account: usize) -> Vec<Value> {
    vec![Value::Text("acme".to_owned()), Value::Bytes(member(account).0.to_vec())]
}

/// The month of every redemption here.
pub(crate) fn month_number() -> i64 {
    month(Timestamp(BEGUN))
}

fn points(points: i64) -> Points {
    Points::new(points).expect("within bounds")
}

impl Redemptions {
    /// On so many accounts.
    pub(crate) fn over(accounts: usize) -> Redemptions {
        Redemptions { made: 0, spent: vec![0; accounts] }
    }

    pub(crate) fn has(&self, account: usize) -> bool {
        self.spent[account] > 0
    }

    pub(crate) fn batch(&mut self, decisions: usize) -> Batch {
        let mut batch = Batch::new();
        for _ in 0..decisions {
            let number = self.made;
            self.made += 1;
            let [a, b, c, d, ..] = hash("account", number);
            let account = u32::from_be_bytes([a, b, c, d]) as usize % self.spent.len();
            self.spent[account] += 25;
            let at = BEGUN + number as i64 * 22;
            let of = AccountId {
                tenant: "acme".parse().expect("a tenant"),
                key: AccountKey::Member(member(account)),
            };
            let context = Context {
                account: &of,
                command_id: CommandId(hash("command!", number)),
                command_kind: 30,
                at,
                seq: number / 8,
                partition: (account % 8) as u16,
                accepted_at: Timestamp(at - 900),
                principal: "portal",
                reason: None,
            };
            batch.decision(at, project(&context, &facts(number, self.spent[account])));
        }
        batch.checkpoint(Partition((self.made / decisions as u64 % 8) as u16), vec![9; 120]);
        batch
    }
}

fn facts(number: u64, spent: i64) -> Vec<Fact> {
    let redemption = RedemptionId(hash("redemption", number));
    let left = 1_000_000_000 - spent;
    let balance = |reserved, spent| Balance {
        available: points(left),
        pending: points(0),
        reserved: points(reserved),
        spent: points(spent),
        expired: points(0),
        taken: points(0),
        shortfall: points(0),
    };
    let lot = |held| vec![LotState { lot: 1, moved: points(25), free: points(left), held: points(held) }];
    let line = PricedLine {
        product: "gift-de-25".parse().expect("a name"),
        product_version: 3,
        quantity: 1,
        unit_points: points(25),
        delivery: Delivery::Immediate,
        vendor: None,
    };
    let requested = RedemptionRequested {
        redemption,
        lines: vec![line],
        points: points(25),
        lots: lot(25),
        balance: balance(25, spent - 25),
        note: None,
    };
    let fulfilled = LineFulfilled {
        redemption,
        line: 0,
        points: points(25),
        lots: lot(0),
        voucher: None,
        reference: None,
        balance: balance(0, spent),
    };
    let closed = RedemptionClosed {
        redemption,
        end: RedemptionEnd::Fulfilled,
        captured: points(25),
        returned: points(0),
        lots: vec![],
        balance: balance(0, spent),
    };
    vec![requested.into(), RedemptionApproved { redemption }.into(), fulfilled.into(), closed.into()]
}
