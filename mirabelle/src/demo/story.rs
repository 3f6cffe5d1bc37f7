//! What has to come of the samples: who gets which points, and who gets nothing, why. The demo compares every line of
//! it with what the API says.

/// One milestone of a person and what comes of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected {
    /// Its kind.
    pub(super) kind: &'static str,
    /// The campaign that looks at it; empty: none is about it.
    pub(super) campaign: &'static str,
    /// What the campaign says.
    pub(super) outcome: &'static str,
    /// What it earns; 0 where the outcome is not `awarded`.
    pub(super) points: i64,
}

/// A person of the samples.
#[derive(Clone, Copy, Debug)]
pub(super) struct Person {
    /// The HR system's number.
    pub(super) number: &'static str,
    /// As the HR system says it.
    pub(super) name: &'static str,
    /// Milestones by kind.
    pub(super) milestones: &'static [Expected],
}

impl Person {
    /// What the campaigns pay altogether.
    pub(super) fn earns(&self) -> i64 {
        self.milestones.iter().map(|milestone| milestone.points).sum()
    }
}

const fn awarded(kind: &'static str, campaign: &'static str, points: i64) -> Expected {
    Expected { kind, campaign, outcome: "awarded", points }
}

const fn nothing(kind: &'static str, campaign: &'static str, outcome: &'static str) -> Expected {
    Expected { kind, campaign, outcome, points: 0 }
}

const fn person(number: &'static str, name: &'static str, milestones: &'static [Expected]) -> Person {
    Person { number, name, milestones }
}

/// The twelve, in the order of the table.
pub(super) const PEOPLE: [Person; 12] = [
    person("700101", "Asha Menon", &[awarded("hire", "welcome", 500)]),
    person("P-700102", "Tomas Leitner", &[awarded("promotion", "promotion", 1_500)]),
    person("P-700103", "Ingrid Halvorsen", &[nothing("job_change", "", "no_campaign")]),
    person(
        "00704",
        "Bruno Castel",
        &[awarded("birthday", "birthday", 250), nothing("review", "strong-review", "condition_failed")],
    ),
    person(
        "P-700105",
        "Yuki Tanabe",
        &[awarded("anniversary", "anniversary", 800), awarded("spot_award", "bravo", 300)],
    ),
    person("31001", "Ada Quist", &[awarded("review", "strong-review", 1_000)]),
    person("31002", "Bo Sandoval", &[nothing("rehire", "", "no_campaign")]),
    person(
        "31003",
        "Chidi Okafor",
        &[
            awarded("birthday", "birthday", 250),
            awarded("promotion", "promotion", 1_500),
            awarded("spot_award", "bravo", 300),
        ],
    ),
    person("31004", "Dana Whitlock", &[awarded("anniversary", "anniversary", 1_000)]),
    person("DBX0201", "Farida Haddad", &[awarded("birthday", "birthday", 250)]),
    person("DBX0202", "Gopal Nair", &[awarded("anniversary", "anniversary", 500)]),
    person("DBX0190", "Hana Brandt", &[]),
];

/// What the HR system takes back later, of 31003.
pub(super) const TAKEN_BACK: (&str, i64) = ("31003", 300);

/// Points put into the budget.
pub(super) const ALLOCATED: i64 = 10_000;

/// What all campaigns pay together.
pub(super) fn awarded_points() -> i64 {
    PEOPLE.iter().map(Person::earns).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_story_pays_less_than_its_budget_holds_and_reaches_the_second_alert() {
        assert_eq!(awarded_points(), 8_150);
        assert!(awarded_points() * 100 >= 80 * ALLOCATED && awarded_points() < ALLOCATED);
        let (number, points) = TAKEN_BACK;
        let taken = PEOPLE.iter().find(|person| person.number == number).unwrap();
        assert!(taken.milestones.iter().any(|milestone| milestone.points == points));
    }
}
