//! What came of inputs.

use super::table;

table! {
    /// The decision of a command id. The tenant is a cell: whoever asks with another tenant's credential sees nothing.
    /// A "no" that does not end the id (`not_due`) is overwritten by what is decided later; `code`, `detail` and
    /// `pointer` count while `accepted` is 0.
    18 decisions ("command_id" Bytes) () {
        /// Tenant.
        TENANT "tenant" Text,
        /// The member, for a member's account.
        MEMBER "member" Bytes,
        /// Partition.
        PARTITION "partition" Int,
        /// Seq of the decision.
        SEQ "seq" Int,
        /// Its stamp.
        AT "at" Int,
        /// Microseconds from `accepted_at` to `at`.
        WAIT "wait" Int,
        /// `Command::kind`.
        KIND "kind" Int,
        /// 1: accepted, 0: rejected.
        ACCEPTED "accepted" Int,
        /// 16 bytes each: grants and redemptions that it made, [`crate::project::REFERENCES_MAX`] at most.
        REFERENCES "references" Bytes,
        /// Any other account, as text.
        ACCOUNT "account" Text,
        /// The rejection's code.
        CODE "code" Text,
        /// For people.
        DETAIL "detail" Text,
        /// JSON pointer into the request.
        POINTER "pointer" Text,
    }
}

table! {
    /// Repeats of known command ids. They never touch the first answer's row.
    19 repeats ("command_id" Bytes) ("partition" Int, "seq" Int) {
        /// Seq of the decision that holds.
        FIRST_SEQ "first_seq" Int,
        /// 0: same key, other body.
        SAME_BODY "same_body" Int,
        /// Who sent it.
        PRINCIPAL "principal" Text,
        /// When.
        ACCEPTED_AT "accepted_at" Int,
    }
}

table! {
    /// Inputs that nobody could read, or not here; their bytes are in `dead-letters`.
    20 set_aside ("partition" Int) ("seq" Int) {
        /// Why.
        REASON "reason" Text,
        /// For people.
        DETAIL "detail" Text,
        /// Its id; zeros when that could not be read either.
        COMMAND_ID "command_id" Bytes,
        /// When the log took it.
        ACCEPTED_AT "accepted_at" Int,
    }
}
