//! Members and their wallets.

use super::table;

table! {
    /// A wallet's sums. The first credit sets all of them.
    1 balances ("tenant" Text, "member" Bytes) () {
        /// Spendable now.
        AVAILABLE "available" Int,
        /// Held by redemptions.
        RESERVED "reserved" Int,
        /// Captured, ever.
        SPENT "spent" Int,
        /// When the log took the input behind the latest move.
        AS_OF "as_of" Int,
        /// Credited, not yet vested.
        PENDING "pending" Int,
        /// Expired, ever.
        EXPIRED "expired" Int,
        /// Reversed and deducted, ever.
        TAKEN "taken" Int,
        /// Reversals that found too little, ever.
        SHORTFALL "shortfall" Int,
    }
}

table! {
    /// Lots. What is left of one is `free + held`.
    2 lots ("tenant" Text, "member" Bytes) ("lot" Int) {
        /// Left and not held.
        FREE "free" Int,
        /// Held by redemptions.
        HELD "held" Int,
        /// `pending`, `open`, `expired` or `reversed`; what is held of an expired or reversed lot stays held.
        STATE "state" Text,
        /// Points at the credit.
        POINTS "points" Int,
        /// When the award or gift was decided.
        GRANTED_AT "granted_at" Int,
        /// Spendable from then on; not set: at once.
        ACTIVATES_AT "activates_at" Int,
        /// What is left goes then; not set: never.
        EXPIRES_AT "expires_at" Int,
        /// Campaign; not set: a gift.
        CAMPAIGN "campaign" Text,
        /// Its version.
        VERSION "version" Int,
        /// The budget that paid.
        BUDGET "budget" Text,
        /// The grant.
        GRANT "grant" Bytes,
        /// For people.
        LABEL "label" Text,
        /// The giver's words, sealed.
        NOTE "note" Bytes,
    }
}

table! {
    /// What moved in a wallet, one row a move, in the order in which it moved, in buckets of one month in UTC of
    /// `accepted_at`. A member's redemptions are the rows of kind 30 (`RedemptionRequested`), their id is `reference`.
    /// The sums after are those after the move's last fact in the same decision.
    3 statement ("tenant" Text, "member" Bytes, "month" Int) ("seq" Int, "entry" Int) {
        /// Number of the fact that moved it (`Fact::kind`).
        KIND "kind" Int,
        /// Business time.
        ACCEPTED_AT "accepted_at" Int,
        /// What the move did to `available`.
        DELTA "delta" Int,
        /// `available` after.
        AVAILABLE "available" Int,
        /// `pending` after.
        PENDING "pending" Int,
        /// `reserved` after.
        RESERVED "reserved" Int,
        /// `spent` after.
        SPENT "spent" Int,
        /// The grant or the redemption.
        REFERENCE "reference" Bytes,
        /// How many points moved, where that is not the size of `delta` (a pending credit, a later capture).
        POINTS "points" Int,
        /// For people: the grant's label. A redemption's lines stand in `redemptions`.
        LABEL "label" Text,
        /// Why, where a person or a vendor gave a reason.
        REASON "reason" Text,
        /// What a reversal wanted and did not find.
        SHORTFALL "shortfall" Int,
        /// The giver's words, sealed.
        NOTE "note" Bytes,
        /// `expired` after; like the next two, set where it is not 0.
        EXPIRED "expired" Int,
        /// `taken` after.
        TAKEN "taken" Int,
        /// The wallet's `shortfall` after.
        WALLET_SHORTFALL "wallet_shortfall" Int,
    }
}

