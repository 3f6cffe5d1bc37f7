//! The log's id, and marks of where its partitions stood, in a topic of their own.
//!
//! ```text
//!  PREFIX.log   id:4f1c…   format=1 id=4f1c… partitions=48        the first one of the topic is the log's, for ever
//!               mark:facts:3   offset=1041 at_ms=… checksum=…     the newest one of each key counts; the topic is compacted
//! ```
//! An id has a key of its own, so that no compaction ever takes the first one.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use mirabelle_log::{LogId, Partition, Topic};
use rdkafka::TopicPartitionList;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::Message;
use rdkafka::topic_partition_list::Offset;

use crate::client::{self, Words};
use crate::ends::Mark;
use crate::error::OpenError;
use crate::options::Options;
use crate::settings::{identity_name, topic_name};

/// The newest format that this build knows.
const FORMAT: u64 = 1;
/// How long one question to a leader may take.
const ANSWER: Duration = Duration::from_secs(5);

/// Something of each partition of each topic.
pub(crate) type Each<T> = HashMap<(Topic, Partition), T>;

/// What the topic says.
#[derive(Debug, Default)]
pub(crate) struct Identity {
    pub(crate) id: Option<(LogId, u16)>,
    pub(crate) marks: Each<Mark>,
}

/// Key and value of a new log's id.
pub(crate) fn id_record(id: LogId, partitions: u16) -> (String, String) {
    let hex: String = id.0.iter().map(|byte| format!("{byte:02x}")).collect();
    (format!("id:{hex}"), format!("format={FORMAT} id={hex} partitions={partitions}"))
}

/// Key and value of a mark.
pub(crate) fn mark_record(topic: Topic, partition: Partition, mark: Mark) -> (String, String) {
    let Mark { offset, at_ms, checksum } = mark;
    (format!("mark:{topic}:{partition}"), format!("offset={offset} at_ms={at_ms} checksum={checksum}"))
}

/// The fields of `name=value name=value`.
fn field<'a>(value: &'a str, name: &str) -> Option<&'a str> {
    value.split(' ').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

impl Identity {
    /// Takes the next record of the topic. What is neither an id nor a mark was put there by somebody else.
    fn take(&mut self, key: &str, value: &str) -> Result<(), String> {
        if key.starts_with("id:") {
            if self.id.is_none() {
                self.id = Some(parsed_id(value)?);
            }
        } else if let Some(place) = key.strip_prefix("mark:") {
            let (place, mark) = parsed_mark(place, value).ok_or_else(|| format!("a mark reads {value:?}"))?;
            self.marks.insert(place, mark);
        }
        Ok(())
    }
}

fn parsed_id(value: &str) -> Result<(LogId, u16), String> {
    let broken = || format!("its id reads {value:?}");
    let format: u64 = field(value, "format").and_then(|format| format.parse().ok()).ok_or_else(broken)?;
    if format > FORMAT {
        return Err(format!(
            "it has format {format}, this build knows formats up to {FORMAT}: use a newer release"
        ));
    }
    let hex = field(value, "id").filter(|hex| hex.len() == 32 && hex.is_ascii()).ok_or_else(broken)?;
    let mut id = [0; 16];
    for (byte, digits) in id.iter_mut().zip(hex.as_bytes().chunks(2)) {
        let digits = std::str::from_utf8(digits).map_err(|_| broken())?;
        *byte = u8::from_str_radix(digits, 16).map_err(|_| broken())?;
    }
    let partitions = field(value, "partitions").and_then(|number| number.parse().ok()).ok_or_else(broken)?;
    Ok((LogId(id), partitions))
}

fn parsed_mark(place: &str, value: &str) -> Option<((Topic, Partition), Mark)> {
    let (name, partition) = place.rsplit_once(':')?;
    let topic = Topic::ALL.into_iter().find(|topic| topic.name() == name)?;
    let mark = Mark {
        offset: field(value, "offset")?.parse().ok()?,
        at_ms: field(value, "at_ms")?.parse().ok()?,
        checksum: field(value, "checksum")?.parse().ok()?,
    };
    Some(((topic, Partition(partition.parse().ok()?)), mark))
}

