//! Books kept by adding up what moved, and nothing else: every sum that a fact carries has to agree with them.

use std::collections::{BTreeMap, BTreeSet};

use mirabelle_domain::fact::RedemptionEnd;
use mirabelle_domain::fact::{
    AwardOwed, Balance, BudgetBalance, Delivery, GrantCredited, LineFailed, LineFulfilled, LotState,
    RedemptionClosed, RedemptionRequested,
};
use mirabelle_domain::{AccountId, AccountKey, Fact, GrantId, MemberId, RedemptionId, Timestamp};
use mirabelle_fulfiller::core::vendor_key;

use crate::milestones::Milestones;
use crate::truth::Broken;
use crate::vendor::Vendor;
use crate::wallet::{Wallet, ensure};

/// allocated, free, committed, spent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Purse {
    pub(crate) allocated: i128,
    pub(crate) free: i128,
    pub(crate) committed: i128,
    pub(crate) spent: i128,
}

/// What was said of a grant, wherever.
#[derive(Debug, Default)]
struct Grant {
    budget: Option<AccountId>,
    wallet: Option<AccountId>,
    owed: bool,
    held: bool,
    declined: bool,
    committed: Option<i128>,
    settled: bool,
    returned: bool,
    credited: bool,
    refused: bool,
    dropped: bool,
}

#[derive(Debug)]
struct Redemption {
    account: AccountId,
    lines: Vec<Line>,
    approved: bool,
    closed: bool,
}

#[derive(Debug)]
struct Line {
    points: i128,
    vendor: bool,
    started: u32,
    ended: bool,
    voucher: bool,
}

#[derive(Default)]
pub(crate) struct Books {
    pub(crate) wallets: BTreeMap<AccountId, Wallet>,
    pub(crate) purses: BTreeMap<AccountId, Purse>,
    grants: BTreeMap<GrantId, Grant>,
    redemptions: BTreeMap<RedemptionId, Redemption>,
    awards: BTreeSet<(MemberId, String)>,
    milestones: Milestones,
    /// Lines in the order of their ends.
    ended: BTreeMap<(RedemptionId, u32), usize>,
}

fn points(points: mirabelle_domain::Points) -> i128 {
    i128::from(points.get())
}

impl Books {
    /// Books a decision.
    pub(crate) fn take(
        &mut self,
        account: &AccountId,
        facts: &[Fact],
        at: Timestamp,
        vendor: &Vendor,
    ) -> Result<(), Broken> {
        for fact in facts {
            let taken = match &account.key {
                AccountKey::Member(member) => self.member(account, *member, fact, at, vendor),
                AccountKey::Budget(_) => self.budget(account, fact),
                AccountKey::Partition(partition) => {
                    self.milestones.adopted(*partition, fact);
                    Ok(())
                }
                AccountKey::Configuration => Ok(()),
            };
            taken.map_err(|what| format!("{account}: {what}: {fact:?}"))?;
        }
        Ok(())
    }

    fn member(
        &mut self,
        account: &AccountId,
        member: MemberId,
        fact: &Fact,
        at: Timestamp,
        vendor: &Vendor,
    ) -> Result<(), Broken> {
        match fact {
            Fact::AwardOwed(fact) => self.owed(member, fact)?,
            Fact::MilestoneRecorded(fact) => self.milestones.recorded(member, fact),
            Fact::MilestoneRetracted(fact) => self.milestones.retracted(member, fact),
            Fact::MilestoneConsidered(fact) => self.milestones.considered(member, fact),
            Fact::AwardDropped(fact) => self.grants.entry(fact.grant).or_default().dropped = true,
            Fact::GrantCredited(fact) => self.credited(account, fact)?,
            Fact::GrantRefused(fact) => {
                let grant = self.grants.entry(fact.grant).or_default();
                ensure(!grant.credited && !grant.refused, "the wallet answers for a grant once")?;
                grant.refused = true;
            }
            Fact::RedemptionRequested(fact) => self.requested(account, fact),
            Fact::RedemptionApproved(fact) => self.redemption(fact.redemption)?.approved = true,
            Fact::FulfilmentStarted(fact) => {
                let line = self.line(fact.redemption, fact.line)?;
                ensure(!line.ended && line.started + 1 == fact.attempt, "attempts follow each other")?;
                line.started = fact.attempt;
            }
            Fact::LineFulfilled(fact) => self.fulfilled(fact, vendor)?,
            Fact::LineFailed(fact) => self.failed(fact, vendor)?,
            Fact::RedemptionClosed(fact) => self.closed(fact)?,
            _ => {}
        }
        self.wallets.entry(account.clone()).or_default().take(fact, at)
    }

