//! The sample deliveries, compiled in: the demo needs nothing but its binary.

/// What a system is called, and where its deliveries go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    SuccessFactors,
    Workday,
    Darwinbox,
}

impl Source {
    pub(super) const ALL: [Source; 3] = [Source::SuccessFactors, Source::Workday, Source::Darwinbox];

    /// For people.
    pub(super) fn title(self) -> &'static str {
        match self {
            Source::SuccessFactors => "SuccessFactors",
            Source::Workday => "Workday",
            Source::Darwinbox => "Darwinbox",
        }
    }

    /// Name of its connection.
    pub(super) fn connection(self) -> &'static str {
        match self {
            Source::SuccessFactors => "successfactors",
            Source::Workday => "workday",
            Source::Darwinbox => "darwinbox",
        }
    }

    /// As configuration names it.
    pub(super) fn system(self) -> &'static str {
        match self {
            Source::SuccessFactors => "success_factors",
            Source::Workday => "workday",
            Source::Darwinbox => "darwinbox",
        }
    }

    /// The id space of its people.
    pub(super) fn id_space(self) -> &'static str {
        match self {
            Source::SuccessFactors => "sf",
            Source::Workday => "wd",
            Source::Darwinbox => "db",
        }
    }
}

/// One delivery of a system.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    /// Who sends it.
    pub(super) from: Source,
    /// The file, below `schemas/samples/hris/demo`.
    pub(super) file: &'static str,
    /// Its text, dated 15 June 2026.
    pub(super) text: &'static str,
}

impl Sample {
    /// As its system declares it.
    pub(super) fn content_type(&self) -> &'static str {
        if self.is_soap() { "text/xml; charset=utf-8" } else { "application/json" }
    }

    /// Whether it is a SOAP message, and wants such an answer.
    pub(super) fn is_soap(&self) -> bool {
        self.file.ends_with(".xml")
    }
}

macro_rules! sample {
    ($from:ident, $file:literal) => {
        Sample {
            from: Source::$from,
            file: $file,
            text: include_str!(concat!("../../../schemas/samples/hris/demo/", $file)),
        }
    };
}

/// Everybody's state: what a first load sends, while the connections are in baseline.
pub(super) const WORKERS: [Sample; 4] = [
    sample!(SuccessFactors, "successfactors/01-workers.json"),
    sample!(Workday, "workday/01-workers.json"),
    sample!(Darwinbox, "darwinbox/01-active.json"),
    sample!(Darwinbox, "darwinbox/02-inactive.json"),
];

/// What happened, once the connections are open.
pub(super) const MILESTONES: [Sample; 6] = [
    sample!(SuccessFactors, "successfactors/02-hire.xml"),
    PROMOTION,
    sample!(SuccessFactors, "successfactors/04-title-change.xml"),
    sample!(SuccessFactors, "successfactors/05-review.xml"),
    sample!(SuccessFactors, "successfactors/06-spot-award.xml"),
    OF_WORKDAY,
];

/// A promotion, in SOAP.
pub(super) const PROMOTION: Sample = sample!(SuccessFactors, "successfactors/03-promotion.xml");

/// The same promotion's id again, with another reason.
pub(super) const REPOSTED: Sample = sample!(SuccessFactors, "successfactors/07-promotion-reposted.xml");

/// Four milestones in one report.
pub(super) const OF_WORKDAY: Sample = sample!(Workday, "workday/02-milestones.json");

/// A spot award is taken back.
pub(super) const RESCINDED: Sample = sample!(Workday, "workday/03-rescinded.json");

/// One row with a date that no calendar has, and one that is known already.
pub(super) const UNREADABLE: Sample = sample!(Workday, "workday/04-one-unreadable.json");
