//! Redemptions.

use super::table;

table! {
    /// Redemptions.
    10 redemptions ("tenant" Text, "redemption" Bytes) () {
        /// Who redeems.
        MEMBER "member" Bytes,
        /// `requested`, `approved`, `fulfilling`, `fulfilled`, `partially_fulfilled`, `failed` or `cancelled`.
        STATE "state" Text,
        /// All lines together.
        POINTS "points" Int,
        /// Captured altogether; set when it is closed.
        CAPTURED "captured" Int,
        /// When it was requested.
        REQUESTED_AT "requested_at" Int,
        /// When it reached its end.
        CLOSED_AT "closed_at" Int,
        /// What was ordered at which price: [`crate::rows::lines_text`].
        LINES "lines" Text,
        /// Given back altogether; set when it is closed and something was.
        RETURNED "returned" Int,
        /// Recipient or message, sealed.
        NOTE "note" Bytes,
    }
}

table! {
    /// The lines that wait for somebody. A line that the request's own decision delivered (`Delivery::Immediate`) has
    /// no row here: it was delivered when the redemption was requested. A line that is `waiting` in a cancelled
    /// redemption was cancelled with it.
    11 redemption_lines ("tenant" Text, "redemption" Bytes) ("line" Int) {
        /// `waiting`, `started`, `unanswered`, `fulfilled` or `failed`.
        STATE "state" Text,
        /// Captured or given back points.
        POINTS "points" Int,
        /// Number of the latest attempt.
        ATTEMPT "attempt" Int,
        /// The vouchers, sealed.
        VOUCHER "voucher" Bytes,
        /// The vendor's reference.
        REFERENCE "reference" Text,
        /// The vendor's reason.
        REASON "reason" Text,
        /// When the latest fact about it was decided.
        UPDATED_AT "updated_at" Int,
    }
}

table! {
    /// Who saw vouchers.
    12 reveals ("tenant" Text, "redemption" Bytes) ("line" Int, "seq" Int) {
        /// Whose voucher.
        MEMBER "member" Bytes,
        /// Who saw it.
        PRINCIPAL "principal" Text,
        /// Why.
        REASON "reason" Text,
        /// When.
        REVEALED_AT "revealed_at" Int,
        /// The command that showed it: its `repeats` were shown it again.
        COMMAND_ID "command_id" Bytes,
    }
}
