//! Topics: looked at, made, checked.

use std::time::{Duration, Instant};

use futures_executor::block_on;
use rdkafka::admin::{
    AdminClient, AdminOptions, ConfigResource, NewTopic, OwnedResourceSpecifier, ResourceSpecifier,
    TopicReplication,
};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::types::RDKafkaRespErr;

use crate::client::{self, Words};
use crate::error::OpenError;
use crate::options::Options;
use crate::settings::{IDENTITY_EXTRA, Settings, identity_name, wanted};

/// How long the admin client waits for one answer.
const ANSWER: Duration = Duration::from_secs(10);
/// How often a new topic is looked for.
const LOOK: Duration = Duration::from_millis(20);
/// After this long every broker has heard of a topic.
const HEARD: Duration = Duration::from_secs(5);

/// Looks at the topics of a log, and makes them.
pub(crate) struct Topics<'a> {
    options: &'a Options,
    admin: AdminClient<Words>,
    wanted: Vec<Settings>,
    until: Instant,
}

/// A topic as it is.
struct Found {
    partitions: usize,
    /// Copies of the partition that has the fewest.
    copies: usize,
    /// Whether each partition has a leader.
    led: bool,
}

impl<'a> Topics<'a> {
    pub(crate) fn new(options: &'a Options) -> Result<Topics<'a>, OpenError> {
        let config = client::asking(options);
        let admin = AdminClient::from_config_and_context(&config, Words("admin")).map_err(|source| {
            OpenError::Client { client: "admin client", servers: options.servers.clone(), source }
        })?;
        let until = Instant::now() + options.open_timeout;
        Ok(Topics { options, admin, wanted: wanted(options), until })
    }

    /// Which of the log's topics are missing.
    pub(crate) fn missing(&self) -> Result<Vec<String>, OpenError> {
        let mut since = None;
        loop {
            let mut missing = Vec::new();
            for settings in &self.wanted {
                if self.look(&settings.name)?.is_none() {
                    missing.push(settings.name.clone());
                }
            }
            // Some brokers hear of new topics later than others.
            let some = !missing.is_empty() && missing.len() < self.wanted.len();
            if !some || since.get_or_insert_with(Instant::now).elapsed() >= HEARD {
                return Ok(missing);
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Makes the topics of these names, and waits until each can be worked with. Somebody else may make them too.
    pub(crate) fn create(&self, names: &[String]) -> Result<(), OpenError> {
        let copies = i32::from(self.options.replication);
        let chosen: Vec<&Settings> = self.wanted.iter().filter(|one| names.contains(&one.name)).collect();
        let values: Vec<Vec<(&str, String)>> = chosen
            .iter()
            .map(|one| one.config.iter().map(|(key, wanted)| (*key, wanted.value())).collect())
            .collect();
        let extra = identity_name(self.options);
        let new: Vec<NewTopic<'_>> = chosen
            .iter()
            .zip(&values)
            .map(|(settings, values)| {
                let partitions = i32::from(settings.partitions);
                let mut topic = NewTopic::new(&settings.name, partitions, TopicReplication::Fixed(copies));
                for (key, value) in values {
                    topic = topic.set(key, value);
                }
                let extras = IDENTITY_EXTRA.iter().filter(|_| settings.name == extra);
                extras.fold(topic, |topic, (key, value)| topic.set(key, value))
            })
            .collect();
        let on = || format!("the topics of {}", self.options.prefix);
        let options = AdminOptions::new().request_timeout(Some(ANSWER)).operation_timeout(Some(ANSWER));
        let made =
            block_on(self.admin.create_topics(&new, &options)).map_err(OpenError::cluster("make", on()))?;
        let mut wrong = Vec::new();
        for result in made {
            match result {
                Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((name, RDKafkaErrorCode::InvalidReplicationFactor)) => wrong.push(format!(
                    "{name} can't have {copies} copies: there are fewer brokers; replication=1 in the URL asks for one, \
                     which is as durable as one broker"
                )),
                Err((name, code)) => wrong.push(format!("{name} could not be made: {code}")),
            }
        }
        if !wrong.is_empty() {
            return Err(OpenError::Topics { prefix: self.options.prefix.clone(), wrong });
        }
        self.wait_until_led(names)
    }

    fn wait_until_led(&self, names: &[String]) -> Result<(), OpenError> {
        for name in names {
            while !self.look(name)?.is_some_and(|found| found.led) {
                if Instant::now() >= self.until {
                    let what = format!("{name} got no leader in each partition");
                    return Err(OpenError::TooSlow {
                        what,
                        waited_ms: self.options.open_timeout.as_millis(),
                    });
                }
                std::thread::sleep(LOOK);
            }
        }
        Ok(())
    }

    /// A topic as it is; `None` where there is none.
    fn look(&self, name: &str) -> Result<Option<Found>, OpenError> {
        let left = self.until.saturating_duration_since(Instant::now()).max(Duration::from_secs(1));
        let metadata = self.admin.inner().fetch_metadata(Some(name), left);
        let metadata = metadata.map_err(OpenError::cluster("look at the topic", name))?;
        let Some(topic) = metadata.topics().iter().find(|topic| topic.name() == name) else {
            return Ok(None);
        };
        match topic.error() {
            None | Some(RDKafkaRespErr::RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE) => {}
            Some(RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) => return Ok(None),
            Some(error) => {
                let source = KafkaError::MetadataFetch(error.into());
                return Err(OpenError::cluster("look at the topic", name)(source));
            }
        }
        let partitions = topic.partitions();
        let copies = partitions.iter().map(|partition| partition.replicas().len()).min().unwrap_or(0);
        let led = !partitions.is_empty() && partitions.iter().all(|partition| partition.leader() >= 0);
        Ok(Some(Found { partitions: partitions.len(), copies, led }))
    }

    /// Names everything about the topics with which answers could be lost.
    pub(crate) fn check(&self) -> Result<(), OpenError> {
        let since = Instant::now();
        loop {
            let (wrong, missing) = self.wrong()?;
            if wrong.is_empty() {
                return Ok(());
            }
            // Some brokers hear of new topics later than others.
            if !missing || since.elapsed() >= HEARD {
                return Err(OpenError::Topics { prefix: self.options.prefix.clone(), wrong });
            }
            std::thread::sleep(LOOK);
        }
    }

    /// What is wrong, and whether something of it is that the broker asked does not know a topic.
    fn wrong(&self) -> Result<(Vec<String>, bool), OpenError> {
        let (mut wrong, mut missing) = (Vec::new(), Vec::new());
        for settings in &self.wanted {
            match self.look(&settings.name)? {
                None => missing.push(&settings.name),
                Some(found) => self.check_shape(settings, &found, &mut wrong),
            }
        }
        let names: Vec<_> =
            self.wanted.iter().map(|settings| ResourceSpecifier::Topic(&settings.name)).collect();
        let options = AdminOptions::new().request_timeout(Some(ANSWER));
        let on = || format!("the topics of {}", self.options.prefix);
        let described = block_on(self.admin.describe_configs(&names, &options));
        let described = described.map_err(OpenError::cluster("read the settings of", on()))?;
        for (settings, resource) in self.wanted.iter().zip(described) {
            let name = &settings.name;
            match resource {
                // A broker that has not heard of a new topic says nothing of it.
                Ok(resource) if resource.entries.is_empty() && !missing.contains(&name) => missing.push(name),
                Ok(resource) if resource.entries.is_empty() => {}
                Ok(resource) if resource.specifier != OwnedResourceSpecifier::Topic(name.clone()) => {
                    wrong.push(format!("{name}: the broker tells of another topic's settings"));
                }
                Ok(resource) => check_settings(settings, &resource, &mut wrong),
                Err(RDKafkaErrorCode::UnknownTopicOrPartition) if missing.contains(&name) => {}
                Err(RDKafkaErrorCode::UnknownTopicOrPartition) => missing.push(name),
                Err(code) => wrong.push(format!("{name}: its settings can't be read: {code}")),
            }
        }
        let any = !missing.is_empty();
        wrong.extend(missing.into_iter().map(|name| format!("{name} is missing")));
        Ok((wrong, any))
    }

    fn check_shape(&self, settings: &Settings, found: &Found, wrong: &mut Vec<String>) {
        let (name, asked) = (&settings.name, usize::from(settings.partitions));
        if found.partitions != asked {
            wrong.push(format!("{name}: it has {} partitions and must have {asked}", found.partitions));
        }
        let copies = usize::from(self.options.replication);
        if found.copies < copies {
            wrong.push(format!("{name}: it has {} copies and must have {copies}", found.copies));
        }
    }
}

fn check_settings(settings: &Settings, resource: &ConfigResource, wrong: &mut Vec<String>) {
    for (key, wanted) in &settings.config {
        let value = resource.get(key).and_then(|entry| entry.value.as_deref()).unwrap_or_default();
        if !wanted.is_met_by(value) {
            wrong.push(format!("{}: {key} is {value:?} and must be {}", settings.name, wanted.says()));
        }
    }
}
