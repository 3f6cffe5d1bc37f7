//! The fulfiller's step function. Vendor calls are effects like commands: the loop around makes them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use mirabelle_domain::command::{RecordFulfilment, VendorOutcome};
use mirabelle_domain::fact::{Delivery, PricedLine};
use mirabelle_domain::{AccountId, AccountKey, Command, Fact, Name, RedemptionId, Sealed, TenantId};
use mirabelle_follower::core::derived;
use mirabelle_follower::{Core, Fault, Outgoing, Seen, is_stale};
use mirabelle_schemas::record::{Cause, Namespace};
use serde::{Deserialize, Serialize};
use tracing::error;

use crate::line::{Line, LineKey};
use crate::vendor::{Order, Vendor};

/// An answer of the log that did not come within this time is asked for again, with the same id.
pub const RESEND_AFTER_MICROS: i64 = 5_000_000;
/// Pause before the attempt after the first unanswered one; doubles up to [`RETRY_MAX_MICROS`].
pub const RETRY_FIRST_MICROS: i64 = 500_000;
/// Longest pause between two attempts.
pub const RETRY_MAX_MICROS: i64 = 600_000_000;
/// Most commands of one step.
const STEP_MAX: usize = 2_000;
/// Begins a saved state: its form has the number 3.
const FORM: &[u8] = b"fulfiller 3\n";

/// What vendors still owe.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Fulfiller {
    lines: BTreeMap<LineKey, Line>,
    #[serde(skip)]
    calls: BTreeSet<LineKey>,
    /// Lines with something to do by themselves, by when, in microseconds; 0: at once.
    #[serde(skip)]
    due: BTreeSet<(i64, LineKey)>,
    /// Lines that wait for a person.
    #[serde(skip)]
    held: BTreeSet<LineKey>,
    /// For how long vendors know an order's key, microseconds.
    #[serde(skip)]
    retentions: BTreeMap<Name, i64>,
    /// How long vendors let an order wait.
    #[serde(skip)]
    waits: BTreeMap<Name, fn(&Name) -> Duration>,
    /// The latest `act`.
    #[serde(skip)]
    now: i64,
    #[serde(skip)]
    fault: Option<Fault>,
}

impl Fulfiller {
    /// A fulfiller that knows for how long these vendors know a key; every other is taken to know it for ever.
    pub fn of(vendors: &HashMap<Name, Box<dyn Vendor>>) -> Fulfiller {
        let micros =
            |vendor: &dyn Vendor| i64::try_from(vendor.key_retention().as_micros()).unwrap_or(i64::MAX);
        let retentions =
            vendors.iter().map(|(name, vendor)| (name.clone(), micros(vendor.as_ref()))).collect();
        let waits = vendors.iter().map(|(name, vendor)| (name.clone(), vendor.wait())).collect();
        Fulfiller { retentions, waits, ..Fulfiller::default() }
    }

    /// Lines that are not delivered, refused or cancelled yet.
    pub fn open_lines(&self) -> usize {
        self.lines.len()
    }

    /// Ends the role: no vendor can be called any more.
    pub fn fail(&mut self, fault: Fault) {
        self.fault = Some(fault);
    }