table! {
    /// The worker's state as last reported.
    4 members ("tenant" Text, "member" Bytes) () {
        /// `active`, `on_leave`, `pending` or `terminated`.
        STATUS "status" Text,
        /// First ever hire.
        ORIGINAL_HIRE "original_hire" Text,
        /// Latest hire.
        HIRE "hire" Text,
        /// Start of continuous service.
        CONTINUOUS_SERVICE "continuous_service" Text,
        /// Seniority date.
        SENIORITY "seniority" Text,
        /// Last day.
        TERMINATION "termination" Text,
        /// Department.
        DEPARTMENT "department" Text,
        /// Cost centre.
        COST_CENTRE "cost_centre" Text,
        /// Worker type.
        WORKER_TYPE "worker_type" Text,
        /// Company.
        COMPANY "company" Text,
        /// Country.
        COUNTRY "country" Text,
        /// Location.
        LOCATION "location" Text,
        /// IANA time zone.
        ZONE "zone" Text,
        /// Birth date, sealed.
        BIRTH_DATE "birth_date" Bytes,
        /// Names, e-mail, manager, sealed.
        PERSONAL "personal" Bytes,
        /// The source's number, sealed.
        EXTERNAL_ID "external_id" Bytes,
        /// The connection that reported it.
        CONNECTION "connection" Text,
        /// When the source changed it; empty: it did not say.
        CHANGED_AT "changed_at" Text,
        /// When the state was recorded.
        RECORDED_AT "recorded_at" Int,
        /// When the source last spoke of this person, be it with an older state.
        SEEN_AT "seen_at" Int,
    }
}

table! {
    /// Milestones by their natural key.
    5 milestones ("tenant" Text, "member" Bytes) ("kind" Text, "occurrence" Text) {
        /// The day it counts from.
        EFFECTIVE "effective" Text,
        /// The day on which that day became known.
        KNOWN_ON "known_on" Text,
        /// The day before the latest move; empty: never moved.
        MOVED_FROM "moved_from" Text,
        /// `recorded` or `retracted`.
        STATE "state" Text,
        /// Connection.
        CONNECTION "connection" Text,
        /// The source's id.
        SOURCE_ID "source_id" Text,
        /// Completed years, as a number in text.
        YEARS "years" Text,
        /// Attributes, a JSON object.
        ATTRIBUTES "attributes" Text,
        /// When the latest fact about it was decided.
        UPDATED_AT "updated_at" Int,
    }
}

table! {
    /// What came of a milestone under each campaign; the campaign is empty where none in force was about its kind.
    6 considerations ("tenant" Text, "member" Bytes) ("kind" Text, "occurrence" Text, "campaign" Text) {
        /// The campaign's version.
        VERSION "version" Int,
        /// `awarded`, `already_awarded`, `too_late` and so on: `Considered`.
        OUTCOME "outcome" Text,
        /// The condition that did not hold, with the value found.
        FAILED_CONDITION "failed_condition" Text,
        /// The grant that the campaign owes or owed.
        GRANT "grant" Bytes,
        /// When it was considered.
        CONSIDERED_AT "considered_at" Int,
        /// When it came up again after its award; the award's version and outcome stay.
        AGAIN_AT "again_at" Int,
    }
}

table! {
    /// Grants as the wallet's partition knows them. [`super::budget_grants`] has the budget's side.
    7 grants ("tenant" Text, "grant" Bytes) () {
        /// Who gets it.
        MEMBER "member" Bytes,
        /// `owed`, `credited`, `refused`, `dropped` or `reversed`.
        STATE "state" Text,
        /// The budget.
        BUDGET "budget" Text,
        /// How many points.
        POINTS "points" Int,
        /// When it was decided.
        GRANTED_AT "granted_at" Int,
        /// Spendable from then on.
        ACTIVATES_AT "activates_at" Int,
        /// What is left goes then.
        EXPIRES_AT "expires_at" Int,
        /// Campaign.
        CAMPAIGN "campaign" Text,
        /// Its version.
        VERSION "version" Int,
        /// For people.
        LABEL "label" Text,
        /// The giver's words, sealed.
        NOTE "note" Bytes,
        /// Kind of the milestone.
        KIND "kind" Text,
        /// Occurrence of the milestone.
        OCCURRENCE "occurrence" Text,
        /// Its lot in the wallet.
        LOT "lot" Int,
        /// Why it was refused, dropped or reversed.
        REASON "reason" Text,
        /// What a reversal wanted and did not find.
        SHORTFALL "shortfall" Int,
        /// When the latest fact about it was decided.
        UPDATED_AT "updated_at" Int,
    }
}