/// Looks into the log's topics before anybody works with them.
pub(crate) struct Looker<'a> {
    options: &'a Options,
    consumer: BaseConsumer<Words>,
    until: Instant,
}

impl<'a> Looker<'a> {
    pub(crate) fn new(options: &'a Options) -> Result<Looker<'a>, OpenError> {
        let mut config = client::reading(options);
        // Of each partition little is wanted.
        config.set("fetch.message.max.bytes", "65536");
        let consumer = BaseConsumer::from_config_and_context(&config, Words("looker")).map_err(|source| {
            OpenError::Client { client: "consumer", servers: options.servers.clone(), source }
        })?;
        Ok(Looker { options, consumer, until: Instant::now() + options.open_timeout })
    }

    fn not_the_log(&self, reason: String) -> OpenError {
        OpenError::NotTheLog { prefix: self.options.prefix.clone(), reason }
    }

    fn watermarks(&self, name: &str, partition: i32) -> Result<(u64, u64), OpenError> {
        let on = || format!("partition {partition} of {name}");
        loop {
            match self.consumer.fetch_watermarks(name, partition, ANSWER) {
                Ok((low, high)) => {
                    return Ok((u64::try_from(low).unwrap_or(0), u64::try_from(high).unwrap_or(0)));
                }
                // A partition that is new, or between two leaders.
                Err(source) if Instant::now() >= self.until => {
                    return Err(OpenError::cluster("find the ends of", on())(source));
                }
                Err(_) => std::thread::sleep(Duration::from_millis(50)),
            }
        }
    }

    /// Start and end of every partition of every topic.
    pub(crate) fn bounds(&self) -> Result<Each<(u64, u64)>, OpenError> {
        let mut bounds = HashMap::new();
        for topic in Topic::ALL {
            let name = topic_name(self.options, topic);
            for partition in (0..self.options.partitions).map(Partition) {
                bounds.insert((topic, partition), self.watermarks(&name, i32::from(partition.0))?);
            }
        }
        Ok(bounds)
    }

    /// Reads the topic of the log's identity to its end.
    pub(crate) fn identity(&self) -> Result<Identity, OpenError> {
        let name = identity_name(self.options);
        let (low, high) = self.watermarks(&name, 0)?;
        let mut identity = Identity::default();
        if low == high {
            return Ok(identity);
        }
        let reading = || OpenError::cluster("read the topic", name.clone());
        self.assign(&[(name.as_str(), 0, low)]).map_err(reading())?;
        let mut next = low;
        while next < high {
            match self.poll(&format!("{name} was not read"))? {
                Ok(message) => {
                    next = u64::try_from(message.offset()).unwrap_or(next) + 1;
                    let text =
                        |part: Option<&[u8]>| String::from_utf8_lossy(part.unwrap_or_default()).into_owned();
                    let (key, value) = (text(message.key()), text(message.payload()));
                    identity.take(&key, &value).map_err(|reason| self.not_the_log(reason))?;
                }
                Err(KafkaError::PartitionEOF(_)) => break,
                Err(source) => return Err(reading()(source)),
            }
        }
        self.consumer.unassign().map_err(reading())?;
        Ok(identity)
    }

    fn assign(&self, places: &[(&str, i32, u64)]) -> KafkaResult<()> {
        let mut list = TopicPartitionList::with_capacity(places.len());
        for (name, partition, offset) in places {
            let offset = i64::try_from(*offset).unwrap_or(i64::MAX);
            list.add_partition_offset(name, *partition, Offset::Offset(offset))?;
        }
        self.consumer.assign(&list)
    }

    fn poll(&self, what: &str) -> Result<KafkaResult<rdkafka::message::BorrowedMessage<'_>>, OpenError> {
        loop {
            match self.consumer.poll(Duration::from_millis(100)) {
                // The library tries again by itself.
                Some(Err(KafkaError::MessageConsumption(code))) if is_passing(code) => {}
                Some(outcome) => return Ok(outcome),
                None => {}
            }
            if Instant::now() >= self.until {
                let waited_ms = self.options.open_timeout.as_millis();
                return Err(OpenError::TooSlow { what: what.to_owned(), waited_ms });
            }
        }
    }

