//! The settings that topics are made with, and must have.

use mirabelle_log::Topic;

use crate::options::Options;

/// Dead letters are kept so long, in milliseconds: 90 days.
const DEAD_LETTERS_MS: i64 = 90 * 24 * 3_600_000;
const FOR_EVER: i64 = -1;

/// The largest message of a topic: a record of the largest size, with headers and framing; never less than what lets
/// batches be batches.
pub(crate) fn message_bytes_max(options: &Options) -> usize {
    options.record_bytes_max.max(1 << 20) + (64 << 10)
}

/// The name of a topic on the brokers.
pub(crate) fn topic_name(options: &Options, topic: Topic) -> String {
    format!("{}.{}", options.prefix, topic.name())
}

/// The empty topic that members of a group share out among them.
pub(crate) fn membership_name(options: &Options) -> String {
    format!("{}.membership", options.prefix)
}

/// The topic with the log's id and marks.
pub(crate) fn identity_name(options: &Options) -> String {
    format!("{}.log", options.prefix)
}

/// What a setting must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// This and nothing else.
    Exactly(&'static str),
    /// This number or more.
    AtLeast(i64),
    /// This number or more, or -1.
    AtLeastOrForEver(i64),
}

impl Wanted {
    /// The value that a new topic gets.
    pub(crate) fn value(&self) -> String {
        match self {
            Wanted::Exactly(value) => (*value).to_owned(),
            Wanted::AtLeast(number) | Wanted::AtLeastOrForEver(number) => number.to_string(),
        }
    }

    pub(crate) fn is_met_by(&self, value: &str) -> bool {
        let number = || value.parse::<i64>().ok();
        match self {
            Wanted::Exactly(wanted) => value == *wanted,
            Wanted::AtLeast(least) => number().is_some_and(|number| number >= *least),
            Wanted::AtLeastOrForEver(least) => {
                number().is_some_and(|number| number == FOR_EVER || number >= *least)
            }
        }
    }

    pub(crate) fn says(&self) -> String {
        match self {
            Wanted::Exactly(value) => (*value).to_owned(),
            Wanted::AtLeast(number) => format!("{number} or more"),
            Wanted::AtLeastOrForEver(number) => format!("-1, or {number} or more"),
        }
    }
}

/// A topic as it must be.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) name: String,
    pub(crate) partitions: u16,
    pub(crate) config: Vec<(&'static str, Wanted)>,
}

/// Every topic of a log.
pub(crate) fn wanted(options: &Options) -> Vec<Settings> {
    let largest = i64::try_from(message_bytes_max(options)).unwrap_or(i64::MAX);
    // With as many copies in sync as an acknowledgement waits for, one broker can be lost without what it acknowledged.
    let in_sync = i64::from(options.replication.min(2));
    let safe = [
        ("min.insync.replicas", Wanted::AtLeast(in_sync)),
        ("unclean.leader.election.enable", Wanted::Exactly("false")),
    ];
    let kept = |topic: Topic| match topic {
        // Commands go when somebody who knows what is decided deletes them, never by the clock: a partition may stand.
        Topic::Milestones | Topic::Facts | Topic::Commands | Topic::CommandsBulk => Wanted::Exactly("-1"),
        Topic::DeadLetters => Wanted::AtLeastOrForEver(DEAD_LETTERS_MS),
    };
    let mut all: Vec<Settings> = Topic::ALL
        .into_iter()
        .map(|topic| {
            let mut config = vec![
                ("cleanup.policy", Wanted::Exactly("delete")),
                ("retention.ms", kept(topic)),
                ("retention.bytes", Wanted::Exactly("-1")),
                ("message.timestamp.type", Wanted::Exactly("LogAppendTime")),
                ("max.message.bytes", Wanted::AtLeast(largest)),
            ];
            config.extend(safe.clone());
            Settings { name: topic_name(options, topic), partitions: options.partitions, config }
        })
        .collect();
    let (name, partitions) = (membership_name(options), options.partitions);
    all.push(Settings { name, partitions, config: Vec::new() });
    let mut config = vec![
        ("cleanup.policy", Wanted::Exactly("compact")),
        ("message.timestamp.type", Wanted::Exactly("LogAppendTime")),
    ];
    config.extend(safe);
    all.push(Settings { name: identity_name(options), partitions: 1, config });
    all
}

/// What of the identity's topic only makes opening fast: few marks to read.
pub(crate) const IDENTITY_EXTRA: [(&str, &str); 3] =
    [("segment.bytes", "1048576"), ("segment.ms", "3600000"), ("min.cleanable.dirty.ratio", "0.1")];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_true_for_ever_is_kept_for_ever() {
        let options = Options::new("a:1", "pay");
        let all = wanted(&options);
        assert_eq!(all.len(), Topic::ALL.len() + 2);
        let of = |name: &str, key: &str| {
            let settings = all.iter().find(|settings| settings.name == name).unwrap();
            settings.config.iter().find(|(known, _)| *known == key).unwrap().1.clone()
        };
        assert!(of("pay.facts", "retention.ms").is_met_by("-1"));
        assert!(!of("pay.facts", "retention.ms").is_met_by("2592000000"), "30 days are not for ever");
        assert!(of("pay.dead-letters", "retention.ms").is_met_by("7776000000"));
        assert!(of("pay.dead-letters", "retention.ms").is_met_by("-1"));
        assert!(!of("pay.dead-letters", "retention.ms").is_met_by("604800000"));
        assert!(!of("pay.commands", "min.insync.replicas").is_met_by("1"));
        assert!(of("pay.commands", "min.insync.replicas").is_met_by("2"));
        assert!(!of("pay.log", "cleanup.policy").is_met_by("delete"));
        let single = wanted(&Options { replication: 1, ..options });
        assert!(
            single[0]
                .config
                .iter()
                .any(|(key, wanted)| *key == "min.insync.replicas" && wanted.is_met_by("1"))
        );
    }
}
