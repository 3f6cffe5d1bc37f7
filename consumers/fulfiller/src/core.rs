//! The fulfiller's step function. Vendor calls are effects like commands: the loop around makes them.

use std::collections::{BTreeMap, BTreeSet};

use mirabelle_domain::command::{RecordFulfilment, StartFulfilment, VendorOutcome};
use mirabelle_domain::fact::{Delivery, PricedLine};
use mirabelle_domain::{
    AccountId, AccountKey, Command, Fact, MemberId, Name, RedemptionId, Sealed, TenantId,
};
use mirabelle_follower::core::derived;
use mirabelle_follower::{Core, Outgoing, Seen, is_stale};
use mirabelle_schemas::record::{Cause, Namespace};
use serde::{Deserialize, Serialize};

use crate::vendor::Order;

/// An answer of the log that did not come within this time is asked for again, with the same id.
pub const RESEND_AFTER_MICROS: i64 = 5_000_000;
/// Pause before the attempt after the first unanswered one; doubles up to [`RETRY_MAX_MICROS`].
pub const RETRY_FIRST_MICROS: i64 = 500_000;
/// Longest pause between two attempts.
pub const RETRY_MAX_MICROS: i64 = 600_000_000;

type LineKey = (TenantId, RedemptionId, u32);

#[derive(Debug, Serialize, Deserialize)]
struct Line {
    member: MemberId,
    product: Name,
    quantity: u32,
    vendor: Name,
    cause: Option<Cause>,
    approved: bool,
    /// The latest attempt of which `FulfilmentStarted` was read back; 0: none.
    started: u32,
    /// The latest attempt that went unanswered.
    unanswered: u32,
    /// Since when the next attempt is waited with, by this process's own clock; 0: it has not begun to wait.
    #[serde(skip)]
    rested_from: i64,
    /// The vendor's answer to the started attempt, until the log has it.
    #[serde(skip)]
    answer: Option<RecordFulfilment>,
    #[serde(skip)]
    calling: bool,
    #[serde(skip)]
    sent_at: i64,
}

/// What vendors still owe.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Fulfiller {
    lines: BTreeMap<LineKey, Line>,
    #[serde(skip)]
    calls: BTreeSet<LineKey>,
}

impl Fulfiller {
    /// Lines that are not delivered, refused or cancelled yet.
    pub fn open_lines(&self) -> usize {
        self.lines.len()
    }

    /// The vendor calls that may be made now; each is handed out once and answered by [`Fulfiller::answered`].
    pub fn calls(&mut self) -> Vec<Order> {
        let mut orders = Vec::new();
        for key in std::mem::take(&mut self.calls) {
            let Some(line) = self.lines.get_mut(&key) else { continue };
            if line.calling || line.answer.is_some() || line.started <= line.unanswered {
                continue;
            }
            line.calling = true;
            let (tenant, redemption, number) = key;
            orders.push(Order {
                tenant,
                member: line.member,
                redemption,
                line: number,
                attempt: line.started,
                product: line.product.clone(),
                quantity: line.quantity,
                vendor: line.vendor.clone(),
                key: vendor_key(redemption, number),
            });
        }
        orders
    }

    /// What came of a call; `voucher` is sealed already. Forgotten if the log has had another word on that attempt.
    pub fn answered(
        &mut self,
        order: &Order,
        outcome: VendorOutcome,
        voucher: Option<Sealed>,
        reference: Option<String>,
        reason: Option<String>,
    ) {
        if let Some(line) = self.lines.get_mut(&(order.tenant.clone(), order.redemption, order.line)) {
            line.calling = false;
            line.sent_at = 0;
            if order.attempt <= line.unanswered {
                // The log holds already that this attempt went unanswered, and its id is taken: the next attempt asks
                // again, and the vendor, who knows the key, says the same.
                return;
            }
            line.answer = Some(RecordFulfilment {
                redemption: order.redemption,
                line: order.line,
                attempt: order.attempt,
                outcome,
                voucher,
                reference,
                reason,
            });
        }
    }

    fn requested(&mut self, seen: &Seen<'_>, cause: Cause, redemption: RedemptionId, lines: &[PricedLine]) {
        let AccountKey::Member(member) = seen.account.key else { return };
        for (number, line) in (0u32..).zip(lines) {
            let (Delivery::Vendor, Some(vendor)) = (line.delivery, &line.vendor) else { continue };
            let open = Line {
                member,
                product: line.product.clone(),
                quantity: line.quantity,
                vendor: vendor.clone(),
                cause: Some(cause),
                approved: false,
                started: 0,
                unanswered: 0,
                rested_from: 0,
                answer: None,
                calling: false,
                sent_at: 0,
            };
            self.lines.insert((seen.account.tenant.clone(), redemption, number), open);
        }
    }

    fn of_redemption(
        &mut self,
        tenant: &TenantId,
        redemption: RedemptionId,
    ) -> impl Iterator<Item = &mut Line> {
        let first = (tenant.clone(), redemption, 0);
        let last = (tenant.clone(), redemption, u32::MAX);
        self.lines.range_mut(first..=last).map(|(_, line)| line)
    }

