//! How far one line of a redemption has come, and when it has something to do by itself.

use std::collections::BTreeSet;

use mirabelle_domain::command::{RecordFulfilment, StartFulfilment, VendorOutcome};
use mirabelle_domain::fact::PricedLine;
use mirabelle_domain::{Command, MemberId, Name, RedemptionId, TenantId};
use mirabelle_follower::is_stale;
use mirabelle_schemas::record::Cause;
use serde::{Deserialize, Serialize};

use crate::core::{RESEND_AFTER_MICROS, RETRY_FIRST_MICROS, RETRY_MAX_MICROS, vendor_key};
use crate::vendor::Order;

/// Tenant, redemption, number of the line from 0.
pub(crate) type LineKey = (TenantId, RedemptionId, u32);

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Line {
    pub(crate) member: MemberId,
    product: Name,
    quantity: u32,
    pub(crate) vendor: Name,
    pub(crate) cause: Option<Cause>,
    pub(crate) approved: bool,
    /// The latest attempt of which `FulfilmentStarted` was read back; 0: none.
    pub(crate) started: u32,
    /// When the log took the start of the first attempt, microseconds; 0: none was started. No vendor heard of the line
    /// before.
    pub(crate) first_started_at: i64,
    /// No attempt is made before, microseconds; 0: at once.
    pub(crate) not_before: i64,
    /// The latest attempt that went unanswered.
    pub(crate) unanswered: u32,
    /// Since when the next attempt is waited with, by this process's own clock; 0: it has not begun to wait.
    #[serde(skip)]
    pub(crate) rested_from: i64,
    /// The vendor's answer to the started attempt, until the log has it.
    #[serde(skip)]
    pub(crate) answer: Option<RecordFulfilment>,
    #[serde(skip)]
    pub(crate) calling: bool,
    #[serde(skip)]
    pub(crate) sent_at: i64,
    /// No attempt is made any more: a person has to see to it.
    #[serde(skip)]
    pub(crate) held: bool,
    /// Where it stands in the queue.
    #[serde(skip)]
    queued: Option<i64>,
}

impl Line {
    pub(crate) fn new(member: MemberId, line: &PricedLine, vendor: Name, cause: Cause) -> Line {
        Line {
            member,
            product: line.product.clone(),
            quantity: line.quantity,
            vendor,
            cause: Some(cause),
            approved: false,
            started: 0,
            first_started_at: 0,
            not_before: 0,
            unanswered: 0,
            rested_from: 0,
            answer: None,
            calling: false,
            sent_at: 0,
            held: false,
            queued: None,
        }
    }

    /// The start of an attempt was read back.
    pub(crate) fn starts(&mut self, attempt: u32, accepted_at: i64) {
        if self.started == 0 {
            self.first_started_at = accepted_at;
        }
        self.started = self.started.max(attempt);
        self.sent_at = 0;
    }

    /// The log has it that an attempt went unanswered.
    pub(crate) fn was_not_answered(&mut self, attempt: u32) {
        self.unanswered = self.unanswered.max(attempt);
        self.rested_from = 0;
        self.answer = None;
        self.sent_at = 0;
    }

    /// What the vendor is asked for in the started attempt.
    pub(crate) fn order(&self, (tenant, redemption, line): &LineKey) -> Order {
        Order {
            tenant: tenant.clone(),
            member: self.member,
            redemption: *redemption,
            line: *line,
            attempt: self.started,
            product: self.product.clone(),
            quantity: self.quantity,
            vendor: self.vendor.clone(),
            key: vendor_key(*redemption, *line),
        }
    }

    /// What the log is told of an attempt.
    pub(crate) fn record(
        &self,
        (_, redemption, line): &LineKey,
        attempt: u32,
        outcome: VendorOutcome,
    ) -> RecordFulfilment {
        let (redemption, line) = (*redemption, *line);
        RecordFulfilment { redemption, line, attempt, outcome, voucher: None, reference: None, reason: None }
    }

    /// Whether the pause after the latest unanswered attempt is over.
    fn has_rested(&self, now: i64) -> bool {
        self.unanswered == 0
            || (self.rested_from != 0 && is_stale(self.rested_from, now, pause_after(self.unanswered)))
    }

    /// The command that takes the line further, if one is owed at `now`.
    pub(crate) fn next(&self, (_, redemption, line): &LineKey, now: i64) -> Option<(String, Command)> {
        let (redemption, line) = (*redemption, *line);
        if !self.approved || self.calling {
            return None;
        }
        if let Some(answer) = &self.answer {
            return Some((format!("answer.{redemption}.{line}.{}", answer.attempt), answer.clone().into()));
        }
        let attempt = self.unanswered + 1;
        if self.started < attempt && now >= self.not_before && self.has_rested(now) {
            let command = StartFulfilment { redemption, line, attempt };
            return Some((format!("start.{redemption}.{line}.{attempt}"), command.into()));
        }
        None
    }

    /// When it has something to do by itself, microseconds; 0: at once.
    fn due_at(&self) -> Option<i64> {
        if !self.approved || self.calling || self.held {
            None
        } else if self.sent_at != 0 {
            Some(self.sent_at + RESEND_AFTER_MICROS)
        } else if self.answer.is_some() {
            Some(0)
        } else if self.started > self.unanswered {
            // The vendor's turn.
            None
        } else if self.unanswered == 0 {
            Some(self.not_before)
        } else if self.rested_from == 0 {
            Some(0)
        } else {
            Some(self.rested_from + pause_after(self.unanswered))
        }
    }

    /// Puts it where it belongs in the queue, after every change.
    pub(crate) fn queue(&mut self, key: &LineKey, due: &mut BTreeSet<(i64, LineKey)>) {
        self.unqueue(key, due);
        self.queued = self.due_at();
        due.extend(self.queued.map(|at| (at, key.clone())));
    }

    /// Puts it at the head of a queue that was cleared, if it has anything to wait for.
    pub(crate) fn queue_at_once(&mut self, key: &LineKey, due: &mut BTreeSet<(i64, LineKey)>) {
        self.queued = self.due_at().map(|_| 0);
        due.extend(self.queued.map(|at| (at, key.clone())));
    }

    pub(crate) fn unqueue(&mut self, key: &LineKey, due: &mut BTreeSet<(i64, LineKey)>) {
        if let Some(at) = self.queued.take() {
            due.remove(&(at, key.clone()));
        }
    }
}

fn pause_after(attempt: u32) -> i64 {
    RETRY_FIRST_MICROS.saturating_mul(1 << attempt.saturating_sub(1).min(20)).min(RETRY_MAX_MICROS)
}
