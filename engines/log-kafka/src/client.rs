//! What every client of the cluster has in common.

use rdkafka::client::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::KafkaError;
use tracing::{debug, warn};

use crate::options::Options;

/// Hands the client library's words on.
pub(crate) struct Words(pub(crate) &'static str);

impl ClientContext for Words {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, words: &str) {
        speak(self.0, level, facility, words);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        // It goes on by itself; what it can't do shows where it is asked for it.
        debug!(client = self.0, error = &error as &dyn std::error::Error, reason, "kafka client");
    }
}

impl ConsumerContext for Words {}

pub(crate) fn speak(client: &'static str, level: RDKafkaLogLevel, facility: &str, words: &str) {
    use RDKafkaLogLevel::{Alert, Critical, Emerg, Error};
    if matches!(level, Emerg | Alert | Critical | Error) {
        warn!(client, facility, words, "kafka client");
    } else {
        debug!(client, facility, words, "kafka client");
    }
}

/// The settings of every client.
pub(crate) fn base(options: &Options) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.log_level = RDKafkaLogLevel::Notice;
    config
        .set("bootstrap.servers", &options.servers)
        .set("client.id", &options.prefix)
        // A topic that is gone must not come back empty because somebody asks for it.
        .set("allow.auto.create.topics", "false")
        .set("socket.timeout.ms", "10000")
        .set("socket.keepalive.enable", "true")
        .set("socket.nagle.disable", "true")
        .set("socket.connection.setup.timeout.ms", "5000")
        .set("reconnect.backoff.ms", "50")
        .set("reconnect.backoff.max.ms", "1000")
        .set("retry.backoff.ms", "50")
        .set("retry.backoff.max.ms", "500")
        .set("topic.metadata.refresh.interval.ms", "30000")
        .set("topic.metadata.propagation.max.ms", "10000");
    let protocol = match (&options.tls, &options.sasl) {
        (None, None) => "plaintext",
        (Some(_), None) => "ssl",
        (None, Some(_)) => "sasl_plaintext",
        (Some(_), Some(_)) => "sasl_ssl",
    };
    config.set("security.protocol", protocol);
    if let Some(tls) = &options.tls {
        let files = [("ssl.ca", &tls.ca), ("ssl.certificate", &tls.certificate), ("ssl.key", &tls.key)];
        for (name, file) in files {
            if let Some(file) = file {
                config.set(format!("{name}.location"), file.display().to_string());
            }
        }
    }
    if let Some(sasl) = &options.sasl {
        config.set("sasl.mechanisms", &sasl.mechanism);
        config.set("sasl.username", &sasl.user).set("sasl.password", &sasl.password.0);
    }
    config
}

/// The settings of a consumer that reads what is below the high watermark, from where it is told and from nowhere else.
/// It is in no group: it is assigned, and neither joins nor commits; the library wants a name for one all the same.
pub(crate) fn reading(options: &Options) -> ClientConfig {
    let mut config = base(options);
    config
        .set("group.id", format!("{}.readers", options.prefix))
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "error")
        // A stray transaction of a stranger would stop the other level for a quarter of an hour.
        .set("isolation.level", "read_uncommitted")
        .set("enable.partition.eof", "true")
        .set("check.crcs", "true")
        .set("fetch.wait.max.ms", "20")
        .set("fetch.min.bytes", "1")
        .set("fetch.error.backoff.ms", "20")
        .set("fetch.queue.backoff.ms", "20")
        .set("fetch.message.max.bytes", (options.record_bytes_max + (64 << 10)).max(1 << 20).to_string())
        .set("queued.min.messages", "20000")
        .set("queued.max.messages.kbytes", "16384");
    config
}

/// The settings of a client that only asks: for watermarks, metadata, settings.
pub(crate) fn asking(options: &Options) -> ClientConfig {
    let mut config = base(options);
    // Watermarks are those of the client's level.
    config.set("isolation.level", "read_uncommitted");
    config
}

/// The settings of the producer.
pub(crate) fn appending(options: &Options) -> ClientConfig {
    let mut config = base(options);
    let largest = crate::settings::message_bytes_max(options);
    config
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("message.timeout.ms", options.message_timeout.as_millis().to_string())
        .set("request.timeout.ms", options.message_timeout.as_millis().min(5_000).to_string())
        .set("linger.ms", "0")
        .set("max.in.flight.requests.per.connection", "5")
        .set("message.max.bytes", largest.to_string())
        .set("batch.size", "1000000")
        .set("batch.num.messages", "10000")
        // The bounds are ours, in bytes: a batch is taken whole or not at all.
        .set("queue.buffering.max.messages", "0")
        .set("queue.buffering.max.kbytes", "2147483647")
        .set("compression.type", options.compression.name());
    config
}
