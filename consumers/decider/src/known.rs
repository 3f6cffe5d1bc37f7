//! The ids that a partition has decided (DESIGN §5): recent ones in memory, exactly; all older ones in the index.

use hashbrown::HashMap;
use mirabelle_domain::CommandId;
use mirabelle_log::Offset;

/// Ids of confirmed decisions that the index may not hold yet, with the offset of the deciding record in `facts`.
///
/// Keyed by the id's first 64 bits: 17 bytes an id before the map's slack. The decision itself confirms a hit, so
/// two ids that share those bits are told apart there; both are remembered.
#[derive(Clone, Debug, Default)]
pub struct Recent {
    by_prefix: HashMap<u64, Offset>,
    /// Ids whose prefix another id holds; hardly ever any.
    colliding: Vec<(CommandId, Offset)>,
    /// In the order of their decisions.
    order: std::collections::VecDeque<(CommandId, Offset)>,
    /// How many of `order`, from its front, are on their way into the index.
    leaving: usize,
    /// The index holds every id decided below this offset.
    indexed_to: u64,
}

fn prefix(id: CommandId) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = id.0;
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}

impl Recent {
    /// Remembers where an id was decided.
    pub fn insert(&mut self, id: CommandId, offset: Offset) {
        self.order.push_back((id, offset));
        if let Some(other) = self.by_prefix.insert(prefix(id), offset) {
            self.by_prefix.insert(prefix(id), other);
            self.colliding.push((id, offset));
        }
    }

    /// Places at which the id may have been decided; the decision there says whether it was.
    pub fn candidates(&self, id: CommandId) -> impl Iterator<Item = Offset> {
        let colliding =
            self.colliding.iter().filter(move |(other, _)| *other == id).map(|(_, offset)| *offset);
        self.by_prefix.get(&prefix(id)).copied().into_iter().chain(colliding)
    }

    /// How many are remembered.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// In the order of their decisions.
    pub fn iter(&self) -> impl Iterator<Item = (CommandId, Offset)> {
        self.order.iter().copied()
    }

    /// The oldest ids for the index, once more than `keep` are remembered and none are on their way already. They
    /// stay remembered until [`Recent::indexed`].
    pub fn leave(&mut self, keep: usize) -> Option<Vec<(CommandId, Offset)>> {
        if self.leaving > 0 || self.order.len() <= keep {
            return None;
        }
        self.leaving = self.order.len() - keep / 2;
        Some(self.order.iter().take(self.leaving).copied().collect())
    }

    /// The index was not given what [`Recent::leave`] handed out: it is handed out again.
    pub fn not_indexed(&mut self) {
        self.leaving = 0;
    }

    /// The index holds every id decided at or below this offset of `facts`, once it is synced.
    pub fn indexed_to(&self) -> u64 {
        self.indexed_to
    }

    /// Goes on from a snapshot that believed this of the index.
    pub fn set_indexed_to(&mut self, offset: u64) {
        self.indexed_to = offset;
    }

    /// The index has what was handed out by [`Recent::leave`].
    pub fn indexed(&mut self) {
        for _ in 0..std::mem::take(&mut self.leaving) {
            let Some((id, offset)) = self.order.pop_front() else { break };
            self.indexed_to = offset.0;
            if self.by_prefix.get(&prefix(id)) == Some(&offset) {
                self.by_prefix.remove(&prefix(id));
            } else {
                self.colliding.retain(|(other, _)| *other != id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(low: u8, high: u8) -> CommandId {
        let mut bytes = [low; 16];
        bytes[15] = high;
        CommandId(bytes)
    }

    #[test]
    fn two_ids_that_share_their_first_bits_are_both_remembered() {
        let mut recent = Recent::default();
        recent.insert(id(7, 1), Offset(1041));
        recent.insert(id(7, 2), Offset(1055));
        assert!(recent.candidates(id(7, 2)).any(|offset| offset == Offset(1055)));
        assert!(recent.candidates(id(7, 1)).any(|offset| offset == Offset(1041)));
        assert_eq!(recent.candidates(id(8, 1)).count(), 0);
    }

    #[test]
    fn an_id_on_its_way_into_the_index_stays_known_until_it_is_there() {
        let mut recent = Recent::default();
        for number in 0..10 {
            recent.insert(id(number, 0), Offset(u64::from(number)));
        }
        assert_eq!(recent.leave(20), None);
        let leaving = recent.leave(4).unwrap();
        assert_eq!(leaving.len(), 8);
        assert_eq!(recent.leave(4), None, "one batch at a time");
        assert_eq!(recent.candidates(id(0, 0)).count(), 1);
        recent.indexed();
        assert_eq!(recent.candidates(id(0, 0)).count(), 0);
        assert_eq!(recent.candidates(id(9, 0)).count(), 1);
        assert_eq!(recent.len(), 2);
    }
}
