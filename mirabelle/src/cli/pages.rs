//! Long lists: pages are followed until the list ends or enough was shown.

use clap::Args;
use serde_json::{Value as Json, json};

use super::failure::Failure;
use super::output::{print, tell_error};
use super::remote::Session;
use crate::client::Call;

/// Most elements of one page of the API.
const PAGE_MAX: usize = 1_000;

/// How much of a list is shown.
#[derive(Args, Clone, Debug)]
pub(super) struct Limit {
    /// The most that is shown; the pages of the API are followed up to it.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = at_least_one)]
    pub(super) limit: usize,
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("a whole number, at least 1".to_owned()),
        Ok(number) => Ok(number),
    }
}

impl Session {
    /// Reads a list named `list` and shows it: one JSON object with all of it, or what `text` makes of that.
    pub(super) fn list(
        &self,
        call: &Call,
        list: &str,
        limit: &Limit,
        text: impl FnOnce(&Json) -> String,
    ) -> Result<(), Failure> {
        let whole = self.pages(call, list, limit.limit)?;
        if self.json {
            print(&whole.to_string());
            return Ok(());
        }
        print(&text(&whole));
        if whole["next"].is_string() {
            tell_error(&format!("There is more: --limit {} shows more.", limit.limit.saturating_mul(10)));
        }
        Ok(())
    }

    /// The first page with the elements of those that follow, at most `limit`; `next` where the list goes on.
    pub(super) fn pages(&self, call: &Call, list: &str, limit: usize) -> Result<Json, Failure> {
        let mut whole: Option<Json> = None;
        let mut elements: Vec<Json> = Vec::new();
        let mut next: Option<String> = None;
        loop {
            let page = (limit - elements.len()).min(PAGE_MAX);
            let call = call.clone().query("limit", page.to_string()).query_option("cursor", next);
            let mut body = self.body(&self.send(call)?)?;
            if let Some(Json::Array(found)) = body.get_mut(list).map(Json::take) {
                elements.extend(found);
            }
            // A list of places in a log says its next place always, and whether there is something.
            let more = body["more"].as_bool().unwrap_or(true);
            next = body["next"].as_str().filter(|_| more).map(str::to_owned);
            let whole = whole.get_or_insert(body);
            if next.is_none() || elements.len() >= limit {
                let mut whole = whole.take();
                whole[list] = Json::Array(elements);
                whole["next"] = json!(next);
                if let Some(object) = whole.as_object_mut() {
                    object.retain(|name, value| name != "more" && !value.is_null());
                }
                return Ok(whole);
            }
        }
    }
}
