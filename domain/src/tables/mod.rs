//! The tables that facts project to, and the questions that each answers.
//!
//! | table | question | routes and commands |
//! |---|---|---|
//! | [`balances`] | what has this member? | `GET /members/{m}/balance`, `GET /members/{m}`, `mirabelle balance` |
//! | [`lots`] | which lots, what expires when? | `GET /members/{m}/lots`, `GET /members/{m}/balance` (expiring) |
//! | [`statement`] | what moved, in the order in which it moved; which redemptions and grants has this member? | `GET /members/{m}/statement`, balances `as_of`, `mirabelle statement` |
//! | [`members`] | what does the HRIS say about this member? | `GET /members/{m}` |
//! | [`milestones`] | what was reported? | `mirabelle explain` |
//! | [`considerations`] | why did this person get nothing, or this much? | `mirabelle explain`, `GET /members/{m}` |
//! | [`grants`] | where is this grant, seen from the wallet? | `GET /grants/{id}`, `POST /grants/{id}/reverse` |
//! | [`budget_grants`] | where is this grant, seen from the budget? | `GET /grants/{id}`, `verify` |
//! | [`budget_held`] | which grants wait for a person? | `GET /budgets/{id}`, `mirabelle budget held` |
//! | [`redemptions`] | what became of it? | `GET /redemptions/{id}`, `…/explain`, `…/cancel` |
//! | [`redemption_lines`] | what became of a line that a vendor delivers? | `GET /redemptions/{id}`, `…/reveal` |
//! | [`reveals`] | who saw the voucher? | `GET /redemptions/{id}/explain`, audit |
//! | [`budgets`] | what is left of a budget? | `GET /budgets/{id}`, `mirabelle budget` |
//! | [`config_versions`] | what was configured, by whom, from when on? | `GET /config/{kind}`, `GET /catalogue` |
//! | [`adoptions`] | which partition lacks what? | `mirabelle config status` |
//! | [`tenants`] | which tenants are there? | `POST /tenants`, `mirabelle tenant` |
//! | [`keys`] | whose key is this, what may it do? | every request's credential, `POST /keys` |
//! | [`decisions`] | what came of this command? | `GET /commands/{key}`, `explain` |
//! | [`repeats`] | who sent the same key again? | audit |
//! | [`set_aside`] | which inputs could nobody read? | `GET /dead-letters` |
//!
//! **What holds for all of them.** Cells are absolute and set by one partition alone: the one that decides the row's
//! account. A cell that was never set reads as nothing, a sum that was never set as 0. Optional text is set to empty
//! text when it is known to be missing, so that an older value never shines through. Days are `YYYY-MM-DD`, instants
//! microseconds since 1970, booleans 0 and 1. A sealed value is [`crate::rows::sealed_bytes`], empty when missing.

mod budget;
mod decision;
mod member;
mod redemption;
mod tenant;

pub use budget::{budget_grants, budget_held, budgets};
pub use decision::{decisions, repeats, set_aside};
pub use member::{balances, considerations, grants, lots, members, milestones, statement};
pub use redemption::{redemption_lines, redemptions, reveals};
pub use tenant::{adoptions, config_versions, keys, tenants};

use crate::rows::Table;

/// Declares a table as a module: `TABLE`, and the number of each column.
macro_rules! table {
    (
        $(#[$doc:meta])*
        $number:literal $name:ident ($($partition:literal $ptype:ident),*) ($($clustering:literal $ctype:ident),*) {
            $($(#[$column_doc:meta])* $column:ident $text:literal $type:ident,)*
        }
    ) => {
        $(#[$doc])*
        pub mod $name {
            use crate::rows::{Table, Type};

            /// The table.
            pub static TABLE: Table = Table {
                number: $number,
                name: stringify!($name),
                partition: &[$(($partition, Type::$ptype)),*],
                clustering: &[$(($clustering, Type::$ctype)),*],
                columns: &[$(($text, Type::$type)),*],
            };

            #[allow(non_camel_case_types, clippy::upper_case_acronyms, reason = "columns in their order")]
            enum Place { $($column),* }

            $($(#[$column_doc])* pub const $column: u8 = Place::$column as u8;)*
        }
    };
}
use table;

/// Every table, by number.
pub static ALL: [&Table; 20] = [
    &balances::TABLE,
    &lots::TABLE,
    &statement::TABLE,
    &members::TABLE,
    &milestones::TABLE,
    &considerations::TABLE,
    &grants::TABLE,
    &budget_grants::TABLE,
    &budget_held::TABLE,
    &redemptions::TABLE,
    &redemption_lines::TABLE,
    &reveals::TABLE,
    &budgets::TABLE,
    &config_versions::TABLE,
    &adoptions::TABLE,
    &tenants::TABLE,
    &keys::TABLE,
    &decisions::TABLE,
    &repeats::TABLE,
    &set_aside::TABLE,
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::ALL;

    #[test]
    fn tables_and_columns_have_numbers_and_names_of_their_own() {
        let names: BTreeSet<&str> = ALL.iter().map(|table| table.name).collect();
        assert_eq!(names.len(), ALL.len());
        for (index, table) in ALL.iter().enumerate() {
            assert_eq!(usize::from(table.number), index + 1, "{}", table.name);
            let all = table.partition.iter().chain(table.clustering).chain(table.columns);
            let columns: Vec<&str> = all.map(|(name, _)| *name).collect();
            let unique: BTreeSet<&str> = columns.iter().copied().collect();
            assert_eq!(unique.len(), columns.len(), "{}: {columns:?}", table.name);
            assert!(!table.partition.is_empty() && !table.columns.is_empty(), "{}", table.name);
        }
    }
}
