//! Darwinbox answers with two datasets, and for a while a person may stand in both.

use std::collections::HashMap;

use mirabelle_domain::{Day, WorkerStatus};

use crate::report::{ExternalId, Item, Report, WorkerReport};

/// The items of both datasets, each person once: whoever stands in both counts as active to the day of exit, with that
/// day as the last one, and as a leaver from the day after. What can't be read, and what is no worker, stays.
pub fn both(active: Vec<Item>, inactive: Vec<Item>, today: Day) -> Vec<Item> {
    let mut leaving: HashMap<ExternalId, Option<Day>> = HashMap::new();
    for left in inactive.iter().filter_map(worker) {
        leaving.insert(left.person.clone(), left.dates.termination);
    }
    let here: HashMap<ExternalId, ()> = active
        .iter()
        .filter_map(worker)
        .filter(|own| leaving.get(&own.person).is_none_or(|last| is_later(*last, today)))
        .map(|own| (own.person.clone(), ()))
        .collect();
    let mut items = Vec::with_capacity(active.len() + inactive.len());
    for mut item in active {
        if let Ok(Report::Worker(own)) = &mut item.outcome {
            match leaving.get(&own.person) {
                Some(last) if is_later(*last, today) => own.dates.termination = *last,
                Some(_) => continue,
                None => {}
            }
        }
        items.push(item);
    }
    for mut item in inactive {
        if let Ok(Report::Worker(own)) = &mut item.outcome {
            if here.contains_key(&own.person) {
                continue;
            }
            // Nobody else says that the person is here: until the last day this row does.
            if is_later(own.dates.termination, today) {
                own.status = WorkerStatus::Active;
            }
        }
        items.push(item);
    }
    items
}

fn worker(item: &Item) -> Option<&WorkerReport> {
    match &item.outcome {
        Ok(Report::Worker(worker)) => Some(worker),
        _ => None,
    }
}

/// Whether somebody is still here on a day.
fn is_later(last: Option<Day>, today: Day) -> bool {
    last.is_some_and(|last| last >= today)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Limits, Profile, System, read};

    fn items(status: &str, rows: &[(&str, &str)]) -> Vec<Item> {
        let row = |(id, exit): &(&str, &str)| {
            format!(r#"{{"employee_id":"{id}","employee_status":"{status}","date_of_exit":"{exit}"}}"#)
        };
        let rows: Vec<String> = rows.iter().map(row).collect();
        let body = format!(r#"{{"status":1,"employee_data":[{}]}}"#, rows.join(","));
        read(&Profile::default_for(System::Darwinbox), None, body.as_bytes(), &Limits::push()).unwrap().items
    }

    fn told(items: &[Item]) -> Vec<(String, WorkerStatus, Option<String>)> {
        let one = |own: &WorkerReport| {
            (own.person.to_string(), own.status, own.dates.termination.map(|day| day.to_string()))
        };
        items.iter().filter_map(worker).map(one).collect()
    }

    #[test]
    fn who_stands_in_both_datasets_is_active_to_the_day_of_exit_and_gone_after_it() {
        let active = items("Active", &[("D1", ""), ("D2", ""), ("D3", "")]);
        let inactive =
            items("Inactive", &[("D2", "30-Jun-2026"), ("D4", "31-May-2026"), ("D5", "30-Jun-2026")]);
        let on = |day: &str| told(&both(active.clone(), inactive.clone(), day.parse().unwrap()));
        let last = Some("2026-06-30".to_owned());
        let before = [
            ("D1".to_owned(), WorkerStatus::Active, None),
            ("D2".to_owned(), WorkerStatus::Active, last.clone()),
            ("D3".to_owned(), WorkerStatus::Active, None),
            ("D4".to_owned(), WorkerStatus::Terminated, Some("2026-05-31".to_owned())),
            ("D5".to_owned(), WorkerStatus::Active, last.clone()),
        ];
        assert_eq!(on("2026-06-15"), before);
        assert_eq!(on("2026-06-30"), before, "the day of exit is a day here");
        let after = on("2026-07-01");
        assert_eq!(after.iter().filter(|own| own.0 == "D2").count(), 1);
        assert!(after.contains(&("D2".to_owned(), WorkerStatus::Terminated, last.clone())));
        assert!(after.contains(&("D5".to_owned(), WorkerStatus::Terminated, last)));
    }
}
