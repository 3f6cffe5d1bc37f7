//! Avro's binary encoding, written and read by hand.
//!
//! Two layers. [`put`] and [`Reader`] are the primitives, for records whose layout is written out by hand. [`ser`] and
//! [`de`] carry any body of the domain through serde, field by field in the order of its struct, which is the order of
//! its newest schema; tests assert for every kind that the bytes are those of `apache-avro`. A datum of an older
//! schema goes through `apache-avro` with its writer's schema (see `crate::body`).

pub(crate) mod de;
pub(crate) mod put;
pub(crate) mod read;
pub(crate) mod ser;

pub(crate) use de::from_datum;
pub(crate) use read::{Broken, Reader};
pub(crate) use ser::to_datum;
