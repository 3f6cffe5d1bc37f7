//! A disk that fills up under the whole process.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::json;

use crate::http::{Link, Reply};
use crate::server::{BINARY, Server, report, serve_words, until};
use crate::shop::{PRICE, Shop};

/// Room for the log's first segments and the rows, and little more.
const DISK_MIB: u32 = 224;
/// What somebody else has put there, and takes away later.
const BALLAST_MIB: u32 = 64;
/// What the log leaves to the rows.
const RESERVE_MIB: u64 = 56;
/// Values of a campaign that takes much room.
const VALUES: usize = 200;

/// A disk with little room.
struct SmallDisk {
    /// Who holds its mount namespace; `None`: it is the disk of everybody here, of which the log leaves nearly all.
    holder: Option<Child>,
    mount: tempfile::TempDir,
    reserve_mib: u64,
}

impl SmallDisk {
    /// A small file system in a mount namespace of its own: no rights are needed, and it ends with its holder. Where
    /// that can't be had, the disk that there is, of which all but a little is kept for others: not full to the last
    /// byte, but what the server sees and says is the same.
    fn mount() -> SmallDisk {
        SmallDisk::tmpfs().unwrap_or_else(|why| {
            eprintln!("NO FILE SYSTEM CAN BE MOUNTED HERE ({why}): a full disk is only pretended");
            let mount = tempfile::tempdir().unwrap();
            std::fs::write(mount.path().join("ballast"), vec![7; (BALLAST_MIB as usize) << 20]).unwrap();
            let disk = rustix::fs::statvfs(mount.path()).unwrap();
            let free_mib = (disk.f_bavail * disk.f_frsize) >> 20;
            let room = u64::from(DISK_MIB - BALLAST_MIB);
            assert!(free_mib > room, "{free_mib} MiB are free here, the test needs {room}");
            SmallDisk { holder: None, mount, reserve_mib: free_mib - room + RESERVE_MIB }
        })
    }

    /// `Err`: what the system says to it.
    fn tmpfs() -> Result<SmallDisk, String> {
        let mount = tempfile::tempdir().unwrap();
        let script = format!(
            "mount -t tmpfs -o size={DISK_MIB}m tmpfs {0} && head -c {BALLAST_MIB}M /dev/zero > {0}/ballast && echo mounted && exec cat",
            mount.path().display()
        );
        let mut holder = Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "sh", "-c", &script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("no unshare: {error}"))?;
        let mut line = String::new();
        BufReader::new(holder.stdout.take().unwrap()).read_line(&mut line).unwrap();
        if line.trim() == "mounted" {
            return Ok(SmallDisk { holder: Some(holder), mount, reserve_mib: RESERVE_MIB });
        }
        let output = holder.wait_with_output().unwrap();
        Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
    }

    /// A command that sees the disk.
    fn command(&self) -> Command {
        let Some(holder) = &self.holder else { return Command::new(BINARY) };
        let mut command = Command::new("nsenter");
        let holder = holder.id().to_string();
        command.args(["--preserve-credentials", "--user", "--mount", "--target", &holder, "--", BINARY]);
        command
    }

    /// The directory as those on the disk see it.
    fn data(&self) -> PathBuf {
        self.mount.path().join("data")
    }

    /// A path of the disk as seen from here.
    fn seen(&self, path: &Path) -> PathBuf {
        let Some(holder) = &self.holder else { return path.to_owned() };
        Path::new(&format!("/proc/{}/root", holder.id())).join(path.strip_prefix("/").unwrap())
    }

    fn serve(&self) -> Server {
        let mut command = self.command();
        command.env("MIRABELLE_LOG__RESERVE_MIB", self.reserve_mib.to_string());
        command.args(serve_words(self.data().to_str().unwrap())).stderr(Stdio::null());
        Server::spawn(command, &self.seen(&self.data()))
    }

    fn free_the_ballast(&self) {
        std::fs::remove_file(self.seen(&self.mount.path().join("ballast"))).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        if let Some(holder) = &mut self.holder {
            drop(holder.stdin.take());
            holder.wait().ok();
        }
    }
}

/// What was acknowledged: key, body, answer.
type Acknowledged = (String, String, String);

fn post(link: &mut Link, admin: &str, key: &str, body: &str) -> std::io::Result<Reply> {
    let bearer = format!("Bearer {admin}");
    let headers = [("authorization", bearer.as_str()), ("idempotency-key", key)];
    link.call("POST", "/v1/config/campaign/versions", &headers, body)
}

