//! Budgets.

use super::table;

table! {
    /// Grants as the budget's partition knows them. [`super::grants`] has the wallet's side.
    8 budget_grants ("tenant" Text, "grant" Bytes) () {
        /// The budget.
        BUDGET "budget" Text,
        /// Who gets it.
        MEMBER "member" Bytes,
        /// `committed`, `held`, `declined`, `settled` or `returned`.
        STATE "state" Text,
        /// How many points.
        POINTS "points" Int,
        /// Why it is or was held: `daily_ceiling`, `budget_exhausted` or `budget_closed`.
        HELD_FOR "held_for" Text,
        /// Campaign.
        CAMPAIGN "campaign" Text,
        /// Its version.
        VERSION "version" Int,
        /// The day that the campaign's ceiling counts on.
        CEILING_DAY "ceiling_day" Text,
        /// Points of the campaign on that day, with this grant.
        CEILING_SUM "ceiling_sum" Int,
        /// Who released or declined it.
        RESOLVED_BY "resolved_by" Text,
        /// Why it was released, declined or returned.
        REASON "reason" Text,
        /// For people.
        LABEL "label" Text,
        /// The giver's words, sealed.
        NOTE "note" Bytes,
        /// When the latest fact about it was decided.
        UPDATED_AT "updated_at" Int,
    }
}

table! {
    /// Grants that wait for a person. A row goes when the grant is released or declined.
    9 budget_held ("tenant" Text, "budget" Text) ("grant" Bytes) {
        /// Who would get it.
        MEMBER "member" Bytes,
        /// How many points.
        POINTS "points" Int,
        /// Why it waits.
        HELD_FOR "held_for" Text,
        /// Campaign.
        CAMPAIGN "campaign" Text,
        /// For people.
        LABEL "label" Text,
        /// The giver's words, sealed.
        NOTE "note" Bytes,
        /// Since when.
        SINCE "since" Int,
    }
}

table! {
    /// Budgets: allocated = free + committed + spent.
    13 budgets ("tenant" Text) ("budget" Text) {
        /// For people.
        TITLE "title" Text,
        /// `open` or `closed`; not set: never opened.
        STATE "state" Text,
        /// Given to it altogether.
        ALLOCATED "allocated" Int,
        /// Not promised to anybody.
        FREE "free" Int,
        /// On the way to wallets.
        COMMITTED "committed" Int,
        /// In wallets, or gone on from there.
        SPENT "spent" Int,
        /// Thresholds in per cent, comma-separated.
        ALERTS "alerts" Text,
        /// The latest threshold that was reached.
        ALERTED "alerted" Int,
        /// When.
        ALERTED_AT "alerted_at" Int,
        /// When it was opened.
        OPENED_AT "opened_at" Int,
        /// When it was closed.
        CLOSED_AT "closed_at" Int,
        /// When the log took the input behind the latest move.
        AS_OF "as_of" Int,
    }
}