    fn owed(&mut self, member: MemberId, fact: &AwardOwed) -> Result<(), Broken> {
        let campaign = fact.grant.campaign.as_ref().map_or("", |campaign| campaign.as_str());
        let what = format!("{} {} {campaign}", fact.kind.name(), fact.occurrence);
        ensure(self.awards.insert((member, what)), "a campaign awards a milestone once")?;
        self.grants.entry(fact.grant.grant).or_default().owed = true;
        Ok(())
    }

    fn credited(&mut self, account: &AccountId, fact: &GrantCredited) -> Result<(), Broken> {
        let grant = self.grants.entry(fact.grant.grant).or_default();
        ensure(!grant.credited && !grant.refused, "a grant is credited once")?;
        grant.credited = true;
        grant.wallet = Some(account.clone());
        Ok(())
    }

    fn redemption(&mut self, id: RedemptionId) -> Result<&mut Redemption, Broken> {
        self.redemptions.get_mut(&id).filter(|one| !one.closed).ok_or("no such redemption is open".to_owned())
    }

    fn line(&mut self, id: RedemptionId, line: u32) -> Result<&mut Line, Broken> {
        let lines = &mut self.redemption(id)?.lines;
        lines.get_mut(line as usize).ok_or("no such line".to_owned())
    }

    fn requested(&mut self, account: &AccountId, fact: &RedemptionRequested) {
        let line = |line: &mirabelle_domain::fact::PricedLine| Line {
            points: points(line.unit_points) * i128::from(line.quantity),
            vendor: line.delivery == Delivery::Vendor,
            started: 0,
            ended: false,
            voucher: false,
        };
        let lines = fact.lines.iter().map(line).collect();
        let account = account.clone();
        let one = Redemption { account, lines, approved: false, closed: false };
        self.redemptions.insert(fact.redemption, one);
    }

    fn end(&mut self, id: RedemptionId, number: u32, moved: i128) -> Result<bool, Broken> {
        let approved = self.redemption(id)?.approved;
        ensure(approved, "nothing is captured or refused before it was approved")?;
        let line = self.line(id, number)?;
        ensure(!line.ended, "a line ends once")?;
        ensure(line.points == moved, "a line moves its price")?;
        ensure(!line.vendor || line.started > 0, "a vendor's line was started")?;
        line.ended = true;
        let vendor = line.vendor;
        let count = self.ended.len();
        self.ended.insert((id, number), count);
        Ok(vendor)
    }

    fn fulfilled(&mut self, fact: &LineFulfilled, vendor: &Vendor) -> Result<(), Broken> {
        if !self.end(fact.redemption, fact.line, points(fact.points))? {
            return Ok(());
        }
        let delivered = vendor.delivered(&vendor_key(fact.redemption, fact.line));
        ensure(delivered.is_some(), "the vendor has delivered it")?;
        self.line(fact.redemption, fact.line)?.voucher = true;
        ensure(delivered == fact.voucher, "the voucher is the vendor's")
    }

    fn failed(&mut self, fact: &LineFailed, vendor: &Vendor) -> Result<(), Broken> {
        self.end(fact.redemption, fact.line, points(fact.points))?;
        let key = vendor_key(fact.redemption, fact.line);
        ensure(vendor.refused(&key) && vendor.delivered(&key).is_none(), "the vendor has refused it")
    }

