//! Whether an answer is the one that had to come.

use crate::answer::{Answer, Seen};

/// How one kind of server says yes, no and "again".
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// Statuses of a request that was carried out.
    pub(crate) paid: &'static [u16],
    /// Statuses of a request that is kept and will be decided later.
    pub(crate) undecided: &'static [u16],
    pub(crate) refusal: Refusal,
    /// A repeated key is answered with `Idempotency-Replayed: true`, a fresh one never.
    pub(crate) marks_repeats: bool,
    /// A repeated key gets the first answer's body, byte for byte.
    pub(crate) repeats_body: bool,
    /// Bodies name what was made, so two requests never share one.
    pub(crate) unique_bodies: bool,
    /// 429 and 503 with a `Retry-After` turn a request away without failing the run.
    pub(crate) allow_busy: bool,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Refusal {
    Status(u16),
    /// A paid status whose body holds these bytes.
    BodyHolds(&'static [u8]),
}

/// What a request is sent for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Expected {
    Paid,
    Refused,
    /// The answer that the same key got before.
    SameAs(Seen),
}

/// What an answer means. All but the last three are decisions.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Outcome {
    Paid,
    Refused,
    Repeated,
    Undecided,
    TurnedAway,
    Failed,
}

/// An answer's meaning, and what is wrong with it.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Verdict {
    pub(crate) outcome: Outcome,
    pub(crate) complaint: Option<String>,
}

impl Rules {
    fn is_refusal(&self, answer: &Answer) -> bool {
        match self.refusal {
            Refusal::Status(status) => answer.status == status,
            Refusal::BodyHolds(part) => {
                self.paid.contains(&answer.status)
                    && answer.body.windows(part.len()).any(|window| window == part)
            }
        }
    }

    /// The meaning of an answer by itself.
    fn read(&self, answer: &Answer) -> Outcome {
        if self.is_refusal(answer) {
            Outcome::Refused
        } else if self.paid.contains(&answer.status) {
            Outcome::Paid
        } else if self.undecided.contains(&answer.status) {
            Outcome::Undecided
        } else if self.allow_busy && matches!(answer.status, 429 | 503) && answer.retry_after {
            Outcome::TurnedAway
        } else {
            Outcome::Failed
        }
    }

    /// Judges an answer. `sent_before` says that the key was sent before without an answer, so that a mark
    /// of repetition proves nothing.
    pub(crate) fn judge(&self, expected: Expected, sent_before: bool, answer: &Answer) -> Verdict {
        let outcome = self.read(answer);
        let status = answer.status;
        let complaint = match (outcome, expected) {
            (Outcome::Failed, _) => Some(format!("answered {status}")),
            (Outcome::TurnedAway | Outcome::Undecided, Expected::Paid | Expected::Refused) => None,
            (Outcome::Paid, Expected::Paid) | (Outcome::Refused, Expected::Refused) => {
                let marked = self.marks_repeats && answer.replayed && !sent_before;
                marked.then(|| format!("a fresh key answered {status} as if it were repeated"))
            }
            (_, Expected::Paid) => Some(format!("a covered request was refused with {status}")),
            (_, Expected::Refused) => Some(format!("a request that nothing covers was paid with {status}")),
            (_, Expected::SameAs(first)) => return self.judge_repeat(outcome, first, answer),
        };
        Verdict { outcome, complaint }
    }

    fn judge_repeat(&self, outcome: Outcome, first: Seen, answer: &Answer) -> Verdict {
        let status = answer.status;
        if outcome == Outcome::TurnedAway {
            return Verdict { outcome, complaint: None };
        }
        if self.undecided.contains(&first.status) {
            // The first answer only said "kept"; the decision came since, or is still to come.
            let outcome = if outcome == Outcome::Undecided { outcome } else { Outcome::Repeated };
            return Verdict { outcome, complaint: None };
        }
        let complaint = if status != first.status {
            Some(format!("a repeated key answered {status} after {}", first.status))
        } else if self.repeats_body && answer.seen().digest != first.digest {
            Some(format!("a repeated key answered {status} with another body"))
        } else if self.marks_repeats && !answer.replayed {
            Some(format!("a repeated key answered {status} without Idempotency-Replayed"))
        } else {
            None
        };
        Verdict { outcome: Outcome::Repeated, complaint }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Rules = Rules {
        paid: &[201],
        undecided: &[202],
        refusal: Refusal::Status(422),
        marks_repeats: true,
        repeats_body: true,
        unique_bodies: true,
        allow_busy: false,
    };

    fn answer(status: u16, replayed: bool, body: &str) -> Answer {
        Answer { status, replayed, body: body.as_bytes().to_vec(), ..Answer::default() }
    }

    fn complaint(expected: Expected, answer: &Answer) -> Option<String> {
        RULES.judge(expected, false, answer).complaint
    }

    #[test]
    fn right_answers_pass_and_each_wrong_one_is_named() {
        assert_eq!(complaint(Expected::Paid, &answer(201, false, "a")), None);
        assert_eq!(complaint(Expected::Refused, &answer(422, false, "no")), None);
        assert_eq!(complaint(Expected::Paid, &answer(202, false, "later")), None);
        for (expected, status) in [(Expected::Paid, 404), (Expected::Refused, 500), (Expected::Paid, 503)] {
            let verdict = RULES.judge(expected, false, &answer(status, false, ""));
            assert_eq!(verdict.outcome, Outcome::Failed);
            assert_eq!(verdict.complaint, Some(format!("answered {status}")));
        }
        assert!(complaint(Expected::Paid, &answer(422, false, "")).unwrap().contains("covered"));
        assert!(complaint(Expected::Refused, &answer(201, false, "")).unwrap().contains("nothing covers"));
        assert!(complaint(Expected::Paid, &answer(201, true, "")).unwrap().contains("fresh key"));
    }

    #[test]
    fn a_repeat_must_bring_the_first_answer_marked_as_repeated() {
        let first = answer(201, false, "voucher 9").seen();
        let same = Expected::SameAs(first);
        let verdict = RULES.judge(same, false, &answer(201, true, "voucher 9"));
        assert_eq!(verdict, Verdict { outcome: Outcome::Repeated, complaint: None });
        assert!(complaint(same, &answer(201, true, "voucher 10")).unwrap().contains("another body"));
        assert!(complaint(same, &answer(422, true, "voucher 9")).unwrap().contains("422 after 201"));
        assert!(complaint(same, &answer(201, false, "voucher 9")).unwrap().contains("without"));
        assert!(complaint(same, &answer(500, true, "voucher 9")).is_some());
        let kept = Expected::SameAs(answer(202, false, "later").seen());
        assert_eq!(complaint(kept, &answer(201, true, "voucher 9")), None);
        assert!(complaint(kept, &answer(500, true, "")).is_some());
    }

    #[test]
    fn busy_is_excused_only_when_asked_for_and_only_with_retry_after() {
        let patient = Rules { allow_busy: true, ..RULES };
        let mut busy = answer(503, false, "");
        assert!(patient.judge(Expected::Paid, false, &busy).complaint.is_some());
        busy.retry_after = true;
        assert_eq!(patient.judge(Expected::Paid, false, &busy).outcome, Outcome::TurnedAway);
        assert!(RULES.judge(Expected::Paid, false, &busy).complaint.is_some());
    }

    #[test]
    fn a_key_sent_before_without_an_answer_may_come_back_marked() {
        assert_eq!(RULES.judge(Expected::Paid, true, &answer(201, true, "a")).complaint, None);
    }
}
