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
        24 if row.int("points").unwrap_or(0) == 0 => {
            "a grant was to be taken back, and nothing of it was left: spent, expired, or held by an order"
        }
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

/// What has become of an award, by where it stands in the wallet.
pub(super) fn of_award(in_wallet: &str) -> &'static str {
    match in_wallet {
        "owed" => "the campaign owes points for it",
        "credited" => "the campaign has given points for it",
        "reversed" => "the campaign gave points for it, and what was left of them was taken back",
        "refused" => "the campaign owed points for it, and the wallet refused them",
        "dropped" => "the campaign owed points for it, which will not be paid",
        _ => "a state of a newer release",
    }
}

/// What came of taking a grant back: what was spent before, or an order holds, can't be taken.
pub(super) fn of_reversal(points: i64, shortfall: i64, may_have_expired: bool) -> String {
    let taken = points - shortfall;
    let expired = if may_have_expired { " or had expired" } else { "" };
    match (taken, shortfall) {
        (_, 0) if may_have_expired => "what had not expired of the points was taken back".to_owned(),
        (_, 0) => "the points were taken back".to_owned(),
        (..=0, _) => {
            format!("0 points were taken back; {shortfall} could not be: already spent, or held by an order")
        }
        _ => format!(
            "{taken} points were taken back{expired}; {shortfall} could not be: already spent, or held by an order"
        ),
    }
}

/// Why a grant waits for a person, as things stand: what was recorded is how they stood when it came. `budget`: its name
/// and its state now, `None` where nobody ever opened it.
pub(super) fn of_hold(held_for: &str, (name, state): (&str, Option<&str>)) -> String {
    let words = match (held_for, state) {
        ("daily_ceiling", _) => "the campaign's daily ceiling is reached",
        ("budget_exhausted", _) => "the budget had too little free when it came",
        ("budget_closed", None) => {
            return format!("no budget `{name}` was opened: open it, then release what waits there");
        }
        ("budget_closed", Some("closed")) => "the budget is closed",
        ("budget_closed", Some(_)) => "the budget was not open when it came; it is open now: release it",
        _ => "a reason of a newer release",
    };
    words.to_owned()
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
    fn what_became_of_an_award_is_said_by_where_its_points_are() {
        for in_wallet in ["owed", "credited", "reversed", "refused", "dropped"] {
            assert!(!of_award(in_wallet).contains("newer"), "{in_wallet}");
        }
        assert!(of_award("reversed").contains("taken back") && !of_award("reversed").contains("owes"));
    }

    #[test]
    fn every_reason_to_hold_a_grant_has_words() {
        for held in [HeldFor::DailyCeiling, HeldFor::BudgetExhausted, HeldFor::BudgetClosed] {
            let name = serde_json::to_value(held).unwrap();
            for state in [None, Some("open"), Some("closed")] {
                let words = of_hold(name.as_str().unwrap(), ("thanks", state));
                assert!(!words.contains("newer"), "{held:?}");
            }
        }
    }

    #[test]
    fn what_waits_for_a_budget_is_told_as_the_budget_is_now() {
        let words = |state| of_hold("budget_closed", ("thanks", state));
        assert!(words(None).starts_with("no budget `thanks` was opened"));
        assert_eq!(words(Some("closed")), "the budget is closed");
        assert!(words(Some("open")).ends_with("open now: release it"));
    }

    #[test]
    fn what_could_not_be_taken_back_is_told_apart_from_what_was() {
        assert_eq!(of_reversal(1_500, 0, false), "the points were taken back");
        assert!(of_reversal(1_500, 0, true).contains("had not expired"));
        let all = of_reversal(1_500, 1_500, false);
        assert_eq!(all, "0 points were taken back; 1500 could not be: already spent, or held by an order");
        assert!(of_reversal(1_500, 400, false).starts_with("1100 points were taken back; 400 could not be"));
        assert!(of_reversal(1_500, 400, true).starts_with("1100 points were taken back or had expired; 400"));
    }

    #[test]
    fn names_of_facts_are_written_with_underscores() {
        assert_eq!(snake("GrantCredited"), "grant_credited");
    }
}
