//! A connection as configured, as what reads its deliveries.

use mirabelle_domain::config::Connection;
use mirabelle_hris::{Mapping, Profile};

/// What is wrong with a mapping.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} (mapping {at})")]
pub struct Flaw {
    /// JSON pointer into the mapping.
    pub at: String,
    /// What is wrong.
    pub what: String,
}

/// The HR system's adapter with the connection's mapping, or the system's default.
///
/// # Errors
/// The first thing that is wrong with the mapping. A published one has none: it was checked when it was drafted.
pub fn profile(connection: &Connection) -> Result<Profile, Flaw> {
    let system = connection.system;
    let mapping = match &connection.mapping {
        None => return Ok(Profile::default_for(system)),
        Some(mapping) => Mapping::from_json(system, mapping),
    };
    let mapping = mapping.map_err(|error| Flaw { at: String::new(), what: error.to_string() })?;
    match mapping.faults().into_iter().next() {
        None => Ok(Profile { system, mapping }),
        Some(fault) => Err(Flaw { at: fault.at, what: fault.what.to_owned() }),
    }
}
