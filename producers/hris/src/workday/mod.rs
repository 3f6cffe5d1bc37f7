//! Workday's own shapes: Core Connector's `Worker_Sync`, PECI, Get_Workers, and notifications that are hints.
//!
//! Each is laid out under the column names of the default report, so that one mapping reads them all.

pub(crate) mod get_workers;
pub(crate) mod notification;
pub(crate) mod peci;
pub(crate) mod worker_sync;

use crate::xml::{Element, Tree};

/// The first text of several, and nothing where they differ would matter: the shapes repeat a block for each address,
/// name or position, and say which is primary.
fn primary<'d>(tree: &Tree<'d>, blocks: &[&'d Element], marks: &[(&[&str], &str)]) -> Option<&'d Element> {
    for (path, wanted) in marks {
        let fits = |block: &&&Element| match path {
            [attribute] if attribute.starts_with('@') => {
                let own = tree.attribute(block, &attribute[1..]);
                own.is_some_and(|own| &*own.value == *wanted || (*wanted == "true" && &*own.value == "1"))
            }
            _ => {
                let own = tree.text(block, path);
                own == Some(*wanted) || (*wanted == "true" && own == Some("1"))
            }
        };
        if let Some(block) = blocks.iter().find(fits) {
            return Some(block);
        }
    }
    match blocks {
        [only] => Some(only),
        _ => None,
    }
}
