//! What a delivery says, in our words.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use mirabelle_domain::{Day, MilestoneKind, WorkerStatus};

use crate::malformed::{Code, Malformed};

/// One body, read: an item for each thing that it reports, good and bad, in its order.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// The items. None at all is possible and is not a failure.
    pub items: Vec<Item>,
    /// How the sender wants to be answered.
    pub answer: AnswerShape,
    /// What to ask for next, where this is one page of several.
    pub next: Option<Next>,
    /// How many there are altogether, where the answer says so.
    pub total: Option<u64>,
}

/// How to ask for the next page of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// OData's `__next`: an address. Whoever follows it checks that it leads to the same host.
    Link(String),
    /// Compound Employee's `querySessionId`.
    Session(String),
    /// Get_Workers' next page number, counted from 1.
    Page(u32),
}

/// One reported thing.
#[derive(Clone, PartialEq)]
pub struct Item {
    /// The source's own id of this report, where it has one.
    pub source_id: Option<String>,
    /// The item's own bytes, for the dead letter: a JSON row as it stands in the body; a SuccessFactors item inside a
    /// delivery of its own (the envelope it came in, without the other items), or bare where that envelope is longer
    /// than [`RAW_ENVELOPE_MAX`] bytes; any other record of XML inside the tags that it stood in; a CSV row below the
    /// line that names its columns. Items that stood in one record share it. [`crate::reread`] reads it again. Holds
    /// personal values.
    pub raw: Arc<[u8]>,
    /// What it says, or why it can't be read.
    pub outcome: Result<Report, Malformed>,
}

/// Envelopes up to this many bytes are kept with each item of a SOAP delivery.
pub const RAW_ENVELOPE_MAX: usize = 4_096;

impl fmt::Debug for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Item")
            .field("source_id", &self.source_id)
            .field("raw", &format_args!("{} bytes", self.raw.len()))
            .field("outcome", &self.outcome)
            .finish()
    }
}

/// What one item says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Report {
    /// Something happened to a person.
    Milestone(MilestoneReport),
    /// A person's state as it is now.
    Worker(Box<WorkerReport>),
    /// Keys only: what they point at must be fetched before anything is recorded.
    Pointer(Pointer),
    /// Readable, and nothing that Mirabelle records.
    NotAboutAWorker {
        /// What it is about: the source's name for it, never a person's value.
        what: String,
    },
}

/// A milestone as its source reports it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MilestoneReport {
    /// Whose.
    pub person: ExternalId,
    /// Its kind, by the mapping's table.
    pub kind: MilestoneKind,
    /// What tells it apart from others of its kind and person: 1 to 128 printable ASCII characters without spaces,
    /// so that it is an `Occurrence` of the domain. Stays the same when the day is corrected.
    pub occurrence: String,
    /// Its calendar day, in the past or in the future.
    pub effective: Day,
    /// When the source published it, in microseconds since 1970.
    pub published_at: Option<i64>,
    /// What the mapping carries along, such as a rating.
    pub attributes: BTreeMap<String, Attribute>,
    /// The source takes it back.
    pub retracts: bool,
}

/// A value that campaigns may compare.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Attribute {
    /// A whole number.
    Int(i64),
    /// A decimal number in its shortest form: `4.5` for 4.50, `4` for 4.0.
    Decimal(String),
    /// Anything else.
    Text(String),
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Attribute::Int(number) => number.fmt(f),
            Attribute::Decimal(text) | Attribute::Text(text) => f.write_str(text),
        }
    }
}

/// A worker's state as its source reports it. What is absent there is `None`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WorkerReport {
    /// Who.
    pub person: ExternalId,
    /// Other ids of the same person: (name by the mapping, id), by name.
    pub aliases: Vec<(String, String)>,
    /// Works there or not.
    pub status: WorkerStatus,
    /// Hires, service, end.
    pub dates: WorkerDates,
    /// What campaigns may look at.
    pub business: WorkerBusiness,
    /// What has to be sealed before it is recorded.
    pub personal: WorkerPersonal,
    /// When the source changed it, in microseconds since 1970. Orders one source's own reports.
    pub changed_at: Option<i64>,
}

