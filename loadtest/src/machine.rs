//! The machine that a run took place on, and who used its processors meanwhile.

use std::fs;
use std::process::Command;

use serde::{Deserialize, Serialize};

/// What figures depend on. No host name: reports are published.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Machine {
    pub(crate) cores: usize,
    pub(crate) processor: String,
    pub(crate) kernel: String,
    pub(crate) memory_gib: f64,
    /// Runnable tasks, averaged over the minute before the run.
    pub(crate) load_before: f64,
}

impl Machine {
    pub(crate) fn read() -> Self {
        let field = |file: &str, name: &str| {
            let text = fs::read_to_string(file).unwrap_or_default();
            let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
            line.split_once(':').map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
        };
        let memory = field("/proc/meminfo", "MemTotal");
        let kib: f64 = memory.trim_end_matches(" kB").parse().unwrap_or_default();
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        Self {
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            processor: field("/proc/cpuinfo", "model name"),
            kernel: kernel.trim().to_owned(),
            memory_gib: (kib / 1024.0 / 1024.0 * 10.0).round() / 10.0,
            load_before: load.split(' ').next().and_then(|load| load.parse().ok()).unwrap_or_default(),
        }
    }
}

/// The commit of the working directory, with `+` when files differ from it; empty outside a repository.
pub(crate) fn commit() -> String {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let Some(commit) = git(&["rev-parse", "--short=12", "HEAD"]) else { return String::new() };
    let dirty = git(&["status", "--porcelain", "--untracked-files=no"]).is_some_and(|list| !list.is_empty());
    if dirty { commit + "+" } else { commit }
}

/// How many files this process may have open.
pub(crate) fn open_files_max() -> Option<u64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Processor time so far, in the kernel's ticks of 10 ms.
#[derive(Clone, Debug)]
pub(crate) struct Clocks {
    busy: u64,
    total: u64,
    servers: u64,
    pids: Vec<u32>,
}

/// Who used the processors during a run.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Usage {
    /// Of all cores, by anything.
    pub(crate) busy_share: f64,
    /// Of all cores, by the load generator.
    pub(crate) client_share: f64,
    pub(crate) client_seconds: f64,
    /// By the processes that were named.
    pub(crate) server_seconds: f64,
    /// Resident memory of the processes that were named, in MiB, after the run.
    pub(crate) server_resident_mib: f64,
}

impl Clocks {
    pub(crate) fn read(server_pids: &[u32]) -> Self {
        let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
        let first = stat.lines().next().unwrap_or_default();
        let ticks: Vec<u64> = first.split_whitespace().skip(1).filter_map(|tick| tick.parse().ok()).collect();
        // user nice system idle iowait irq softirq steal; guest time is part of user.
        let total: u64 = ticks.iter().take(8).sum();
        let idle: u64 = ticks.iter().skip(3).take(2).sum();
        Self {
            busy: total - idle,
            total,
            servers: server_pids.iter().map(|pid| ticks_of(&pid.to_string())).sum(),
            pids: server_pids.to_vec(),
        }
    }

    /// From this reading until now, of which the load generator's processes say that they used
    /// `client_seconds`.
    pub(crate) fn until_now(&self, client_seconds: f64) -> Usage {
        let now = Self::read(&self.pids);
        let total = now.total.saturating_sub(self.total).max(1) as f64;
        let resident: u64 = self.pids.iter().map(|pid| resident_kib(*pid)).sum();
        Usage {
            busy_share: now.busy.saturating_sub(self.busy) as f64 / total,
            client_share: client_seconds * 100.0 / total,
            client_seconds,
            server_seconds: now.servers.saturating_sub(self.servers) as f64 / 100.0,
            server_resident_mib: resident as f64 / 1024.0,
        }
    }
}

/// The processor time of this process so far, in seconds.
pub(crate) fn own_seconds() -> f64 {
    ticks_of("self") as f64 / 100.0
}

/// A process's own time; 0 when there is no such process.
fn ticks_of(pid: &str) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name may hold spaces and brackets; fields are counted behind its last one.
    let fields = stat.rsplit_once(')').map(|(_, fields)| fields).unwrap_or_default();
    fields.split_whitespace().skip(11).take(2).filter_map(|tick| tick.parse::<u64>().ok()).sum()
}

fn resident_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_and_this_process_are_described() {
        let machine = Machine::read();
        assert!(machine.cores > 0 && !machine.kernel.is_empty() && machine.memory_gib > 0.0);
        assert!(open_files_max().unwrap() > 0);
        let before = Clocks::read(&[std::process::id()]);
        let began = own_seconds();
        let mut spun = 0_u64;
        while own_seconds() < began + 0.03 {
            spun = std::hint::black_box(spun + 1);
        }
        let usage = before.until_now(0.03);
        assert!(
            usage.server_seconds >= 0.03 && usage.busy_share > 0.0 && usage.client_share > 0.0,
            "{usage:?}"
        );
        assert!(usage.server_resident_mib > 0.5);
    }
}
