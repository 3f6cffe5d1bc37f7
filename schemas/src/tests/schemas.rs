//! The schemas themselves: known, classed, compatible, never changed.

use crate::registry;
use crate::wire::RECORDS;
use crate::{Subject, registry as all};

#[test]
fn the_constants_of_the_hot_path_are_those_of_the_registry() {
    for (index, record) in RECORDS.iter().enumerate() {
        let number = index as u16 + 1;
        let newest = registry::newest(Subject::Record(number));
        let schema = registry::find(Subject::Record(number), newest).unwrap();
        assert_eq!(schema.name, format!("mirabelle.{}", record.name));
        assert_eq!(schema.id, record.id, "{}", record.name);
        assert_eq!(
            format!("{:#018x}", schema.fingerprint),
            format!("{:#018x}", record.fingerprint),
            "{}",
            record.name
        );
    }
    assert!(
        all().iter().filter(|schema| matches!(schema.subject, Subject::Record(_))).count() >= RECORDS.len()
    );
}
