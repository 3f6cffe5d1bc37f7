//! A run over several processes: each has its own file limit; they agree on the start over their pipes.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};

use crate::plan::{Pace, Plan, share_of};
use crate::worker::{self, Counted};

/// From "all are connected" to the first request.
const RUN_UP: Duration = Duration::from_millis(100);

/// Runs `plan`, a whole run's, in as many processes as it names. `on_start` is called when all
/// connections stand.
pub(crate) fn run(plan: &Plan, on_start: impl FnOnce()) -> Result<Counted> {
    if plan.processes == 1 {
        return worker::run(plan, || {
            on_start();
            Ok(SystemTime::now() + RUN_UP)
        });
    }
    let mut workers =
        (0..plan.processes).map(|index| Worker::spawn(&part(plan, index))).collect::<Result<Vec<_>>>()?;
    for worker in &mut workers {
        worker.expect_ready()?;
    }
    on_start();
    let start = SystemTime::now() + RUN_UP;
    for worker in &mut workers {
        worker.tell_start(start)?;
    }
    let mut counted = Counted::default();
    for worker in workers {
        counted.merge(worker.finish()?);
    }
    Ok(counted)
}

/// The share of process `index`.
fn part(plan: &Plan, index: u32) -> Plan {
    let share = |total| share_of(total, plan.processes, index);
    let pace = match plan.pace {
        Pace::Closed { in_flight, warmup, duration } => {
            Pace::Closed { in_flight: share(in_flight), warmup, duration }
        }
        Pace::Burst { count } => Pace::Burst { count: share(count) },
        open @ Pace::Open { .. } => open,
    };
    Plan { process: index, connections: share(plan.connections), pace, ..plan.clone() }
}

/// A process of ours. When it is dropped early its standard input closes, and it ends by itself.
struct Worker {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Worker {
    fn spawn(plan: &Plan) -> Result<Self> {
        let executable = std::env::current_exe().context("could not find this program's own file")?;
        let mut child = Command::new(executable)
            .arg("worker")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("could not start a process of the run")?;
        let input = child.stdin.take().context("a process of the run has no standard input")?;
        let output = child.stdout.take().context("a process of the run has no standard output")?;
        let mut worker = Self { child, input, output: BufReader::new(output) };
        worker.say(&serde_json::to_string(plan)?)?;
        Ok(worker)
    }

    fn say(&mut self, line: &str) -> Result<()> {
        writeln!(self.input, "{line}").context("a process of the run does not listen")
    }

    fn hear(&mut self) -> Result<String> {
        let mut line = String::new();
        self.output.read_line(&mut line).context("a process of the run does not speak")?;
        ensure!(!line.is_empty(), "a process of the run ended early");
        Ok(line)
    }

    fn expect_ready(&mut self) -> Result<()> {
        match self.hear()?.trim_end() {
            "ready" => Ok(()),
            other => bail!("a process of the run said `{other}` in place of `ready`"),
        }
    }

    fn tell_start(&mut self, start: SystemTime) -> Result<()> {
        let nanos = start.duration_since(UNIX_EPOCH).context("the clock stands before 1970")?.as_nanos();
        self.say(&nanos.to_string())
    }

    fn finish(mut self) -> Result<Counted> {
        let counted = serde_json::from_str(&self.hear()?).context("a process of the run counted nonsense")?;
        drop(self.input);
        let status = self.child.wait().context("could not wait for a process of the run")?;
        ensure!(status.success(), "a process of the run ended with {status}");
        Ok(counted)
    }
}

/// The other side: reads a plan, says `ready`, reads the start, prints what was counted.
pub(crate) fn serve_as_worker() -> Result<bool> {
    let mut input = std::io::stdin().lines();
    let mut line =
        move || input.next().context("standard input ended")?.context("could not read standard input");
    let plan: Plan = serde_json::from_str(&line()?).context("the plan is malformed")?;
    let counted = worker::run(&plan, || {
        let mut output = std::io::stdout().lock();
        writeln!(output, "ready")?;
        output.flush()?;
        let nanos: u64 = line()?.trim_end().parse().context("the start is malformed")?;
        Ok(UNIX_EPOCH + Duration::from_nanos(nanos))
    })?;
    let mut output = std::io::stdout().lock();
    serde_json::to_writer(&mut output, &counted)?;
    writeln!(output)?;
    Ok(true)
}