    fn closed(&mut self, fact: &RedemptionClosed) -> Result<(), Broken> {
        let one = self.redemption(fact.redemption)?;
        let untouched = one.lines.iter().all(|line| !line.ended && line.started == 0);
        let over = one.lines.iter().all(|line| line.ended);
        ensure(if fact.end == RedemptionEnd::Cancelled { untouched } else { over }, "it is over")?;
        let sum: i128 = one.lines.iter().map(|line| line.points).sum();
        ensure(sum == points(fact.captured) + points(fact.returned), "all its points went somewhere")?;
        one.closed = true;
        Ok(())
    }

    fn budget(&mut self, account: &AccountId, fact: &Fact) -> Result<(), Broken> {
        let purse = self.purses.entry(account.clone()).or_default();
        let balance: Option<&BudgetBalance> = match fact {
            Fact::BudgetAllocated(fact) => {
                purse.allocated += i128::from(fact.delta);
                purse.free += i128::from(fact.delta);
                Some(&fact.balance)
            }
            Fact::GrantCommitted(fact) => {
                let grant = self.grants.entry(fact.grant.grant).or_default();
                ensure(grant.committed.is_none(), "a grant is committed once")?;
                grant.committed = Some(points(fact.grant.points));
                (purse.free, purse.committed) =
                    (purse.free - points(fact.grant.points), purse.committed + points(fact.grant.points));
                Some(&fact.balance)
            }
            Fact::GrantSettled(fact) => {
                let grant = self.grants.entry(fact.grant).or_default();
                let fits = grant.committed == Some(points(fact.points)) && !grant.settled && !grant.returned;
                ensure(fits, "what was committed settles once")?;
                grant.settled = true;
                (purse.committed, purse.spent) =
                    (purse.committed - points(fact.points), purse.spent + points(fact.points));
                Some(&fact.balance)
            }
            Fact::GrantReturned(fact) => {
                let grant = self.grants.entry(fact.grant).or_default();
                let fits = grant.committed == Some(points(fact.points)) && !grant.settled && !grant.returned;
                ensure(fits, "what was committed returns once")?;
                grant.returned = true;
                (purse.committed, purse.free) =
                    (purse.committed - points(fact.points), purse.free + points(fact.points));
                Some(&fact.balance)
            }
            Fact::GrantHeld(fact) => {
                let grant = self.grants.entry(fact.grant.grant).or_default();
                (grant.held, grant.budget) = (true, Some(account.clone()));
                None
            }
            Fact::GrantDeclined(fact) => {
                self.grants.entry(fact.grant).or_default().declined = true;
                None
            }
            Fact::BudgetClosed(fact) => Some(&fact.balance),
            Fact::BudgetAlerted(fact) => Some(&fact.balance),
            _ => None,
        };
        let said = balance.map(|b| Purse {
            allocated: points(b.allocated),
            free: points(b.free),
            committed: points(b.committed),
            spent: points(b.spent),
        });
        ensure(said.is_none_or(|said| said == *purse), "the budget's sums are what moved")?;
        ensure(purse.free >= 0 && purse.committed >= 0, "nothing in a budget is below zero")?;
        ensure(
            purse.allocated == purse.free + purse.committed + purse.spent,
            "a budget's parts are its whole",
        )
    }

    /// The latest attempt of a line that was recorded.
    pub(crate) fn started(&self, (redemption, line): (RedemptionId, u32)) -> u32 {
        let line = self.redemptions.get(&redemption).and_then(|one| one.lines.get(line as usize));
        line.map_or(0, |line| line.started)
    }

    /// The how-manieth line it was that ended.
    pub(crate) fn ended(&self, line: (RedemptionId, u32)) -> Option<usize> {
        self.ended.get(&line).copied()
    }

    /// How many lines have ended.
    pub(crate) fn lines_ended(&self) -> usize {
        self.ended.len()
    }

