//! `redeem`

use std::str::FromStr;

use clap::Args;
use serde_json::{Value as Json, json};

use super::failure::{Exit, Failure};
use super::remote::Remote;
use super::table::{Table, pairs};
use super::write::Write;
use crate::client::Call;

/// Arguments of `redeem`.
#[derive(Args)]
pub(super) struct Arguments {
    /// Whose points: a number, `id_space:number` or `m:…`; `me` with a member's own key.
    member: String,
    /// What for: the product, and how many of it.
    #[arg(required = true, value_name = "PRODUCT[=N]")]
    lines: Vec<Line>,
    /// The most that all of it may cost, points.
    #[arg(long, value_name = "POINTS")]
    points_max: Option<i64>,
    #[command(flatten)]
    write: Write,
    #[command(flatten)]
    remote: Remote,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    product: String,
    quantity: u32,
}

impl Line {
    /// As the API takes it.
    pub(super) fn body(&self) -> Json {
        json!({ "product": self.product, "quantity": self.quantity })
    }
}

impl FromStr for Line {
    type Err = String;

    fn from_str(text: &str) -> Result<Line, String> {
        let (product, quantity) = match text.split_once('=') {
            None => (text, Some(1)),
            Some((product, number)) => (product, number.parse().ok().filter(|number| *number > 0)),
        };
        match quantity {
            Some(quantity) if !product.is_empty() => Ok(Line { product: product.to_owned(), quantity }),
            _ => Err("a product, or PRODUCT=N with a whole number of at least 1".to_owned()),
        }
    }
}

pub(super) fn run(arguments: Arguments) -> Result<Exit, Failure> {
    let session = arguments.remote.session()?;
    let mut body = json!({ "lines": arguments.lines.iter().map(Line::body).collect::<Vec<_>>() });
    if arguments.member != "me" {
        body["member"] = json!(arguments.member);
    }
    if let Some(points_max) = arguments.points_max {
        body["points_max"] = json!(points_max);
    }
    arguments.write.send(&session, Call::post("/v1/redemptions", &body), redeemed)
}

fn redeemed(body: &Json) -> String {
    let balance = &body["balance"];
    let summary = pairs([
        ("redemption", &body["id"]),
        ("state", &body["state"]),
        ("points", &body["points"]),
        ("available", &balance["available"]),
        ("reserved", &balance["reserved"]),
        ("requested at", &body["requested_at"]),
    ]);
    let columns = [
        ("LINE", "line"),
        ("PRODUCT", "product"),
        ("QUANTITY", "quantity"),
        ("POINTS", "points"),
        ("STATE", "state"),
    ];
    format!("{summary}\n\n{}", Table::of(&body["lines"], &columns).text("no lines"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_product_and_at_least_one_of_it() {
        let line = |product: &str, quantity| Ok(Line { product: product.to_owned(), quantity });
        assert_eq!("gift-de-25".parse(), line("gift-de-25", 1));
        assert_eq!("gift-de-25=3".parse(), line("gift-de-25", 3));
        for wrong in ["", "=3", "a=", "a=0", "a=-1", "a=1.5", "a=1=1", "a=99999999999"] {
            assert!(wrong.parse::<Line>().is_err(), "{wrong}");
        }
    }
}
