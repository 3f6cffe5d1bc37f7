//! As many connections as a process may have, all silent but one.

use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::http::Link;
use crate::server::{Server, until};
use crate::tenant;

/// What issue and gateway speak of; fewer where the system allows fewer.
const CONNECTIONS: usize = 19_500;
/// Files that either process needs besides.
const OTHER_FILES: usize = 400;

/// Raises the limit of open files as far as it goes, for this process and those that it starts.
fn open_files_max() -> usize {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).unwrap();
    limit.maximum.map_or(usize::MAX, |maximum| usize::try_from(maximum).unwrap_or(usize::MAX))
}

fn resident_bytes(process: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<usize>().unwrap() << 10
}

fn connections(server: &Server) -> usize {
    let metrics = server.admin("/metrics").expect(200).body;
    let line = metrics.lines().find_map(|line| line.strip_prefix("mirabelle_gateway_connections "));
    line.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("no such gauge: {metrics}"))
}

#[test]
fn requests_are_answered_beside_as_many_silent_connections_as_the_system_allows() {
    let count = CONNECTIONS.min(open_files_max().saturating_sub(OTHER_FILES));
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    server.post(&server.key, "/v1/tenants", "first", &tenant("acme")).expect(201);
    let before = resident_bytes(server.child.id());
    // A new connection has to say something soon; then it may be silent for long.
    let spoken = |_| {
        let mut link = Link::open(&server.door).unwrap();
        assert_eq!(link.call("GET", "/v1/members/x", &[], "").unwrap().status, 401);
        link
    };
    let mut links: Vec<Link> = (0..count).map(spoken).collect();
    assert!(connections(&server) >= count, "{} of {count} are open", connections(&server));
    let each = (resident_bytes(server.child.id()).saturating_sub(before)) / count;
    let mut worst = Duration::ZERO;
    let mut link = Link::open(&server.door).unwrap();
    let bearer = format!("Bearer {}", server.key);
    for number in 0..200 {
        let key = format!("beside-{number}");
        let headers = [("authorization", bearer.as_str()), ("idempotency-key", key.as_str())];
        let began = Instant::now();
        let body = tenant(&format!("tenant-{number}")).to_string();
        assert_eq!(link.call("POST", "/v1/tenants", &headers, &body).unwrap().status, 201);
        worst = worst.max(began.elapsed());
    }
    assert!(connections(&server) > count, "silent connections were closed");
    for link in links.iter_mut().step_by(100) {
        assert_eq!(link.call("GET", "/v1/members/x", &[], "").unwrap().status, 401);
    }
    eprintln!("{count} silent connections, {each} bytes resident each; slowest of 200 decisions {worst:.1?}");
    drop(links);
    until("the connections are closed", || (connections(&server) <= 2).then_some(()));
    server.terminate();
}
