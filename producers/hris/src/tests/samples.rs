//! The project's own samples, each with what it yields in a file beside it.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use mirabelle_domain::Day;

use super::render::outcome;
use crate::{Limits, Profile, Report, System, read, reread};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas/samples/hris")
}

/// Every sample below a folder, with the system that the folder it lies in names.
fn samples(folder: &Path) -> Vec<(System, PathBuf)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let system = match folder.file_name().unwrap().to_str() {
                Some("successfactors") => Some(System::SuccessFactors),
                Some("workday") => Some(System::Workday),
                Some("darwinbox") => Some(System::Darwinbox),
                _ => None,
            };
            if path.is_dir() {
                folders.push(path);
            } else if let (Some(system), Some("xml" | "json")) = (system, path.extension().unwrap().to_str())
            {
                found.push((system, path));
            }
        }
    }
    found.sort_by(|one, other| one.1.cmp(&other.1));
    found
}

/// `MIRABELLE_BLESS=1` writes what stands beside the samples anew; the difference is then for a person to judge.
#[test]
fn every_sample_yields_what_stands_beside_it() {
    let bless = std::env::var_os("MIRABELLE_BLESS").is_some();
    let samples = samples(&root());
    assert!(samples.len() >= 40, "only {} samples found", samples.len());
    for (system, path) in samples {
        let body = fs::read(&path).unwrap();
        let yields = outcome(&read(&Profile::default_for(system), None, &body, &Limits::push()));
        let beside = path.with_extension(format!("{}.yields", path.extension().unwrap().to_str().unwrap()));
        if bless {
            fs::write(&beside, &yields).unwrap();
        }
        let wanted = fs::read_to_string(&beside).unwrap_or_default();
        assert_eq!(wanted, yields, "{}", path.display());
    }
}

#[test]
fn an_item_set_aside_reads_the_same_when_it_is_read_again() {
    let mut reread_items = 0;
    for (system, path) in samples(&root()) {
        let body = fs::read(&path).unwrap();
        let profile = Profile::default_for(system);
        let Ok(delivery) = read(&profile, None, &body, &Limits::push()) else { continue };
        for item in delivery.items {
            let again = reread(&profile, &item.raw, &Limits::push()).unwrap();
            assert_eq!(again.items.len(), 1, "{}", path.display());
            let again = &again.items[0];
            match (&item.outcome, &again.outcome) {
                (Ok(report), Ok(other)) => assert_eq!(report, other, "{}", path.display()),
                // Alone it no longer contradicts another one.
                (Err(fault), Ok(_)) => {
                    assert!(
                        matches!(fault.code.as_str(), "source_id_twice" | "worker_twice"),
                        "{}",
                        path.display()
                    );
                }
                (Err(fault), Err(other)) => assert_eq!(fault.code, other.code, "{}", path.display()),
                (Ok(_), Err(fault)) => panic!("{}: {fault}", path.display()),
            }
            reread_items += 1;
        }
    }
    assert!(reread_items > 70, "only {reread_items} items read again");
}

#[test]
fn the_demonstration_is_twelve_people_whose_day_is_the_15th_of_june() {
    let day: Day = "2026-06-15".parse().unwrap();
    let (mut workers, mut milestones, mut anniversaries, mut birthdays) =
        (HashSet::new(), HashSet::new(), 0, 0);
    let mut set_aside = Vec::new();
    for (system, path) in samples(&root().join("demo")) {
        let body = fs::read(&path).unwrap();
        let delivery = read(&Profile::default_for(system), None, &body, &Limits::push()).unwrap();
        for item in delivery.items {
            let today = |date: Option<Day>| date.is_some_and(|date| date < day && same_date(date, day));
            let report = match item.outcome {
                Ok(report) => report,
                Err(fault) => {
                    set_aside.push(fault.code);
                    continue;
                }
            };
            match report {
                Report::Worker(worker) => {
                    anniversaries += usize::from(today(worker.dates.original_hire.or(worker.dates.hire)));
                    birthdays += usize::from(today(worker.personal.birth_date));
                    assert!(workers.insert((system, worker.person)), "{}", path.display());
                }
                Report::Milestone(milestone) => {
                    assert!((day.plus(-7)..=day).contains(&milestone.effective), "{}", path.display());
                    milestones.insert((system, milestone.person, milestone.kind, milestone.occurrence));
                }
                other => panic!("{}: {other:?}", path.display()),
            }
        }
    }
    assert_eq!((workers.len(), milestones.len()), (12, 9));
    assert_eq!(set_aside, [crate::Code::ImpossibleDate], "one row of one delivery can't be read");
    assert_eq!(
        (anniversaries, birthdays),
        (4, 3),
        "Tanabe, Whitlock, Nair and, gone, Brandt; Castel, Okafor, Haddad"
    );
    assert!(milestones.iter().all(|(system, person, ..)| workers.contains(&(*system, person.clone()))));
}

fn same_date(one: Day, other: Day) -> bool {
    (one.civil().month(), one.civil().day()) == (other.civil().month(), other.civil().day())
}
