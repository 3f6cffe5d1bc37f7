//! Everything at one instant: all answered, none lost, none twice.

use anyhow::Result;

use crate::options::{Burst, Target, Transport};
use crate::output::publish;
use crate::plan::Pace;
use crate::run::{carriers, measure, plan};

pub(crate) fn run(options: &Burst) -> Result<bool> {
    let transport = options.engine.transport();
    let (connections, streams) = match (transport, options.connections) {
        // Fewer sockets than requests: the others wait for one, and their waiting counts.
        (Transport::Raw | Transport::Hyper, Some(connections)) => (connections.min(options.count), 1),
        (_, connections) => carriers(options.count, connections, transport)?,
    };
    // Every key is repeated at the end; a repetition in between would only blur the first answer's time.
    let target = Target { duplicates: 0.0, ..options.target.clone() };
    let pace = Pace::Burst { count: options.count };
    let plan = plan(&target, &options.engine, pace, connections, streams)?;
    let measured = measure(&plan, &options.engine)?;
    let name = options.output.name.clone().unwrap_or_else(|| format!("burst {}", options.count));
    let report = measured.report(&plan, &name, "burst");
    publish(&report, &options.output)
}
