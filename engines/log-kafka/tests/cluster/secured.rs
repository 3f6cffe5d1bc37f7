//! TLS and SASL.

use std::io::Write;
use std::time::Duration;

use mirabelle_log::{Partition, Topic};
use mirabelle_log_kafka::{KafkaLog, OpenError, Options};

use crate::servers::{Server, quiet};
use crate::shared::{append, read_all};

#[test]
fn a_log_is_reached_by_tls_with_a_name_and_a_password() {
    let Some(quiet) = quiet(1) else { return };
    let door = quiet.server.kafka.secure().unwrap();
    let folder = door.ca.parent().unwrap();
    let secret = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::File::create(&path).unwrap().write_all(text.as_bytes()).unwrap();
        path.display().to_string()
    };
    let (right, wrong) = (secret("right", &format!("{}\n", door.password)), secret("wrong", "hunter2"));
    let prefix = Server::prefix();
    let url = |password: &str, ca: &str| {
        format!(
            "kafka://{}/{prefix}?partitions=2&replication=1&{ca}&sasl=scram-sha-512&user={}&password=file:{password}",
            door.servers, door.user
        )
    };
    let trusted = format!("ca={}", door.ca.display());
    let log = KafkaLog::open_url(&url(&right, &trusted)).unwrap();
    append(&log, Topic::Facts, Partition(1), 7).unwrap();
    assert_eq!(read_all(&log, Topic::Facts, Partition(1)).len(), 1);
    for refused in [url(&wrong, &trusted), url(&right, "tls=true")] {
        let options =
            Options { open_timeout: Duration::from_secs(3), ..Options::from_url(&refused).unwrap() };
        let error = KafkaLog::open(options).map(drop).unwrap_err();
        assert!(matches!(error, OpenError::Cluster { .. }), "{refused}: {error}");
    }
}
