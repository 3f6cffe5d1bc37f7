//! The books: every sum added up from what the API says of single things, and compared with what it says of the whole.

use anyhow::Context as _;
use serde_json::Value as Json;

use super::api::{expect, number, until};
use super::screen::{Screen, thousands};
use super::setup::{BUDGET, Cast};
use super::story::{ALLOCATED, PEOPLE, TAKEN_BACK, awarded_points};

/// Where points of a wallet can be.
const PLACES: [&str; 6] = ["available", "pending", "reserved", "spent", "expired", "taken"];

/// Adds up and compares; waits until nothing is under way.
pub(super) async fn balance(screen: Screen, cast: &Cast, orders: &[String]) -> anyhow::Result<()> {
    let budget = until("nothing is under way on the budget", || async {
        let budget = cast.admin.get(&format!("/v1/budgets/{BUDGET}")).await?;
        expect("points committed and not settled yet", &number(&budget, "/committed")?, &0)?;
        Ok(budget)
    })
    .await?;
    let settled = of_budget(screen, &budget)?;
    let wallets = of_wallets(screen, cast, settled).await?;
    of_redemptions(screen, cast, orders, wallets).await?;
    of_statements(screen, cast).await
}

fn of_budget(screen: Screen, budget: &Json) -> anyhow::Result<i64> {
    let [allocated, free, committed, spent] =
        ["allocated", "free", "committed", "spent"].map(|name| number(budget, &format!("/{name}")));
    let (allocated, free, committed, spent) = (allocated?, free?, committed?, spent?);
    expect("the budget's allocated points", &allocated, &ALLOCATED)?;
    expect("the points that went into wallets", &spent, &awarded_points())?;
    expect("free + committed + spent of the budget", &(free + committed + spent), &allocated)?;
    screen.ok(&format!(
        "budget   allocated {} = free {} + committed {} + paid out {}",
        thousands(allocated),
        thousands(free),
        thousands(committed),
        thousands(spent),
    ));
    Ok(spent)
}

/// Everything that came into wallets is somewhere; says what was spent.
async fn of_wallets(screen: Screen, cast: &Cast, settled: i64) -> anyhow::Result<i64> {
    let mut sums = [0; PLACES.len()];
    for person in &PEOPLE {
        let told = cast.admin.get(&format!("/v1/members/{}/balance", person.number)).await?;
        for (sum, place) in sums.iter_mut().zip(PLACES) {
            *sum += number(&told, &format!("/{place}"))?;
        }
    }
    expect("all that is in or went out of wallets", &sums.iter().sum::<i64>(), &settled)?;
    expect("points taken back by the HR system", &sums[5], &TAKEN_BACK.1)?;
    let words: Vec<String> = PLACES
        .iter()
        .zip(sums)
        .filter(|(_, sum)| *sum != 0)
        .map(|(place, sum)| {
            let place = if *place == "taken" { "taken back" } else { place };
            format!("{place} {}", thousands(sum))
        })
        .collect();
    screen.ok(&format!("wallets  paid in {} = {}", thousands(settled), words.join(" + ")));
    screen.aside(
        4,
        &format!(
            "\"taken back\": the {} points of the spot award that was withdrawn. They are in no wallet and not in the budget, whose books say what was paid; to give them again, they are allocated again.",
            thousands(sums[5])
        ),
    );
    Ok(sums[3])
}

/// What wallets say was spent is what redemptions captured.
async fn of_redemptions(screen: Screen, cast: &Cast, orders: &[String], spent: i64) -> anyhow::Result<()> {
    let (mut ordered, mut captured, mut returned) = (0, 0, 0);
    for id in orders {
        let told = cast.admin.get(&format!("/v1/redemptions/{id}")).await?;
        ordered += number(&told, "/points")?;
        // What did not happen is left out.
        let moved = |name: &str| told[name].as_i64().unwrap_or(0);
        captured += moved("captured");
        returned += moved("returned");
    }
    expect("captured + returned of all redemptions", &(captured + returned), &ordered)?;
    expect("the points that redemptions captured", &captured, &spent)?;
    screen.ok(&format!(
        "rewards  ordered {} = spent {} + given back {}",
        thousands(ordered),
        thousands(captured),
        thousands(returned),
    ));
    Ok(())
}

/// Each person's statement adds up to the balance.
async fn of_statements(screen: Screen, cast: &Cast) -> anyhow::Result<()> {
    let mut moves = 0;
    for person in &PEOPLE {
        let of = format!("/v1/members/{}", person.number);
        let told = cast.admin.get(&format!("{of}/statement")).await?;
        let entries = told["entries"].as_array().context("a statement without entries")?;
        let deltas: Vec<i64> =
            entries.iter().map(|entry| number(entry, "/delta")).collect::<Result<_, _>>()?;
        let balance = number(&cast.admin.get(&format!("{of}/balance")).await?, "/available")?;
        expect(&format!("{}'s statement, added up", person.name), &deltas.iter().sum::<i64>(), &balance)?;
        moves += entries.len();
    }
    screen
        .ok(&format!("people   {} statements with {moves} moves: each adds up to the balance", PEOPLE.len()));
    Ok(())
}