    /// The vendor calls that may be made now; each is handed out once and answered by [`Fulfiller::answered`].
    pub fn calls(&mut self) -> Vec<Order> {
        let mut orders = Vec::new();
        for key in std::mem::take(&mut self.calls) {
            let is_forgotten = self.is_forgotten(&key);
            let Some(line) = self.lines.get_mut(&key) else { continue };
            if line.calling || line.answer.is_some() || line.started <= line.unanswered {
                continue;
            }
            if is_forgotten {
                // Nobody knows what came of it, and to ask would be to order anew.
                line.answer = Some(line.record(&key, line.started, VendorOutcome::Unknown));
            } else {
                line.calling = true;
                orders.push(line.order(&key));
            }
            line.queue(&key, &mut self.due);
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
        let key = (order.tenant.clone(), order.redemption, order.line);
        self.change(&key, |line| {
            line.calling = false;
            line.sent_at = 0;
            // Else the log holds already that this attempt went unanswered, and its id is taken: the next attempt asks
            // again, and the vendor, who knows the key, says the same.
            if order.attempt > line.unanswered {
                let record = line.record(&key, order.attempt, outcome);
                line.answer = Some(RecordFulfilment { voucher, reference, reason, ..record });
            }
        });
    }

    /// Whether the vendor may have forgotten the key under which the line was first ordered.
    fn is_forgotten(&self, key: &LineKey) -> bool {
        let Some(line) = self.lines.get(key).filter(|line| line.first_started_at != 0) else { return false };
        let age = self.now.saturating_sub(line.first_started_at);
        self.retentions.get(&line.vendor).is_some_and(|known_for| age >= *known_for)
    }

    fn change(&mut self, key: &LineKey, change: impl FnOnce(&mut Line)) {
        if let Some(line) = self.lines.get_mut(key) {
            change(line);
            line.queue(key, &mut self.due);
        }
    }

    fn remove(&mut self, key: &LineKey) {
        self.held.remove(key);
        if let Some(mut line) = self.lines.remove(key) {
            line.unqueue(key, &mut self.due);
        }
    }

    fn requested(&mut self, seen: &Seen<'_>, cause: Cause, redemption: RedemptionId, lines: &[PricedLine]) {
        let AccountKey::Member(member) = seen.account.key else { return };
        for (number, line) in (0u32..).zip(lines) {
            let (Delivery::Vendor, Some(vendor)) = (line.delivery, &line.vendor) else { continue };
            let mut open = Line::new(member, line, vendor.clone(), cause);
            let wait = self.waits.get(vendor).map_or(Duration::ZERO, |wait| wait(&line.product));
            if !wait.is_zero() {
                let micros = i64::try_from(wait.as_micros()).unwrap_or(i64::MAX);
                open.not_before = seen.accepted_at.saturating_add(micros);
            }
            self.lines.insert((seen.account.tenant.clone(), redemption, number), open);
        }
    }

    fn of_redemption(&self, tenant: &TenantId, redemption: RedemptionId) -> Vec<LineKey> {
        let first = (tenant.clone(), redemption, 0);
        let last = (tenant.clone(), redemption, u32::MAX);
        self.lines.range(first..=last).map(|(key, _)| key.clone()).collect()
    }

    fn see_fact(&mut self, seen: &Seen<'_>, index: u16, fact: &Fact) {
        let tenant = &seen.account.tenant;
        let key = |redemption: RedemptionId, line: u32| (tenant.clone(), redemption, line);
        match fact {
            Fact::RedemptionRequested(f) => self.requested(seen, seen.cause(index), f.redemption, &f.lines),
            Fact::RedemptionApproved(f) => {
                for key in self.of_redemption(tenant, f.redemption) {
                    self.change(&key, |line| line.approved = true);
                }
            }
            Fact::FulfilmentStarted(f) => {
                let key = key(f.redemption, f.line);
                self.change(&key, |line| line.starts(f.attempt, seen.accepted_at));
                self.calls.insert(key);
            }
            Fact::LineUnanswered(f) => {
                self.change(&key(f.redemption, f.line), |line| line.was_not_answered(f.attempt));
            }
            Fact::LineFulfilled(f) => self.remove(&key(f.redemption, f.line)),
            Fact::LineFailed(f) => self.remove(&key(f.redemption, f.line)),
            Fact::RedemptionClosed(f) => {
                self.of_redemption(tenant, f.redemption).iter().for_each(|key| self.remove(key));
            }
            _ => {}
        }
    }

    /// A clock that was set back: what waits for an instant of before is looked at again, and so is what is held.
    fn look_at_all(&mut self) {
        self.held.clear();
        self.due.clear();
        for (key, line) in &mut self.lines {
            line.held = false;
            line.queue_at_once(key, &mut self.due);
        }
    }

    /// What a line that is due has to send.
    fn step(&mut self, key: &LineKey, now: i64) -> Option<Outgoing> {
        let is_forgotten = self.is_forgotten(key);
        let line = self.lines.get_mut(key)?;
        let mut next = None;
        if line.sent_at == 0 || is_stale(line.sent_at, now, RESEND_AFTER_MICROS) {
            line.sent_at = 0;
            if line.rested_from == 0 {
                line.rested_from = now;
            }
            next = line.next(key, now);
        }
        if is_forgotten && matches!(next, Some((_, Command::StartFulfilment(_)))) {
            let (tenant, redemption, number) = key;
            error!(%tenant, %redemption, line = number, vendor = %line.vendor, "the vendor may have forgotten this order: it is not asked again, a person has to find out what became of it");
            line.held = true;
            self.held.insert(key.clone());
            next = None;
        }
        if next.is_some() {
            line.sent_at = now;
        }
        line.queue(key, &mut self.due);
        let (text, command) = next?;
        Some(Outgoing {
            account: AccountId::member(key.0.clone(), line.member),
            namespace: Namespace::Vendor,
            client: derived("fulfiller"),
            key: derived(&text),
            command,
            cause: line.cause,
            local_day: None,
            tzdb: None,
        })
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
        if now < self.now {
            self.look_at_all();
        }
        self.now = now;
        let mut outgoing = Vec::new();
        while outgoing.len() < STEP_MAX {
            let Some((_, key)) = self.due.first().filter(|(at, _)| *at <= now).cloned() else { break };
            outgoing.extend(self.step(&key, now));
        }
        outgoing
    }

    fn fault(&mut self) -> Option<Fault> {
        self.fault.take()
    }

    fn held(&self) -> usize {
        self.held.len()
    }

    fn open(&self) -> usize {
        self.lines.len()
    }

    fn next_due(&self, now: i64) -> Option<i64> {
        self.due.first().map(|(at, _)| (*at).max(now))
    }

    fn save(&self) -> Vec<u8> {
        postcard::to_extend(self, FORM.to_vec()).expect("a fulfiller's state is plain data")
    }

    fn restore(&mut self, saved: &[u8]) -> bool {
        let state = saved.strip_prefix(FORM).and_then(|saved| postcard::from_bytes::<Fulfiller>(saved).ok());
        let Some(state) = state else { return false };
        let (retentions, waits) = (std::mem::take(&mut self.retentions), std::mem::take(&mut self.waits));
        *self = Fulfiller { retentions, waits, ..state };
        // A started attempt without an answer is asked again: the vendor knows the key.
        let started = self.lines.iter().filter(|(_, line)| line.started > line.unanswered);
        self.calls = started.map(|(key, _)| key.clone()).collect();
        self.lines.iter_mut().for_each(|(key, line)| line.queue(key, &mut self.due));
        true
    }
}

/// The vendor's key of a line: 32 hexadecimal digits.
pub fn vendor_key(redemption: RedemptionId, line: u32) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("mirabelle vendor key 1");
    hasher.update(&redemption.0).update(&line.to_be_bytes());
    hasher.finalize().to_hex()[..32].to_owned()
}
