//! The suite, by a process in one of two data centres.

use crate::world::{Servers, fresh, in_dc, two};

fn servers() -> Option<Servers> {
    let held = two()?;
    Some(Servers { options: in_dc(&held, &fresh("two"), "eu"), _held: held })
}

mirabelle_store::store_suite!(match servers() {
    Some(servers) => servers,
    None => return,
});