    /// Redemptions that are open, for clients that cancel.
    pub(crate) fn open_redemptions(&self) -> Vec<(AccountId, RedemptionId)> {
        let open = self.redemptions.iter().filter(|(_, one)| !one.closed);
        open.map(|(id, one)| (one.account.clone(), *id)).collect()
    }

    /// Lines with a voucher.
    pub(crate) fn vouchers(&self) -> Vec<(AccountId, RedemptionId, u32)> {
        let lines =
            self.redemptions.iter().flat_map(|(id, one)| (0..).zip(&one.lines).map(move |l| (id, one, l)));
        let with_voucher = lines.filter(|(_, _, (_, line))| line.voucher);
        with_voucher.map(|(id, one, (number, _))| (one.account.clone(), *id, number)).collect()
    }

    /// Grants that wait for a person, and the budget where they do.
    pub(crate) fn held(&self) -> Vec<(AccountId, GrantId)> {
        let waits = |grant: &&Grant| grant.held && grant.committed.is_none() && !grant.declined;
        let place = |(id, grant): (&GrantId, &Grant)| Some((grant.budget.clone()?, *id));
        self.grants.iter().filter(|(_, grant)| waits(grant)).filter_map(place).collect()
    }

    /// Grants that went into wallets, and the wallet.
    pub(crate) fn credited_grants(&self) -> Vec<(AccountId, GrantId)> {
        let place = |(id, grant): (&GrantId, &Grant)| Some((grant.wallet.clone()?, *id));
        self.grants.iter().filter_map(place).collect()
    }

    /// After everything healed and ran to quiet: every obligation has reached its end or waits for a person, and the
    /// tenant's points are all somewhere, once.
    pub(crate) fn close(&self, now: i64, partitions: u16) -> Result<(), Broken> {
        self.milestones.close(now, partitions)?;
        for (id, grant) in &self.grants {
            let waits = grant.held && grant.committed.is_none() && !grant.declined;
            let ended = match grant.committed {
                Some(_) if grant.credited => grant.settled && !grant.returned,
                Some(_) if grant.refused => grant.returned && !grant.settled,
                Some(_) => false,
                None => waits || (grant.declined && grant.dropped),
            };
            let sound = grant.committed.is_some() || !(grant.credited || grant.refused);
            ensure(ended && sound, &format!("grant {id} has reached an end: {grant:?}"))?;
        }
        for (id, one) in &self.redemptions {
            ensure(one.closed, &format!("redemption {id} has reached an end: {one:?}"))?;
        }
        let of_purses = |part: fn(&Purse) -> i128| self.purses.values().map(part).sum::<i128>();
        let in_wallets: i128 = self.wallets.values().map(Wallet::all).sum();
        ensure(of_purses(|purse| purse.spent) == in_wallets, "what budgets spent is what wallets got")?;
        ensure(
            of_purses(|p| p.allocated) == of_purses(|p| p.free + p.committed) + in_wallets,
            "allocated points are free, committed, or came into wallets",
        )
    }
}

/// The sums of a fact about a wallet, and the lots that it names.
pub(crate) fn wallet_parts(fact: &Fact) -> (Option<&Balance>, &[LotState]) {
    match fact {
        Fact::GrantCredited(fact) => (Some(&fact.balance), &[]),
        Fact::LotVested(fact) => (Some(&fact.balance), std::slice::from_ref(&fact.lot)),
        Fact::LotExpired(fact) => (Some(&fact.balance), std::slice::from_ref(&fact.lot)),
        Fact::GrantReversed(fact) => (Some(&fact.balance), fact.lot.as_slice()),
        Fact::PointsDeducted(fact) => (Some(&fact.balance), &fact.lots),
        Fact::RedemptionRequested(fact) => (Some(&fact.balance), &fact.lots),
        Fact::LineFulfilled(fact) => (Some(&fact.balance), &fact.lots),
        Fact::LineFailed(fact) => (Some(&fact.balance), &fact.lots),
        Fact::RedemptionClosed(fact) => (Some(&fact.balance), &fact.lots),
        _ => (None, &[]),
    }
}
