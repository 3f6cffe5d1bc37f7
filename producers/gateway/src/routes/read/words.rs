//! What codes of rows mean, for people who did not write them.

use mirabelle_store::Found;

/// `GrantCredited` as `grant_credited`.
pub(super) fn snake(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    for (index, c) in name.chars().enumerate() {
        if c.is_ascii_uppercase() {
            if index > 0 {
                out.push('_');
            }
            out.push(c.to_ascii_lowercase());
        } else {
            out.push(c);
        }
    }
    out
}

/// What a move of a statement was.
pub(super) fn of_move(kind: u16, row: &Found) -> &'static str {
    let delta = row.int("delta").unwrap_or(0);
    match kind {
        20 if delta == 0 => "points came in and wait for their day",
        20 => "points came in",
        22 => "points became spendable",
        23 => "points expired",
        24 => "a grant was taken back",
        25 => "points were taken by a correction",
        30 => "rewards were ordered",
        33 => "a reward was delivered; its points are spent",
        34 => "a reward was not delivered; its points came back",
        36 => "an order was cancelled; its points came back",
        _ => "a move of a newer release",
    }
}

/// What came of a milestone under a campaign.
pub(super) fn of_outcome(outcome: &str) -> &'static str {
    match outcome {
        "awarded" => "the campaign owes points for it",
        "already_awarded" => "the campaign has awarded it before, and awards it once",
        "baseline" => "its connection was in baseline: it was recorded, and earns nothing, then or later",
        "not_due" => "its day has not come yet; it is considered again then",
        "before_start" => "it lies before the campaign's first day",
        "after_end" => "it lies after the campaign's last day",
        "too_late" => "it became known too long after its day for this campaign",
        "condition_failed" => "a condition of the campaign does not hold",
        "not_employed" => "the person did not work here on that day, as far as is known",
        "worker_unknown" => {
            "no worker state is known yet, and the campaign asks for one; it is considered again then"
        }
        "retracted" => "the HR system took it back",
        "no_points" => "the campaign pays nothing for this",
        "no_campaign" => "no campaign in force is about this kind of milestone",
        _ => "an outcome of a newer release",
    }
}

/// Where a grant stands, seen from the wallet and from the budget: the one that is further on speaks.
pub(super) fn of_grant(wallet: Option<&str>, budget: Option<&str>) -> &'static str {
    match (wallet, budget) {
        (Some("credited"), Some("settled")) => "the points are in the wallet",
        (Some("credited"), _) => "the points are in the wallet; the budget is being told",
        (Some("reversed"), _) => "the points were taken back",
        (Some("refused"), Some("returned")) => "the wallet refused it; the budget has its points back",
        (Some("refused"), _) => "the wallet refused it; the budget gets its points back",
        (Some("dropped"), _) => "it will not be paid",
        (_, Some("held")) => "it waits for a person to release it",
        (_, Some("declined")) => "a person declined it",
        (_, Some("returned")) => "the budget has its points back",
        (_, Some("committed")) => "the budget has committed it; it is on its way to the wallet",
        (Some("owed"), None) => "it is on its way to the budget",
        _ => "it is on its way",
    }
}

/// Why a grant waits for a person.
pub(super) fn of_hold(held_for: &str) -> &'static str {
    match held_for {
        "daily_ceiling" => "the campaign's daily ceiling is reached",
        "budget_exhausted" => "the budget has too little free",
        "budget_closed" => "the budget is closed",
        _ => "a reason of a newer release",
    }
}

/// What a redemption's state means.
pub(super) fn of_redemption(state: &str) -> &'static str {
    match state {
        "requested" => "the points are held",
        "approved" => "nothing stands in its way; delivery begins",
        "fulfilling" => "the vendor has been asked, or is about to be",
        "fulfilled" => "every line was delivered",
        "partially_fulfilled" => "some lines were delivered; the points of the others came back",
        "failed" => "nothing was delivered; all points came back",
        "cancelled" => "it was cancelled before anything was started; all points came back",
        _ => "a state of a newer release",
    }
}

#[cfg(test)]
mod tests {
    use mirabelle_domain::fact::{Considered, HeldFor};

    use super::*;

    #[test]
    fn every_outcome_that_the_rules_know_has_words() {
        use Considered::*;
        let all = [
            Awarded,
            AlreadyAwarded,
            Baseline,
            NotDue,
            BeforeStart,
            AfterEnd,
            TooLate,
            ConditionFailed,
            NotEmployed,
            WorkerUnknown,
            Retracted,
            NoPoints,
            NoCampaign,
        ];
        for outcome in all {
            let name = serde_json::to_value(outcome).unwrap();
            assert!(!of_outcome(name.as_str().unwrap()).contains("newer"), "{outcome:?}");
        }
    }

    #[test]
    fn every_reason_to_hold_a_grant_has_words() {
        for held in [HeldFor::DailyCeiling, HeldFor::BudgetExhausted, HeldFor::BudgetClosed] {
            let name = serde_json::to_value(held).unwrap();
            assert!(!of_hold(name.as_str().unwrap()).contains("newer"), "{held:?}");
        }
    }

    #[test]
    fn names_of_facts_are_written_with_underscores() {
        assert_eq!(snake("GrantCredited"), "grant_credited");
    }
}
