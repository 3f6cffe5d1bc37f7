//! An input whose bytes go to `dead-letters` before it is decided.

use mirabelle_log::{Entry, Offset, Record, Topic};
use mirabelle_schemas::encode_dead_letter;

use crate::step::{Draft, Here, KEY_KEPT, SetAside, dead_letter, set_aside};

/// One of them; the partition takes no other input meanwhile.
#[derive(Debug)]
pub(crate) struct Aside {
    pub(crate) topic: u8,
    pub(crate) record: Record,
    pub(crate) why: SetAside,
    /// What is decided then; of an input that can't be read, that it was set aside.
    pub(crate) decided: Option<Box<Draft>>,
    /// Its dead letter is durable.
    pub(crate) kept: bool,
}

impl Aside {
    /// Index of its topic in `Topic::INPUTS`, and its offset there.
    pub(crate) fn place(&self) -> (u8, Offset) {
        (self.topic, self.record.offset)
    }

    /// Its dead letter, made at `now` (microseconds).
    pub(crate) fn letter(&self, here: Here, now: i64) -> Entry {
        let topic = Topic::INPUTS[usize::from(self.topic)];
        let tenant = self.decided.as_ref().map(|draft| &draft.account.tenant);
        let encoded = encode_dead_letter(&dead_letter(topic, here, tenant, &self.record, &self.why, now));
        let key = &self.record.entry.key;
        let key = key.slice(..key.len().min(KEY_KEPT));
        Entry { key, fingerprint: encoded.fingerprint, value: encoded.value, trace: None }
    }

    /// What is decided once the letter is durable.
    pub(crate) fn into_draft(self, here: Here) -> Draft {
        match self.decided {
            Some(draft) => *draft,
            None => set_aside(here, self.topic, &self.record, &self.why),
        }
    }
}
