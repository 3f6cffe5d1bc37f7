//! The HRIS door: what SuccessFactors, Workday and Darwinbox send, read into our words.
//!
//! A pure library: no IO, no clock, no randomness. Bytes and a [`Mapping`] go in, a [`Delivery`] comes out: one
//! [`Item`] for each reported thing, each with its own outcome, so that a bad one never costs its neighbours anything.
//! What can't be read as a whole is [`Malformed`]; the caller keeps its bytes as a dead letter and answers in
//! [`AnswerShape::of_unreadable`]. A whole workforce is read item by item through [`Reading`].
//!
//! ```text
//!  bytes ─ body ─┬─ JSON ─ skim ─▶ rows ─▶ each parsed alone ─┬─ as the mapping's paths say ─────┐
//!                ├─ XML ── skim ─▶ records ─▶ each alone ─────┤                                  ├─▶ items, each once
//!                └─ CSV ── checked ─▶ rows ───────────────────┴─ known shapes, laid out by name ─┘
//! ```
//! The shapes of the three systems stand as a table in the crate's README.
//!
//! What is refused as a whole: bodies over the limits; anything but UTF-8, declared or not; HTML pages; any document
//! type declaration, any entity but XML's five, a prefix without declaration, a known name in a foreign namespace;
//! members or elements twice; what is cut off or has something behind its end; an answer that says that it failed or
//! has no rows. An item alone is refused for: an id that is missing, a number, too long or with invisible characters;
//! a date that no calendar has, outside of 1900 to 2200, or that fits two configured formats; a comment or processing
//! instruction inside a value (CDATA is text like any other); an array, object or several elements where a plain value
//! belongs; keys and parameters that disagree; a value over the limit. Members and elements that the mapping does not
//! name are ignored, whatever they hold. [`Code`] lists the reasons.
//!
//! Within one delivery a worker twice, or one source id twice, counts once where both are equal; where they differ,
//! all of them are set aside. A row of a report is a milestone if it has a code, else a worker's whole state.

mod answer;
mod body;
mod choose;
mod compound;
mod csv;
mod datasets;
mod dates;
mod documents;
mod json;
mod limits;
mod malformed;
pub mod mapping;
mod milestone;
mod named;
mod odata;
mod once;
mod open;
mod record;
mod report;
mod row;
mod rows;
mod soap;
mod workday;
mod worker;
mod xml;

#[cfg(test)]
mod tests;

pub use answer::soap_answer;
pub use datasets::both;
pub use limits::Limits;
pub use malformed::{Code, Malformed};
pub use mapping::{Mapping, Profile, System};
pub use open::{Asked, Reading, read, read_as, reread};
pub use report::{
    AnswerShape, Attribute, Contract, Delivery, ExternalId, Item, MilestoneReport, Next, Pointer,
    RAW_ENVELOPE_MAX, Report, SoapVersion, WorkerBusiness, WorkerDates, WorkerPersonal, WorkerReport,
};