/// Drafts campaigns that take much room until the door says that there is none. Returns that answer with the draft.
fn flood(server: &Server, shop: &Shop, acknowledged: &mut Vec<Acknowledged>) -> (String, String, Reply) {
    let mut link = Link::open(&server.door).unwrap();
    for number in acknowledged.len().. {
        assert!(number < 10_000, "the disk never fills up");
        let (key, body) = (format!("flood-{number}"), campaign(number).to_string());
        let reply =
            post(&mut link, &shop.admin, &key, &body).expect("the server answers while its disk fills up");
        match reply.status {
            201 => acknowledged.push((key, body, reply.body)),
            503 => return (key, body, reply),
            _ => panic!("{reply:?}"),
        }
    }
    unreachable!("the loop ends by returning")
}

/// Some 45 kB that do not compress to much less than half.
fn campaign(number: usize) -> serde_json::Value {
    let values: Vec<String> = (0..VALUES).map(|value| noise(number * VALUES + value)).collect();
    let conditions = [json!({ "field": "attributes.code", "any_of": values })];
    let body = json!({ "title": "Long", "budget": "spot", "starts_on": "2026-01-01", "milestone": "hire",
        "points": { "fixed": 5 }, "conditions": conditions });
    json!({ "name": format!("long-{number}"), "body": body })
}

fn noise(seed: usize) -> String {
    let mut random = StdRng::seed_from_u64(seed as u64);
    (0..28).map(|_| format!("{:08x}", random.random::<u32>())).collect()
}

#[test]
fn a_disk_that_fills_up_is_answered_with_503_and_nothing_acknowledged_is_lost() {
    let disk = SmallDisk::mount();
    let server = disk.serve();
    let shop = Shop::open(&server, 1);
    let member = shop.members[0].clone();
    shop.give(&server, "gift", &member, 100);
    server.post(&shop.admin, "/v1/redemptions", "day-off", &Shop::wish(&member, "day-off")).expect(201);
    let mut acknowledged = Vec::new();
    let (key, body, refused) = flood(&server, &shop, &mut acknowledged);
    assert_eq!(refused.header("content-type"), Some("application/problem+json"));
    assert!(refused.header("retry-after").is_some_and(|after| after.parse::<u32>().is_ok()), "{refused:?}");
    let problem = refused.json();
    assert_eq!((problem["code"].as_str(), problem["retryable"].as_bool()), (Some("unavailable"), Some(true)));
    disk.free_the_ballast();
    let server = recovered(&disk, server, &shop, &key, &body);
    let mut link = Link::open(&server.door).unwrap();
    for (key, body, first) in &acknowledged {
        let again = post(&mut link, &shop.admin, key, body).unwrap();
        assert_eq!((again.status, again.header("idempotency-replayed")), (201, Some("true")), "{key}");
        assert_eq!(again.body, *first, "{key}");
    }
    assert_eq!(shop.available(&server, &member), 100 - PRICE);
    server.terminate();
    // The small disk has hardly room for the rows a second time: scratch files go elsewhere.
    let scratch = tempfile::tempdir().unwrap();
    let mut verify = disk.command();
    verify.args(["verify", "--json", "--data"]).arg(disk.data()).arg("--scratch").arg(scratch.path());
    let verified = verify.output().unwrap();
    assert_eq!(verified.status.code(), Some(0), "{}", report(&verified));
    eprintln!("full after {} drafts; with room again the server went on by itself", acknowledged.len());
}

/// The server, once it takes the refused wish. On a disk of its own it has to go on by itself; where the disk is only
/// pretended, others may have filled it up to the last byte, which ends the process.
fn recovered(disk: &SmallDisk, mut server: Server, shop: &Shop, key: &str, body: &str) -> Server {
    let again = |server: &Server| {
        let mut link = Link::open(&server.door)?;
        post(&mut link, &shop.admin, key, body)
    };
    let by_itself = until("it takes wishes again, or has ended", || {
        if server.child.try_wait().unwrap().is_some() {
            return Some(false);
        }
        again(&server).is_ok_and(|reply| reply.status == 201).then_some(true)
    });
    if by_itself {
        return server;
    }
    assert!(disk.holder.is_none(), "the server ended although there was room for its rows");
    server = disk.serve();
    until("it takes wishes again", || (again(&server).unwrap().status == 201).then_some(()));
    server
}
