//! The files that a broker is started from.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{Address, KafkaOptions, Secure};
use crate::error::Error;
use crate::java::run;

const USER: &str = "mirabelle";
const PASSWORD: &str = "a-password-of-tests";
const KEYS: &str = "keys.p12";
const KEYS_PASSWORD: &str = "keys-of-tests";

/// What a broker says, and how much of it.
const LOGGING: &str = "\
status = error
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = [%d] %p %m (%c)%n
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
logger.server.name = kafka.server.KafkaRaftServer
logger.server.level = info
";

/// The credential that a secure cluster is formatted with.
pub(super) fn scram() -> String {
    format!("SCRAM-SHA-512=[name={USER},password={PASSWORD}]")
}

/// Writes a broker's settings, and those of its log, into `dir`.
pub(super) fn write(
    dir: &Path,
    number: usize,
    addresses: &[Address],
    options: &KafkaOptions,
    secure: Option<&Secure>,
) -> Result<(), Error> {
    let own = addresses[number];
    let voters = (1..).zip(addresses).map(|(id, at)| format!("{id}@{}:{}", at.host, at.controller));
    let voters = voters.collect::<Vec<_>>().join(",");
    let mut listeners = format!("CLEAR://{}:{}", own.host, own.clear);
    let mut protocols = "CONTROLLER:PLAINTEXT,CLEAR:PLAINTEXT".to_owned();
    if secure.is_some() {
        listeners += &format!(",SECURE://{}:{}", own.host, own.secure);
        protocols += ",SECURE:SASL_SSL";
    }
    let copies = options.brokers.to_string();
    let most = options.brokers.div_ceil(2).to_string();
    let text = |value: &str| value.to_owned();
    let mut settings = vec![
        ("process.roles", text("broker,controller")),
        ("node.id", (number + 1).to_string()),
        ("broker.rack", format!("rack-{}", number + 1)),
        ("controller.quorum.voters", voters),
        ("controller.listener.names", text("CONTROLLER")),
        ("listeners", format!("{listeners},CONTROLLER://{}:{}", own.host, own.controller)),
        ("advertised.listeners", listeners),
        ("listener.security.protocol.map", protocols),
        ("inter.broker.listener.name", text("CLEAR")),
        ("log.dirs", dir.join("data").display().to_string()),
        ("auto.create.topics.enable", text("false")),
        ("default.replication.factor", copies.clone()),
        ("min.insync.replicas", most.clone()),
        ("offsets.topic.replication.factor", copies.clone()),
        ("offsets.topic.num.partitions", text("3")),
        ("transaction.state.log.replication.factor", copies.clone()),
        ("transaction.state.log.min.isr", most.clone()),
        ("transaction.state.log.num.partitions", text("3")),
        ("share.coordinator.state.topic.replication.factor", copies),
        ("share.coordinator.state.topic.min.isr", most),
        ("share.coordinator.state.topic.num.partitions", text("3")),
        // What decides how fast somebody else takes over.
        ("group.initial.rebalance.delay.ms", text("0")),
        ("group.min.session.timeout.ms", text("1000")),
        ("broker.session.timeout.ms", text("3000")),
        ("broker.heartbeat.interval.ms", text("500")),
        // Small files, as each test has topics of its own.
        ("log.index.size.max.bytes", text("1048576")),
        ("log.cleaner.dedupe.buffer.size", text("16777216")),
        ("file.delete.delay.ms", text("1000")),
    ];
    if let Some(secure) = secure {
        settings.extend(secured(secure));
    }
    let further = options.settings.iter().map(|(key, value)| (key.as_str(), value.clone()));
    settings.retain(|(key, _)| further.clone().all(|(other, _)| other != *key));
    let lines = settings.into_iter().chain(further).map(|(key, value)| format!("{key}={value}\n"));
    let files = [("server.properties", lines.collect()), ("log4j2.properties", LOGGING.to_owned())];
    for (name, text) in files {
        let path = dir.join(name);
        fs::write(&path, text).map_err(Error::file("write", &path))?;
    }
    Ok(())
}

fn secured(secure: &Secure) -> Vec<(&'static str, String)> {
    let keys = secure.ca.with_file_name(KEYS);
    vec![
        ("ssl.keystore.type", "PKCS12".to_owned()),
        ("ssl.keystore.location", keys.display().to_string()),
        ("ssl.keystore.password", KEYS_PASSWORD.to_owned()),
        ("sasl.enabled.mechanisms", "SCRAM-SHA-512".to_owned()),
        (
            "listener.name.secure.scram-sha-512.sasl.jaas.config",
            "org.apache.kafka.common.security.scram.ScramLoginModule required;".to_owned(),
        ),
    ]
}

/// Makes the key and certificate of all brokers in `dir`.
pub(super) fn make_keys(dir: &Path, addresses: &[Address]) -> Result<Secure, Error> {
    let keys = dir.join(KEYS);
    let names: Vec<String> = addresses.iter().map(|address| format!("ip:{}", address.host)).collect();
    let store = ["-storetype", "PKCS12", "-storepass", KEYS_PASSWORD, "-alias", "broker"];
    let mut generate = Command::new("keytool");
    generate.args(["-genkeypair", "-keyalg", "EC", "-groupname", "secp256r1", "-validity", "3650"]);
    generate.args(["-dname", "CN=mirabelle-testbed", "-ext", &format!("SAN={}", names.join(","))]);
    generate.args(["-ext", "BC=ca:true"]).args(store).arg("-keystore").arg(&keys);
    run("keytool", &mut generate)?;
    let ca = dir.join("ca.pem");
    let mut export = Command::new("keytool");
    export.args(["-exportcert", "-rfc"]).args(store).arg("-keystore").arg(&keys).arg("-file").arg(&ca);
    run("keytool", &mut export)?;
    let servers = addresses.iter().map(|address| format!("{}:{}", address.host, address.secure));
    let servers = servers.collect::<Vec<_>>().join(",");
    Ok(Secure { servers, ca, user: USER, password: PASSWORD })
}