    /// Compares every mark with what stands there.
    pub(crate) fn compare(&self, marks: &Each<Mark>, bounds: &Each<(u64, u64)>) -> Result<(), OpenError> {
        let mut wanted = HashMap::new();
        for ((topic, partition), mark) in marks {
            let Some((start, end)) = bounds.get(&(*topic, *partition)) else { continue };
            if *end <= mark.offset {
                return Err(self.not_the_log(format!(
                    "partition {partition} of {topic} ends at {end}, and held a record at {}: it was cut, or deleted and \
                     made again",
                    mark.offset
                )));
            }
            // What is gone from the front can't be compared.
            if *start <= mark.offset {
                wanted.insert((topic_name(self.options, *topic), i32::from(partition.0)), *mark);
            }
        }
        let places: Vec<_> =
            wanted.iter().map(|((name, partition), mark)| (name.as_str(), *partition, mark.offset)).collect();
        let reading = || OpenError::cluster("compare the records of", self.options.prefix.clone());
        self.assign(&places).map_err(reading())?;
        let mut left = wanted.clone();
        while !left.is_empty() {
            let message = match self.poll("marked records were not read")? {
                Ok(message) => message,
                Err(KafkaError::PartitionEOF(_)) => continue,
                Err(source) => return Err(reading()(source)),
            };
            let place = (message.topic().to_owned(), message.partition());
            if let Some(mark) = left.remove(&place)
                && Mark::of(&message) != Some(mark)
            {
                let (name, partition) = place;
                return Err(self.not_the_log(format!(
                    "another record than before stands at offset {} of partition {partition} of {name}: the topic was \
                     restored, or deleted and made again",
                    mark.offset
                )));
            }
        }
        self.consumer.unassign().map_err(reading())
    }
}

/// Whether the library goes on by itself after such an error.
pub(crate) fn is_passing(code: rdkafka::error::RDKafkaErrorCode) -> bool {
    use rdkafka::error::RDKafkaErrorCode as Code;
    matches!(
        code,
        Code::BrokerTransportFailure
            | Code::AllBrokersDown
            | Code::Resolve
            | Code::OperationTimedOut
            | Code::RequestTimedOut
            | Code::NotLeaderForPartition
            | Code::LeaderNotAvailable
            | Code::NetworkException
            | Code::CoordinatorNotAvailable
            | Code::CoordinatorLoadInProgress
            | Code::NotCoordinator
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_id_counts_and_the_last_mark_of_each_partition() {
        let mut identity = Identity::default();
        let mark = |offset| Mark { offset, at_ms: 1_764_000_000_123, checksum: 0xdead_beef };
        let (facts, bulk) = ((Topic::Facts, Partition(3)), (Topic::CommandsBulk, Partition(47)));
        let records = [
            id_record(LogId([0xa7; 16]), 48),
            mark_record(facts.0, facts.1, mark(1_041)),
            id_record(LogId([9; 16]), 12),
            mark_record(bulk.0, bulk.1, mark(17)),
            mark_record(facts.0, facts.1, mark(2_082)),
            ("somebody".to_owned(), "else".to_owned()),
        ];
        records.iter().try_for_each(|(key, value)| identity.take(key, value)).unwrap();
        assert_eq!(identity.id, Some((LogId([0xa7; 16]), 48)));
        assert_eq!(identity.marks, HashMap::from([(facts, mark(2_082)), (bulk, mark(17))]));
    }

    #[test]
    fn an_id_of_a_newer_format_or_a_broken_one_is_refused() {
        for (value, why) in [
            ("format=2 id=00000000000000000000000000000000 partitions=3", "newer release"),
            ("format=1 id=0000 partitions=3", "reads"),
            ("format=1 id=0000000000000000000000000000000é partitions=3", "reads"),
            ("", "reads"),
        ] {
            let error = Identity::default().take("id:0", value).unwrap_err();
            assert!(error.contains(why), "{value}: {error}");
        }
        Identity::default().take("mark:facts:three", "offset=1 at_ms=2 checksum=3").unwrap_err();
    }
}
