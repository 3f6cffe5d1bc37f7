//! The command line. Each command has its arguments and its work in a module of its own.
//!
//! | exit code | means |
//! |---|---|
//! | 0 | done |
//! | 1 | failed, or nobody knows yet: standard error says which |
//! | 2 | the command line is wrong |
//! | 3 | some of many were done |
//! | 4 | a difference was found |
//! | 5 | kept for gates that halt |

mod adjust;
mod balance;
mod budget;
mod catalogue;
mod clock;
mod command;
mod completions;
mod config;
mod connection;
mod draft;
mod explain;
mod failure;
mod feed;
mod grant;
mod ingest;
mod key;
mod letters;
mod log;
mod member;
mod output;
mod pages;
mod redeem;
mod redemption;
mod reference;
mod remote;
mod serve;
mod statement;
mod table;
mod tenant;
mod verify;
mod write;

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

pub(crate) use explain::in_words as condition_in_words;
pub use failure::{Exit, Failure};
pub use output::{tell, tell_error};

/// Rewards that are never paid twice, never lost, never wrong on screen.
#[derive(Parser)]
#[command(name = "mirabelle", version, after_help = EXIT_CODES, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 done, 1 failed, 2 the command line is wrong, 3 some of many were done, \
4 a difference was found.\n\nInstants are told on this machine's clock (TZ names another zone), with --json as the \
API tells them. On a terminal tables are as wide as it is.";

/// The commands.
#[derive(Subcommand)]
enum Command {
    /// Show a day of twelve people in three HR systems: a server on a fresh directory, everything over HTTP.
    Demo(crate::demo::Options),
    /// Run every role and the HTTP API in this process, on the embedded engines.
    Serve(serve::Arguments),
    /// Check a data directory that no server has open: every byte, every decision, every row.
    Verify(verify::Arguments),
    /// Send deliveries of an HR system, as that system sends them, from files or standard input.
    Ingest(ingest::Arguments),
    /// Create and list tenants.
    Tenant(tenant::Arguments),
    /// Issue, list and revoke API keys.
    Key(key::Arguments),
    /// Configure the connections by which HR systems deliver.
    Connection(connection::Arguments),
    /// Draft, submit, publish and read campaigns, products and connections.
    Config(config::Arguments),
    /// Open, fill and close budgets, and decide what waits on them.
    Budget(budget::Arguments),
    /// Give a member points from a budget; take a grant back; see where one stands.
    Grant(grant::Arguments),
    /// Correct a member's wallet, with a reason: points from a budget, or points taken for good.
    Adjust(adjust::Arguments),
    /// What is known of a member, and what the member has.
    Member(member::Arguments),
    /// What points buy: the products in force.
    Catalogue(catalogue::Catalogue),
    /// What products would cost a member, and whether the points are there; nothing is ordered.
    Quote(catalogue::Quote),
    /// Redeem a member's points for products.
    Redeem(redeem::Arguments),
    /// See a redemption, cancel it, show its vouchers.
    Redemption(redemption::Arguments),
    /// What a member has, now or at an earlier instant.
    Balance(balance::Balance),
    /// The lots of a member's wallet, in the order in which they are spent.
    Lots(balance::Lots),
    /// What moved in a member's wallet, newest first.
    Statement(statement::Arguments),
    /// Why a member got nothing, or this much: every milestone, and what came of it.
    Explain(explain::Arguments),
    /// What came of a command, by its idempotency key.
    #[command(name = "command")]
    Asked(command::Arguments),
    /// What nobody could read: reasons and places of dead letters, never their content.
    Dlq(letters::Arguments),
    /// What was decided, decision by decision, of one partition; people are masked.
    Feed(feed::Arguments),
    /// Look into the log of a data directory that no server has open.
    Log(log::Arguments),
    /// Take days as come, to try anniversaries and birthdays; not in a live tenant.
    Clock(clock::Arguments),
    /// Print the completions of a shell.
    Completions(completions::Arguments),
    /// Print every command and its arguments, or what each role may do, as Markdown.
    #[command(hide = true)]
    Reference(reference::Arguments),
}

/// Reads the command line, does what it says, and says what came of it.
pub fn main() -> ExitCode {
    let matches = Arguments::command().get_matches();
    let arguments = Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    match run(arguments.command) {
        Ok(exit) => exit.into(),
        Err(failure) => failure.tell(),
    }
}

fn run(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Demo(options) => Ok(crate::demo::run(&options).map(|()| Exit::Done)?),
        Command::Serve(arguments) => serve::run(arguments),
        Command::Verify(arguments) => verify::run(&arguments),
        Command::Ingest(arguments) => ingest::run(arguments),
        Command::Tenant(arguments) => tenant::run(arguments),
        Command::Key(arguments) => key::run(arguments),
        Command::Connection(arguments) => connection::run(arguments),
        Command::Config(arguments) => config::run(arguments),
        Command::Budget(arguments) => budget::run(arguments),
        Command::Grant(arguments) => grant::run(arguments),
        Command::Adjust(arguments) => adjust::run(arguments),
        Command::Member(arguments) => member::run(&arguments),
        Command::Catalogue(arguments) => catalogue::run(&arguments),
        Command::Quote(arguments) => catalogue::quote(&arguments),
        Command::Redeem(arguments) => redeem::run(arguments),
        Command::Redemption(arguments) => redemption::run(arguments),
        Command::Balance(arguments) => balance::run(&arguments),
        Command::Lots(arguments) => balance::lots(&arguments),
        Command::Statement(arguments) => statement::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Asked(arguments) => command::run(arguments),
        Command::Dlq(arguments) => letters::run(arguments),
        Command::Feed(arguments) => feed::run(&arguments),
        Command::Log(arguments) => log::run(arguments),
        Command::Clock(arguments) => clock::run(arguments),
        Command::Completions(arguments) => completions::run(&arguments, Arguments::command()),
        Command::Reference(arguments) => reference::run(&arguments, Arguments::command()),
    }
}
