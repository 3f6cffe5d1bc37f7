//! What a thread counted, and how counts of threads and processes become one.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::answer::{Answer, Seen};
use crate::judge::{Outcome, Verdict};
use crate::slots::Slots;
use crate::wish::Wish;

/// Kinds of complaint that are kept apart; the rest share one line, so that a broken server cannot fill
/// the memory of its judge.
const COMPLAINTS_MAX: usize = 32;

/// A histogram of microseconds, three significant digits, up to an hour.
pub(crate) fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 3_600_000_000, 3)
        .expect("1 to an hour at three digits is a valid histogram")
}

/// An unexpected answer: how often, and what one of them said.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Complaint {
    pub(crate) count: u64,
    pub(crate) example: String,
}

/// Answers by meaning.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Outcomes {
    pub(crate) paid: u64,
    pub(crate) refused: u64,
    pub(crate) repeated: u64,
    pub(crate) undecided: u64,
    pub(crate) turned_away: u64,
    pub(crate) failed: u64,
}

/// An answered request of a burst, kept for its repetition.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) wish: Wish,
    pub(crate) seen: Seen,
}

#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Tally {
    /// Microseconds from the scheduled instant to the whole answer, of requests scheduled in the window.
    #[serde(with = "sparse")]
    pub(crate) latency: Histogram<u64>,
    /// Microseconds from the scheduled instant until the request was sent.
    #[serde(with = "sparse")]
    pub(crate) lateness: Histogram<u64>,
    /// When decisions were answered.
    pub(crate) decisions: Slots,
    pub(crate) statuses: BTreeMap<u16, u64>,
    pub(crate) outcomes: Outcomes,
    pub(crate) complaints: BTreeMap<String, Complaint>,
    pub(crate) sent: u64,
    pub(crate) answered: u64,
    /// Requests sent again because their connection broke.
    pub(crate) retried: u64,
    /// Body digests of paid requests, where they have to differ.
    pub(crate) paid_bodies: Vec<u64>,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            latency: histogram(),
            lateness: histogram(),
            decisions: Slots::default(),
            statuses: BTreeMap::new(),
            outcomes: Outcomes::default(),
            complaints: BTreeMap::new(),
            sent: 0,
            answered: 0,
            retried: 0,
            paid_bodies: Vec::new(),
        }
    }
}

impl Tally {
    /// Counts an answer that came `since_start`, `latency` after its instant. `measured` says whether it
    /// belongs to the window.
    pub(crate) fn answer(
        &mut self,
        answer: &Answer,
        verdict: Verdict,
        since_start: Duration,
        latency: Duration,
        measured: bool,
    ) {
        self.answered += 1;
        *self.statuses.entry(answer.status).or_default() += 1;
        let count = match verdict.outcome {
            Outcome::Paid => &mut self.outcomes.paid,
            Outcome::Refused => &mut self.outcomes.refused,
            Outcome::Repeated => &mut self.outcomes.repeated,
            Outcome::Undecided => &mut self.outcomes.undecided,
            Outcome::TurnedAway => &mut self.outcomes.turned_away,
            Outcome::Failed => &mut self.outcomes.failed,
        };
        *count += 1;
        if matches!(verdict.outcome, Outcome::Paid | Outcome::Refused | Outcome::Repeated) {
            self.decisions.note(since_start);
        }
        if measured {
            self.latency.saturating_record(latency.as_micros() as u64);
        }
        if let Some(what) = verdict.complaint {
            self.complain(what, || answer.excerpt());
        }
    }

    pub(crate) fn complain(&mut self, what: String, example: impl FnOnce() -> String) {
        let room = self.complaints.len() < COMPLAINTS_MAX || self.complaints.contains_key(&what);
        let what = if room { what } else { "others".to_owned() };
        let complaint = self.complaints.entry(what).or_default();
        if complaint.count == 0 {
            complaint.example = example();
        }
        complaint.count += 1;
    }

