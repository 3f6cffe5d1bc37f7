//! A delivery, and what is told of its items.

use std::sync::Arc;

use mirabelle_domain::config::Connection;
use mirabelle_domain::{CommandId, Digest, Name, TenantId};
use mirabelle_hris::AnswerShape;
use mirabelle_log::Append;

/// A delivery and what surrounds it.
pub(super) struct Delivery {
    /// Whose.
    pub tenant: TenantId,
    /// The connection that it came by.
    pub name: Name,
    /// As it is configured.
    pub connection: Arc<Connection>,
    /// The key that was shown.
    pub credential: String,
    /// The request, for the logs.
    pub request_id: Option<String>,
    /// `traceparent`.
    pub trace: Option<String>,
    /// As the sender declared it.
    pub content_type: Option<String>,
    /// When it came, microseconds.
    pub now: i64,
    /// Only say what would be.
    pub dry_run: bool,
    /// The variant of the mapping that the sender names.
    pub variant: Option<String>,
    /// The dataset that the sender names.
    pub dataset: Option<String>,
}

/// What became, or would become, of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    /// Recorded: it will be decided.
    Accepted,
    /// Known already.
    Duplicate,
    /// Set aside: somebody has to look at it.
    DeadLetter,
    /// Nothing that is recorded here.
    Ignored,
    /// Decided, and refused.
    Refused,
}

impl Status {
    /// As in answers and metrics.
    pub(super) fn name(self) -> &'static str {
        match self {
            Status::Accepted => "accepted",
            Status::Duplicate => "duplicate",
            Status::DeadLetter => "dead_letter",
            Status::Ignored => "ignored",
            Status::Refused => "refused",
        }
    }
}

/// What is told of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    /// What became of it.
    pub status: Status,
    /// The source's own id of it.
    pub source_id: Option<String>,
    /// The command that it became.
    pub command: Option<CommandId>,
    /// `milestone`, `retraction`, `worker`, `pointer`; nothing for what could not be read.
    pub what: Option<&'static str>,
    /// Stable, snake_case: why it is not accepted.
    pub reason: Option<String>,
    /// For people; never a value of the body.
    pub detail: Option<String>,
}

/// An item on its way into the log.
pub(super) struct Item {
    /// What is told of it, once everything is durable.
    pub outcome: Outcome,
    /// What is appended for it, in order.
    pub appends: Vec<Append>,
    /// Who waits for its decision: the command and its body's digest.
    pub decided_as: Option<(CommandId, Digest)>,
}

/// A delivery on its way.
pub(super) struct Planned {
    /// Its items, in its order.
    pub items: Vec<Item>,
    /// How its sender wants to be answered.
    pub shape: AnswerShape,
}