    fn closed(&mut self, tenant: &TenantId, redemption: RedemptionId) {
        self.lines.retain(|(t, r, _), _| !(t == tenant && *r == redemption));
    }

    fn see_fact(&mut self, seen: &Seen<'_>, index: u16, fact: &Fact) {
        let tenant = &seen.account.tenant;
        match fact {
            Fact::RedemptionRequested(f) => self.requested(seen, seen.cause(index), f.redemption, &f.lines),
            Fact::RedemptionApproved(f) => {
                self.of_redemption(tenant, f.redemption).for_each(|line| line.approved = true);
            }
            Fact::FulfilmentStarted(f) => {
                let key = (tenant.clone(), f.redemption, f.line);
                if let Some(line) = self.lines.get_mut(&key) {
                    line.started = line.started.max(f.attempt);
                    line.sent_at = 0;
                    self.calls.insert(key);
                }
            }
            Fact::LineUnanswered(f) => {
                if let Some(line) = self.lines.get_mut(&(tenant.clone(), f.redemption, f.line)) {
                    line.unanswered = line.unanswered.max(f.attempt);
                    line.rested_from = 0;
                    line.answer = None;
                    line.sent_at = 0;
                }
            }
            Fact::LineFulfilled(f) => {
                self.lines.remove(&(tenant.clone(), f.redemption, f.line));
            }
            Fact::LineFailed(f) => {
                self.lines.remove(&(tenant.clone(), f.redemption, f.line));
            }
            Fact::RedemptionClosed(f) => self.closed(tenant, f.redemption),
            _ => {}
        }
    }
}

impl Line {
    /// Whether the pause after the latest unanswered attempt is over.
    fn has_rested(&self, now: i64) -> bool {
        self.unanswered == 0
            || (self.rested_from != 0 && is_stale(self.rested_from, now, pause_after(self.unanswered)))
    }

    /// The command that takes the line further, if one is owed at `now`.
    fn next(&self, redemption: RedemptionId, line: u32, now: i64) -> Option<(String, Command)> {
        if !self.approved || self.calling {
            return None;
        }
        if let Some(answer) = &self.answer {
            return Some((format!("answer.{redemption}.{line}.{}", answer.attempt), answer.clone().into()));
        }
        let attempt = self.unanswered + 1;
        if self.started < attempt && self.has_rested(now) {
            let command = StartFulfilment { redemption, line, attempt };
            return Some((format!("start.{redemption}.{line}.{attempt}"), command.into()));
        }
        None
    }
}

impl Core for Fulfiller {
    fn role(&self) -> &'static str {
        "fulfiller"
    }

    fn cares(&self, kind: u16) -> bool {
        matches!(kind, 30..=36)
    }

    fn see(&mut self, seen: &Seen<'_>) {
        for (index, fact) in seen.facts {
            self.see_fact(seen, *index, fact);
        }
    }

    fn act(&mut self, now: i64) -> Vec<Outgoing> {
        let mut outgoing = Vec::new();
        for ((tenant, redemption, number), line) in &mut self.lines {
            if line.sent_at != 0 && !is_stale(line.sent_at, now, RESEND_AFTER_MICROS) {
                continue;
            }
            if line.rested_from == 0 {
                line.rested_from = now;
            }
            let Some((key, command)) = line.next(*redemption, *number, now) else { continue };
            line.sent_at = now;
            outgoing.push(Outgoing {
                account: AccountId::member(tenant.clone(), line.member),
                namespace: Namespace::Vendor,
                client: derived("fulfiller"),
                key: derived(&key),
                command,
                cause: line.cause,
                local_day: None,
                tzdb: None,
            });
        }
        outgoing
    }

    fn open(&self) -> usize {
        self.lines.len()
    }

    fn next_due(&self, now: i64) -> Option<i64> {
        let waiting = self.lines.values().filter(|line| line.approved && !line.calling);
        waiting
            .map(|line| {
                if line.sent_at == 0 && line.unanswered == 0 {
                    now
                } else if line.sent_at == 0 {
                    line.rested_from + pause_after(line.unanswered)
                } else {
                    line.sent_at + RESEND_AFTER_MICROS
                }
            })
            .min()
    }

    fn save(&self) -> Vec<u8> {
        postcard::to_stdvec(self).expect("a fulfiller's state is plain data")
    }

    fn restore(&mut self, saved: &[u8]) -> bool {
        let Ok(state) = postcard::from_bytes::<Fulfiller>(saved) else { return false };
        *self = state;
        // A started attempt without an answer is asked again: the vendor knows the key.
        let started = self.lines.iter().filter(|(_, line)| line.started > line.unanswered);
        self.calls = started.map(|(key, _)| key.clone()).collect();
        true
    }
}

fn pause_after(attempt: u32) -> i64 {
    RETRY_FIRST_MICROS.saturating_mul(1 << attempt.saturating_sub(1).min(20)).min(RETRY_MAX_MICROS)
}

/// The vendor's key of a line: 32 hexadecimal digits.
pub fn vendor_key(redemption: RedemptionId, line: u32) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("mirabelle vendor key 1");
    hasher.update(&redemption.0).update(&line.to_be_bytes());
    hasher.finalize().to_hex()[..32].to_owned()
}