    /// Adds what another thread or process counted.
    pub(crate) fn merge(&mut self, other: Tally) {
        for (mine, theirs) in [(&mut self.latency, &other.latency), (&mut self.lateness, &other.lateness)] {
            mine.add(theirs).expect("all histograms have the same bounds");
        }
        self.decisions.merge(&other.decisions);
        for (status, count) in other.statuses {
            *self.statuses.entry(status).or_default() += count;
        }
        self.outcomes.add(other.outcomes);
        for (what, theirs) in other.complaints {
            let mine = self.complaints.entry(what).or_default();
            if mine.count == 0 {
                mine.example = theirs.example;
            }
            mine.count += theirs.count;
        }
        self.sent += other.sent;
        self.answered += other.answered;
        self.retried += other.retried;
        self.paid_bodies.extend(other.paid_bodies);
    }

    /// How many paid answers have the body of another.
    pub(crate) fn shared_bodies(&self) -> u64 {
        let mut bodies = self.paid_bodies.clone();
        bodies.sort_unstable();
        bodies.windows(2).filter(|pair| pair[0] == pair[1]).count() as u64
    }
}

impl Outcomes {
    fn add(&mut self, other: Self) {
        self.paid += other.paid;
        self.refused += other.refused;
        self.repeated += other.repeated;
        self.undecided += other.undecided;
        self.turned_away += other.turned_away;
        self.failed += other.failed;
    }
}

/// A histogram as its filled buckets: value, count.
pub(crate) mod sparse {
    use hdrhistogram::Histogram;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    /// The filled buckets, lowest first.
    pub(crate) fn buckets(histogram: &Histogram<u64>) -> Vec<(u64, u64)> {
        histogram.iter_recorded().map(|step| (step.value_iterated_to(), step.count_at_value())).collect()
    }

    /// The histogram that these buckets came from.
    pub(crate) fn filled(buckets: &[(u64, u64)]) -> Histogram<u64> {
        let mut histogram = super::histogram();
        for (value, count) in buckets {
            histogram.saturating_record_n(*value, *count);
        }
        histogram
    }

    pub(crate) fn serialize<S: Serializer>(histogram: &Histogram<u64>, to: S) -> Result<S::Ok, S::Error> {
        buckets(histogram).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Histogram<u64>, D::Error> {
        Ok(filled(&Vec::deserialize(from)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(latencies: impl IntoIterator<Item = u64>, status: u16, body: u64) -> Tally {
        let mut tally = Tally::default();
        let answer = Answer { status, ..Answer::default() };
        for micros in latencies {
            tally.sent += 1;
            let verdict = Verdict { outcome: Outcome::Paid, complaint: None };
            tally.answer(
                &answer,
                verdict,
                Duration::from_micros(micros),
                Duration::from_micros(micros),
                true,
            );
        }
        tally.paid_bodies.push(body);
        tally
    }

    #[test]
    fn tallies_sent_between_processes_and_merged_equal_one_tally_of_everything() {
        let parts = [tally(1..=500, 201, 5), tally(40_000..40_500, 200, 6)];
        let mut merged = Tally::default();
        for part in parts {
            let text = serde_json::to_string(&part).unwrap();
            merged.merge(serde_json::from_str(&text).unwrap());
        }
        let mut whole = histogram();
        (1..=500).chain(40_000..40_500).for_each(|micros| whole.record(micros).unwrap());
        assert_eq!(merged.latency, whole);
        for quantile in [0.5, 0.9, 0.99, 0.999, 1.0] {
            assert_eq!(merged.latency.value_at_quantile(quantile), whole.value_at_quantile(quantile));
        }
        assert_eq!(merged.statuses, BTreeMap::from([(200, 500), (201, 500)]));
        assert_eq!(
            (merged.outcomes.paid, merged.sent - merged.answered, merged.shared_bodies()),
            (1000, 0, 0)
        );
        assert_eq!(merged.decisions.count(Duration::ZERO, Duration::from_secs(1)), 1000);
    }

    #[test]
    fn a_body_that_two_payments_share_is_noticed_across_processes() {
        let mut merged = tally([1], 201, 77);
        merged.merge(tally([2], 201, 77));
        assert_eq!(merged.shared_bodies(), 1);
    }

    #[test]
    fn a_server_that_invents_complaints_does_not_fill_the_memory() {
        let mut tally = Tally::default();
        for n in 0..1000 {
            tally.complain(format!("nonsense {n}"), || "example".to_owned());
        }
        assert_eq!(tally.complaints.len(), COMPLAINTS_MAX + 1);
        assert_eq!(tally.complaints.values().map(|complaint| complaint.count).sum::<u64>(), 1000);
    }
}
