//! JDK and Maven, and the jars that Maven fetches.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::Error;
use crate::scratch::Scratch;

/// The oldest Java that all servers run on.
const JAVA_MIN: u32 = 17;

/// What real servers need and is not there. Its text says how to get it.
#[derive(Debug, thiserror::Error)]
#[error(
    "{} (Debian and Ubuntu: apt-get install openjdk-17-jdk-headless maven util-linux)",
    what.join(", ")
)]
pub struct Missing {
    what: Vec<String>,
}

/// A jar with all that it needs, by its Maven coordinates.
#[derive(Clone, Copy, Debug)]
pub struct Artifact {
    /// Such as `org.apache.kafka`.
    pub group: &'static str,
    /// Such as `kafka_2.13`.
    pub name: &'static str,
    /// Such as `4.3.1`.
    pub version: &'static str,
}

/// A machine that can run the servers.
#[derive(Clone, Debug)]
pub struct Testbed {
    cache: PathBuf,
}

impl Testbed {
    /// Looks for JDK 17 or newer, Maven and `setpriv`.
    ///
    /// # Errors
    /// [`Missing`] names all that is not there.
    pub fn find() -> Result<Testbed, Missing> {
        let mut what = Vec::new();
        match java_version() {
            Some(version) if version >= JAVA_MIN => {}
            Some(version) => what.push(format!("Java {version} is too old: JDK {JAVA_MIN} is needed")),
            None => what.push(format!("JDK {JAVA_MIN} is missing")),
        }
        for (program, argument, named) in [("mvn", "-v", "Maven"), ("setpriv", "--version", "setpriv")] {
            if said(program, argument).is_none() {
                what.push(format!("{named} is missing"));
            }
        }
        let cache = cache();
        if cache.is_none() {
            what.push("no folder for a cache: set MIRABELLE_TESTBED to one".to_owned());
        }
        match cache {
            Some(cache) if what.is_empty() => Ok(Testbed { cache }),
            _ => Err(Missing { what }),
        }
    }

    /// The same, for a test that can't do without servers. Where they can't be had it says on standard error, past the
    /// test's own capture, that `what` is left out and how to get them, and the test is to return. So it does where the
    /// environment says `MIRABELLE_SERVERS=skip`.
    ///
    /// # Panics
    /// Where they can't be had although the environment says `MIRABELLE_SERVERS=require`.
    pub fn find_for_test(what: &str) -> Option<Testbed> {
        let asked = std::env::var("MIRABELLE_SERVERS").unwrap_or_default();
        let missing = match Testbed::find() {
            Ok(_) if asked == "skip" => "MIRABELLE_SERVERS=skip".to_owned(),
            Ok(testbed) => return Some(testbed),
            Err(missing) => missing.to_string(),
        };
        assert!(asked != "require", "MIRABELLE_SERVERS=require, and {what} can't run: {missing}");
        let line = format!("LEFT OUT: {what}: {missing}\n");
        // Nobody to tell: the test is left out all the same.
        std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes()).ok();
        None
    }

    /// The folder with the jars of `artifacts` and all that they need, called `name`; fetched by Maven the first time.
    /// Any number of processes may ask at once.
    pub fn jars(&self, name: &str, artifacts: &[Artifact]) -> Result<PathBuf, Error> {
        let all = self.cache.join("jars");
        fs::create_dir_all(&all).map_err(Error::file("create", &all))?;
        let gate = all.join(format!("{name}.lock"));
        let lock = File::create(&gate).map_err(Error::file("create", &gate))?;
        lock.lock().map_err(Error::file("lock", &gate))?;
        let jars = all.join(name);
        let pom = pom(name, artifacts);
        // The pom is written last: a folder without it, or with another, was not fetched whole.
        if fs::read_to_string(jars.join("pom.xml")).is_ok_and(|fetched| fetched == pom) {
            return Ok(jars);
        }
        let part = all.join(format!("{name}.part"));
        for old in [&part, &jars] {
            if old.exists() {
                fs::remove_dir_all(old).map_err(Error::file("remove", old))?;
            }
        }
        fs::create_dir_all(&part).map_err(Error::file("create", &part))?;
        let wanted = part.join("wanted.xml");
        fs::write(&wanted, &pom).map_err(Error::file("write", &wanted))?;
        fetch(&wanted, &part)?;
        fs::rename(&wanted, part.join("pom.xml")).map_err(Error::file("rename", &wanted))?;
        fs::rename(&part, &jars).map_err(Error::file("rename", &part))?;
        Ok(jars)
    }

    /// A folder for a group of servers.
    pub fn scratch(&self) -> Result<Scratch, Error> {
        Scratch::new(&self.cache.join("run"))
    }
}

fn cache() -> Option<PathBuf> {
    let folder = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    folder("MIRABELLE_TESTBED")
        .or_else(|| folder("XDG_CACHE_HOME").map(|cache| cache.join("mirabelle-testbed")))
        .or_else(|| folder("HOME").map(|home| home.join(".cache/mirabelle-testbed")))
}

/// What a program says on both channels; `None` where there is none, or it fails.
fn said(program: &str, argument: &str) -> Option<String> {
    let output = Command::new(program).arg(argument).stdin(Stdio::null()).output().ok()?;
    let text = [output.stdout, output.stderr].concat();
    output.status.success().then(|| String::from_utf8_lossy(&text).into_owned())
}

fn java_version() -> Option<u32> {
    version_in(&said("java", "-version")?)
}

/// The first number of `openjdk version "17.0.15" 2025-04-15`.
fn version_in(said: &str) -> Option<u32> {
    let version = said.split('"').nth(1)?;
    version.split(['.', '-', '+']).next()?.parse().ok()
}

fn fetch(pom: &Path, into: &Path) -> Result<(), Error> {
    let mut command = Command::new("mvn");
    command.args(["-q", "-B", "-f"]).arg(pom).arg("dependency:copy-dependencies");
    command.arg("-DincludeScope=runtime").arg(format!("-DoutputDirectory={}", into.display()));
    run("mvn", &mut command)
}

/// Runs a program to its end.
pub(crate) fn run(name: &str, command: &mut Command) -> Result<(), Error> {
    let output = command.stdin(Stdio::null()).output().map_err(Error::program("start", name))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    Err(Error::Failed { program: name.to_owned(), status: output.status.to_string(), said })
}

fn pom(name: &str, artifacts: &[Artifact]) -> String {
    let mut pom = format!(
        "<project xmlns=\"http://maven.apache.org/POM/4.0.0\">\n<modelVersion>4.0.0</modelVersion>\n\
         <groupId>mirabelle</groupId>\n<artifactId>{name}</artifactId>\n<version>1</version>\n\
         <packaging>pom</packaging>\n<dependencies>\n"
    );
    for Artifact { group, name, version } in artifacts {
        pom += &format!(
            "<dependency><groupId>{group}</groupId><artifactId>{name}</artifactId>\
             <version>{version}</version></dependency>\n"
        );
    }
    pom + "</dependencies>\n</project>\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_java_is_read_in_all_its_spellings() {
        assert_eq!(version_in("openjdk version \"17.0.15\" 2025-04-15\nOpenJDK …"), Some(17));
        assert_eq!(version_in("openjdk version \"21\" 2023-09-19"), Some(21));
        assert_eq!(version_in("openjdk version \"25-ea\""), Some(25));
        assert_eq!(version_in("java version \"1.8.0_402\""), Some(1));
        assert_eq!(version_in("command not found"), None);
    }
}
