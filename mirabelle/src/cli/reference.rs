//! `reference`: docs/cli.md, from the commands themselves; docs/roles.md, from the API's routes.

use clap::{Arg, Args, Command, ValueEnum};
use mirabelle_domain::command::Role;
use mirabelle_gateway::routes::table::{self, Route};

use super::failure::{Exit, Failure};
use super::output::print;

const HEAD: &str = "# The command line\n\n\
This page is made by `mirabelle reference > docs/cli.md`; a test fails when it is stale.\n";

/// Arguments of `reference`.
#[derive(Args)]
pub(super) struct Arguments {
    /// Which page.
    #[arg(value_enum, default_value_t = Page::Cli)]
    page: Page,
}

#[derive(Clone, Copy, ValueEnum)]
enum Page {
    /// docs/cli.md.
    Cli,
    /// docs/roles.md.
    Roles,
}

const ROLES_HEAD: &str = "# What each role may do\n\n\
This page is made by `mirabelle reference roles > docs/roles.md`; a test fails when it is stale.\n\n\
A key has one role or several; `mirabelle key issue NAME --role ROLE` makes one. It opens its own tenant alone, but for \
an operator's key, which names a tenant with `?tenant=`. Further rules hold behind the table: an operator configures \
connections and nothing else of a tenant; a live tenant's version is published by a publisher who did not draft it; a \
member's key opens that member's own account; a connector's key delivers to its own connection; an analyst, an auditor \
and an operator see no names and numbers of people; nothing asks for the role approver yet, so that no key of it is issued.\n";

/// The columns: the roles that are handed out.
const ROLES: [Role; 8] = [
    Role::Operator,
    Role::Admin,
    Role::Publisher,
    Role::Service,
    Role::Member,
    Role::Analyst,
    Role::Auditor,
    Role::Connector,
];

/// A table of routes and roles. Routes that are open to everybody are no matter of roles.
fn roles() -> String {
    let name = |role: &Role| serde_json::to_value(role).ok().and_then(|name| Some(name.as_str()?.to_owned()));
    let heads: Vec<String> = ROLES.iter().filter_map(name).collect();
    let mut page = format!("{ROLES_HEAD}\n| route | does | {} |\n", heads.join(" | "));
    page.push_str(&format!("|---|---|{}\n", "---|".repeat(ROLES.len())));
    let mut routes: Vec<&Route> = table::all().filter(|route| !route.roles.is_empty()).collect();
    routes.sort_by_key(|route| (route.path, route.verb));
    for route in routes {
        let may = ROLES.iter().map(|role| if route.roles.contains(role) { " yes |" } else { " |" });
        let (verb, path, summary) = (route.verb.name(), route.path, route.summary.replace('|', "\\|"));
        page.push_str(&format!("| `{verb} {path}` | {summary} |{}\n", may.collect::<String>()));
    }
    page
}

pub(super) fn run(arguments: &Arguments, mut command: Command) -> Result<Exit, Failure> {
    if matches!(arguments.page, Page::Roles) {
        print(&roles());
        return Ok(Exit::Done);
    }
    command.build();
    let mut page = HEAD.to_owned();
    describe(&command, &mut Vec::new(), &mut page);
    print(&page);
    Ok(Exit::Done)
}

/// A command with its arguments, and those below it.
fn describe(command: &Command, above: &mut Vec<String>, page: &mut String) {
    above.push(command.get_name().to_owned());
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    page.push_str(&format!(
        "\n{} `{}`\n\n{}\n",
        "#".repeat((above.len() + 1).min(4)),
        above.join(" "),
        line(&about)
    ));
    if let Some(after) = command.get_after_help() {
        page.push_str(&format!("\n{}\n", line(&after.to_string())));
    }
    let usage = command.clone().render_usage().to_string();
    page.push_str(&format!("\n```text\n{}\n```\n", usage.trim_start_matches("Usage: ").trim()));
    let arguments: Vec<&Arg> = command.get_arguments().filter(|argument| is_told(argument)).collect();
    if !arguments.is_empty() {
        page.push_str("\n| argument | |\n|---|---|\n");
        for argument in arguments {
            page.push_str(&format!("| `{}` | {} |\n", form(argument).replace('|', "\\|"), meaning(argument)));
        }
    }
    for below in command.get_subcommands().filter(|below| !below.is_hide_set() && below.get_name() != "help")
    {
        describe(below, above, page);
    }
    above.pop();
}

fn is_told(argument: &Arg) -> bool {
    !argument.is_hide_set() && !matches!(argument.get_id().as_str(), "help" | "version")
}

/// As it is written.
fn form(argument: &Arg) -> String {
    let names = argument.get_value_names().unwrap_or_default();
    let value = names.iter().map(|name| name.to_string()).collect::<Vec<_>>().join(" ");
    match argument.get_long() {
        Some(long) if argument.get_action().takes_values() => format!("--{long} {value}"),
        Some(long) => format!("--{long}"),
        None => value,
    }
}

/// What it is, with its default, its choices and its variable.
fn meaning(argument: &Arg) -> String {
    let mut text = line(&argument.get_help().map(ToString::to_string).unwrap_or_default());
    let choices: Vec<String> =
        argument.get_possible_values().iter().map(|value| format!("`{}`", value.get_name())).collect();
    if !choices.is_empty() && argument.get_action().takes_values() {
        text.push_str(&format!(" One of {}.", choices.join(", ")));
    }
    let defaults: Vec<String> =
        argument.get_default_values().iter().map(|value| format!("`{}`", value.to_string_lossy())).collect();
    if !defaults.is_empty() && argument.get_action().takes_values() {
        text.push_str(&format!(" Default {}.", defaults.join(", ")));
    }
    if let Some(variable) = argument.get_env() {
        text.push_str(&format!(" Variable `{}`.", variable.to_string_lossy()));
    }
    text.replace('|', "\\|")
}

/// Help on one line, as a sentence.
fn line(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.is_empty() || text.ends_with(['.', ':']) { text } else { text + "." }
}
