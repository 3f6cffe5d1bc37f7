//! A node's configuration and command line.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::{Address, CassandraOptions};
use crate::error::Error;

/// What Cassandra asks of a JDK 17 that is closed to others, as its own `jvm17-server.options` has it.
const EXPORTS: [&str; 8] = [
    "java.base/jdk.internal.misc",
    "java.base/jdk.internal.ref",
    "java.base/sun.nio.ch",
    "java.base/java.lang.ref",
    "java.management.rmi/com.sun.jmx.remote.internal.rmi",
    "java.rmi/sun.rmi.registry",
    "java.rmi/sun.rmi.server",
    "java.sql/java.sql",
];
const OPENS: [&str; 15] = [
    "java.base/java.lang.module",
    "java.base/jdk.internal.loader",
    "java.base/jdk.internal.ref",
    "java.base/jdk.internal.reflect",
    "java.base/jdk.internal.math",
    "java.base/jdk.internal.module",
    "java.base/jdk.internal.util.jar",
    "java.base/sun.nio.ch",
    "java.base/java.io",
    "java.base/java.nio",
    "java.base/java.util",
    "java.base/java.lang",
    "java.base/java.util.concurrent",
    "java.base/java.util.concurrent.atomic",
    "jdk.management/com.sun.management.internal",
];

const LOGBACK: &str = r#"<configuration>
  <appender name="OUT" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%-5level %date{HH:mm:ss.SSS} %logger{0} %msg%n</pattern></encoder>
  </appender>
  <root level="INFO"><appender-ref ref="OUT"/></root>
</configuration>
"#;

/// Writes what a node reads at its start.
pub(super) fn write(
    dir: &Path,
    datacentre: &str,
    address: Address,
    all: &[Address],
    options: &CassandraOptions,
) -> Result<(), Error> {
    let conf = dir.join("conf");
    fs::create_dir_all(&conf).map_err(Error::file("create", &conf))?;
    let files = [
        ("cassandra.yaml", yaml(dir, address, all, options)),
        ("cassandra-rackdc.properties", format!("dc={datacentre}\nrack=r1\n")),
        ("logback.xml", LOGBACK.to_owned()),
    ];
    for (name, text) in files {
        let path = conf.join(name);
        fs::write(&path, text).map_err(Error::file("write", &path))?;
    }
    Ok(())
}

fn yaml(dir: &Path, address: Address, all: &[Address], options: &CassandraOptions) -> String {
    let data = dir.join("data");
    let folder = |name: &str| data.join(name).display().to_string();
    let (host, seed) = (address.host, all[0]);
    let (native, storage) = (address.native, address.storage);
    let authenticator = if options.secure { "PasswordAuthenticator" } else { "AllowAllAuthenticator" };
    let mut yaml = format!(
        "cluster_name: testbed\n\
         num_tokens: 16\n\
         partitioner: org.apache.cassandra.dht.Murmur3Partitioner\n\
         endpoint_snitch: GossipingPropertyFileSnitch\n\
         authenticator: {authenticator}\n\
         seed_provider:\n  - class_name: org.apache.cassandra.locator.SimpleSeedProvider\n    \
         parameters:\n      - seeds: \"{}:{}\"\n\
         listen_address: {host}\nrpc_address: {host}\n\
         native_transport_port: {native}\nstorage_port: {storage}\n\
         data_file_directories: [\"{}\"]\n\
         commitlog_directory: \"{}\"\nsaved_caches_directory: \"{}\"\n\
         hints_directory: \"{}\"\ncdc_raw_directory: \"{}\"\n\
         auto_snapshot: false\nauto_bootstrap: false\nhints_flush_period: 1000ms\n",
        seed.host,
        seed.storage,
        folder("tables"),
        folder("commitlog"),
        folder("saved_caches"),
        folder("hints"),
        folder("cdc_raw"),
    );
    if !options.settings.iter().any(|(name, _)| name == "commitlog_sync") {
        yaml += "commitlog_sync: periodic\ncommitlog_sync_period: 10000ms\n";
    }
    for (name, value) in &options.settings {
        let _ = writeln!(yaml, "{name}: {value}");
    }
    yaml
}

/// The arguments of `java`.
pub(super) fn arguments(
    dir: &Path,
    jars: &Path,
    address: Address,
    heap_mib: u32,
    first: bool,
) -> Vec<String> {
    let conf = dir.join("conf");
    let mut arguments = vec![
        format!("-Xms{heap_mib}m"),
        format!("-Xmx{heap_mib}m"),
        "-XX:+UseSerialGC".to_owned(),
        "-Xss512k".to_owned(),
        "-Djava.awt.headless=true".to_owned(),
        // Else it closes its standard output once it is up.
        "-Dcassandra-foreground=yes".to_owned(),
        "-Djdk.attach.allowAttachSelf=true".to_owned(),
        format!("-javaagent:{}/jamm-0.4.0.jar", jars.display()),
        format!("-Dcassandra.config=file://{}", conf.join("cassandra.yaml").display()),
        format!("-Dcassandra.storagedir={}", dir.join("data").display()),
        format!("-Dlogback.configurationFile={}", conf.join("logback.xml").display()),
        // How long a node looks for the others before it gives up; also how long it waits where there is none.
        format!("-Dcassandra.ring_delay_ms={}", if first { 1_000 } else { 15_000 }),
        "-Dcassandra.superuser_setup_delay_ms=0".to_owned(),
        "-Dcassandra.skip_wait_for_gossip_to_settle=0".to_owned(),
        format!("-Dcassandra.jmx.local.port={}", address.jmx),
    ];
    let closed = |flag: &str, of: &str| format!("--{flag}={of}=ALL-UNNAMED");
    arguments.extend(EXPORTS.iter().map(|of| closed("add-exports", of)));
    arguments.push(closed("add-exports", "jdk.unsupported/sun.misc"));
    arguments.extend(OPENS.iter().map(|of| closed("add-opens", of)));
    arguments.push("-cp".to_owned());
    arguments.push(format!("{}:{}/*", conf.display(), jars.display()));
    arguments.push("org.apache.cassandra.service.CassandraDaemon".to_owned());
    arguments
}
