//! Whatever is wished, in whatever order.

use proptest::prelude::*;

use super::tests::{Trial, adopt, draft, product, publish, submit, withdraw};
use crate::command::{Command, TenantMode};
use crate::fact::{AdoptedVersion, Fact};
use crate::rejection::Rejection;
use crate::rules::Adopted;

fn wish() -> impl Strategy<Value = (&'static str, Command)> {
    let version = || 0u32..8;
    let command = prop_oneof![
        (0i64..3).prop_map(|points| Command::from(draft(&product(points), None))),
        version().prop_map(|version| submit(version).into()),
        version().prop_map(|version| publish(version).into()),
        version().prop_map(|version| withdraw(version).into()),
    ];
    (prop_oneof![Just("ann"), Just("bob")], command)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn publications_have_no_holes_and_partitions_agree_however_they_are_delivered(
        wishes in prop::collection::vec(wish(), 0..60),
        deliveries in prop::collection::vec(any::<prop::sample::Index>(), 0..60),
    ) {
        let mut trial = Trial::with(TenantMode::Live);
        let mut published: Vec<AdoptedVersion> = Vec::new();
        for (principal, command) in wishes {
            let before = trial.state.clone();
            match trial.by(principal, Some("why"), command) {
                Ok(facts) => {
                    for fact in facts {
                        if let Fact::VersionPublished(fact) = fact {
                            prop_assert_ne!(&fact.drafter, &fact.publisher);
                            published.push(fact.version);
                        }
                    }
                }
                Err(_) => prop_assert_eq!(&before, &trial.state),
            }
        }
        let numbers: Vec<u32> = published.iter().map(|version| version.number).collect();
        let expected: Vec<u32> = (1..).take(published.len()).collect();
        prop_assert_eq!(numbers, expected);

        let mut orderly = Adopted::default();
        for version in &published {
            adopt(&mut orderly, version.clone()).unwrap();
        }
        let mut disorderly = Adopted::default();
        if !published.is_empty() {
            for delivery in deliveries {
                let version = &published[delivery.index(published.len())];
                let before = disorderly.number;
                let outcome = adopt(&mut disorderly, version.clone());
                let early = matches!(outcome, Err(Rejection::NotYetAdopted { .. }));
                prop_assert_eq!(early, version.number > before + 1);
                prop_assert_eq!(outcome.is_ok(), version.number == before + 1);
            }
        }
        while let Some(version) = published.get(disorderly.number as usize) {
            adopt(&mut disorderly, version.clone()).unwrap();
        }
        prop_assert_eq!(disorderly, orderly);
    }
}
