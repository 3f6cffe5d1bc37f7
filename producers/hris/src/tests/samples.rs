//! The project's own samples, each with what it yields in a file beside it.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use mirabelle_domain::Day;

use super::render::outcome;
use crate::{Asked, Limits, Mapping, Profile, Reading, Report, System, read, read_as, reread};

pub(super) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas/samples/hris")
}

/// Every sample below a folder, with the system that the folder it lies in names.
pub(super) fn samples(folder: &Path) -> Vec<(System, PathBuf)> {
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
            } else if let (Some(system), Some("xml" | "json" | "csv")) =
                (system, path.extension().unwrap().to_str())
                && !path.to_str().unwrap().ends_with(".mapping.json")
            {
                found.push((system, path));
            }
        }
    }
    found.sort_by(|one, other| one.1.cmp(&other.1));
    found
}

/// The default mapping of its system, or the one that lies beside it.
pub(super) fn profile(system: System, path: &Path) -> Profile {
    let beside = PathBuf::from(format!("{}.mapping.json", path.display()));
    let Ok(text) = fs::read_to_string(&beside) else { return Profile::default_for(system) };
    let mapping = Mapping::from_json(system, &serde_json::from_str(&text).unwrap());
    let mapping = mapping.unwrap_or_else(|fault| panic!("{}: {fault}", beside.display()));
    assert_eq!(mapping.faults(), [], "{}", beside.display());
    Profile { system, mapping }
}

/// All samples are read on the day of the demonstration.
fn asked() -> Asked<'static> {
    Asked { today: Some("2026-06-15".parse().unwrap()), ..Asked::default() }
}

/// `MIRABELLE_BLESS=1` writes what stands beside the samples anew; the difference is then for a person to judge.
#[test]
fn every_sample_yields_what_stands_beside_it() {
    let bless = std::env::var_os("MIRABELLE_BLESS").is_some();
    let samples = samples(&root());
    assert!(samples.len() >= 70, "only {} samples found", samples.len());
    for (system, path) in samples {
        let body = fs::read(&path).unwrap();
        let profile = profile(system, &path);
        let yields = outcome(&read_as(&profile, &asked(), None, &body, &Limits::push()));
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
        let profile = profile(system, &path);
        let Ok(delivery) = read_as(&profile, &asked(), None, &body, &Limits::push()) else { continue };
        for item in delivery.items {
            let shown = path.display();
            // A row of a variant is read as that variant: nothing in it alone says which one it is.
            let variant = profile.mapping.variants.first().map(|own| own.name.as_str());
            let asked = Asked { variant: variant.filter(|_| path.extension().unwrap() == "json"), ..asked() };
            let again = reread(&profile, &asked, &item.raw, &Limits::push());
            let again = again.unwrap_or_else(|fault| panic!("{shown}: {fault}"));
            assert!(!again.items.is_empty(), "{shown}");
            let same = |other: &crate::Item| match (&item.outcome, &other.outcome) {
                (Ok(report), Ok(other)) => report == other,
                // Alone it no longer contradicts another one.
                (Err(fault), Ok(_)) => matches!(fault.code.as_str(), "source_id_twice" | "worker_twice"),
                (Err(fault), Err(other)) => fault.code == other.code,
                (Ok(_), Err(_)) => false,
            };
            assert!(again.items.iter().any(same), "{shown}: {:?}", item.outcome);
            reread_items += 1;
        }
    }
    assert!(reread_items > 120, "only {reread_items} items read again");
}

#[test]
fn read_one_after_the_other_a_delivery_is_the_same_as_read_at_once() {
    for (system, path) in samples(&root()) {
        let body = fs::read(&path).unwrap();
        let (profile, limits, asked) = (profile(system, &path), Limits::push(), asked());
        let at_once = read_as(&profile, &asked, None, &body, &limits);
        let opened = Reading::open(&profile, &asked, None, &body, &limits);
        match (at_once, opened) {
            (Ok(delivery), Ok(reading)) => {
                let mut items = Vec::new();
                let taken: Result<(), ()> = reading.each(|item| {
                    items.push(item);
                    Ok(())
                });
                taken.unwrap();
                assert_eq!(delivery.items, items, "{}", path.display());
                assert_eq!((delivery.next.as_ref(), delivery.total), (reading.next(), reading.total()));
                let stopped = reading.each(|item| if item.raw.is_empty() { Ok(()) } else { Err("enough") });
                assert_eq!(stopped.is_err(), !items.is_empty());
            }
            (Err(one), Err(other)) => assert_eq!(one, other, "{}", path.display()),
            (one, other) => panic!("{}: {one:?} {}", path.display(), other.is_ok()),
        }
    }
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