/// The dates of an employment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct WorkerDates {
    /// First ever hire.
    pub original_hire: Option<Day>,
    /// Latest hire.
    pub hire: Option<Day>,
    /// Start of continuous service.
    pub continuous_service: Option<Day>,
    /// Seniority date.
    pub seniority: Option<Day>,
    /// Last day.
    pub termination: Option<Day>,
}

/// Business values of a worker, in the source's words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct WorkerBusiness {
    /// Department.
    pub department: Option<String>,
    /// Cost centre.
    pub cost_centre: Option<String>,
    /// Kind of worker: employee, contingent, intern.
    pub worker_type: Option<String>,
    /// Company.
    pub company: Option<String>,
    /// Country.
    pub country: Option<String>,
    /// Location.
    pub location: Option<String>,
    /// Time zone; an IANA name where the source has it.
    pub zone: Option<String>,
}

/// Personal values of a worker. `Debug` says which are there and never what they are.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct WorkerPersonal {
    /// Date of birth.
    pub birth_date: Option<Day>,
    /// Given name.
    pub given_name: Option<String>,
    /// Family name.
    pub family_name: Option<String>,
    /// Name as shown.
    pub display_name: Option<String>,
    /// E-mail address at work.
    pub email: Option<String>,
    /// The manager's id in the same system.
    pub manager: Option<ExternalId>,
}

impl fmt::Debug for WorkerPersonal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut set = f.debug_set();
        for (name, there) in [
            ("birth_date", self.birth_date.is_some()),
            ("given_name", self.given_name.is_some()),
            ("family_name", self.family_name.is_some()),
            ("display_name", self.display_name.is_some()),
            ("email", self.email.is_some()),
            ("manager", self.manager.is_some()),
        ] {
            if there {
                set.entry(&format_args!("{name}"));
            }
        }
        set.finish()
    }
}

/// Keys of something that has to be read back from its source.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pointer {
    /// The source's name for the thing: `EmpJob`, `SpotAward`.
    pub entity: String,
    /// Its keys.
    pub keys: BTreeMap<String, String>,
    /// The person, where the report names one.
    pub person: Option<ExternalId>,
    /// The kind of milestone that it announces, where the mapping knows one.
    pub kind: Option<MilestoneKind>,
    /// When the source published it, in microseconds since 1970.
    pub published_at: Option<i64>,
}

/// A person's id in its id space, exactly as the source writes it: 1 to 128 bytes, no control or invisible
/// formatting characters, no white space at the ends. Leading zeros are part of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExternalId(Box<str>);

impl ExternalId {
    /// Most bytes.
    pub const BYTES_MAX: usize = 128;

    /// The id of a text.
    ///
    /// # Errors
    /// `bad_id` for an empty or long text or white space at its ends, `control_character` for what can't be seen.
    pub fn new(text: &str) -> Result<ExternalId, Malformed> {
        if text.is_empty() || text.len() > ExternalId::BYTES_MAX || text.trim() != text {
            let what = "an id has 1 to 128 bytes and no white space at its ends";
            return Err(Malformed::body(Code::BadId, what));
        }
        if text.chars().any(is_invisible) {
            let what = "an id holds a control or invisible character; correct it in the source";
            return Err(Malformed::body(Code::ControlCharacter, what));
        }
        Ok(ExternalId(text.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ExternalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Control characters, and formatting characters that make two different texts look the same.
pub(crate) fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
            | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}')
}

/// How a sender wants to be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerShape {
    /// As JSON.
    Json,
    /// With SuccessFactors' response, in the envelope and namespace of the request.
    Soap {
        /// The envelope.
        version: SoapVersion,
        /// The contract.
        namespace: Contract,
    },
    /// With an empty SOAP body: what a notification that wants no more than to arrive is answered.
    Empty {
        /// The envelope.
        version: SoapVersion,
    },
}

/// The envelope of a SOAP message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SoapVersion {
    /// SOAP 1.1.
    Soap11,
    /// SOAP 1.2.
    Soap12,
    /// None: the message itself is the document.
    Bare,
}

/// SuccessFactors' two contracts for `ExternalEvent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contract {
    /// `http://notification.event.successfactors.com`, success is status 200.
    Current,
    /// `com.successfactors.event.notification`, success is status 0.
    Old,
}
