//! Ranges and shapes of configuration. Time zones are checked by their shape alone: which zones exist is data that
//! changes, and a decision must come out the same next year.

use std::collections::BTreeSet;

use super::{Campaign, Condition, Connection, Flaw, Payout, Product, Test};
use crate::command::TenantMode;
use crate::fact::Delivery;
use crate::ids::Name;
use crate::points::Points;
use crate::worker::MilestoneKind;

/// Longest span of days anywhere: a hundred years.
pub(crate) const DAYS_MAX: u32 = 36_500;
/// Most conditions of a campaign.
const CONDITIONS_MAX: usize = 20;
/// Most values of a list.
const VALUES_MAX: usize = 1_000;
/// The vendor that is built in: the only one that tenants without real people reach. Its codes buy nothing, so that
/// nobody may pay for them with points that are worth something.
const SANDBOX_VENDOR: &str = "sandbox";
/// The vendors that live tenants reach. None is built yet.
const LIVE_VENDORS: [&str; 0] = [];

/// A campaign.
pub(super) fn campaign(campaign: &Campaign) -> Result<(), Flaw> {
    title("/title", &campaign.title)?;
    if campaign.conditions.len() > CONDITIONS_MAX {
        return Err(Flaw::new("/conditions", format!("at most {CONDITIONS_MAX} conditions")));
    }
    for (index, condition) in campaign.conditions.iter().enumerate() {
        self::condition(&format!("/conditions/{index}"), condition)?;
    }
    if campaign.milestone == MilestoneKind::Other && campaign.conditions.is_empty() {
        let detail =
            "`other` holds every kind without a name of its own: add a condition that says which is meant";
        return Err(Flaw::new("/milestone", detail));
    }
    let (pointer, points) = match campaign.points {
        Payout::Fixed(points) => ("/points/fixed", points),
        Payout::PerYear(points) => ("/points/per_year", points),
    };
    above_zero(pointer, points)?;
    if campaign.ends_on.is_some_and(|ends_on| ends_on < campaign.starts_on) {
        return Err(Flaw::new("/ends_on", "the last day lies before the first: `starts_on` is later"));
    }
    days("/look_back_days", campaign.look_back_days)?;
    days("/vests_after_days", campaign.vests_after_days)?;
    if let Some(expires_after_days) = campaign.expires_after_days {
        days("/expires_after_days", expires_after_days)?;
        if expires_after_days <= campaign.vests_after_days {
            let detail = "points would expire before they can be spent: more days than `vests_after_days`";
            return Err(Flaw::new("/expires_after_days", detail));
        }
    }
    if let Some(ceiling) = campaign.daily_ceiling {
        above_zero("/daily_ceiling", ceiling)?;
        if points > ceiling {
            let detail =
                "one award exceeds the ceiling, so that every award would wait for a person: raise it";
            return Err(Flaw::new("/daily_ceiling", detail));
        }
    }
    Ok(())
}

/// One condition of a campaign.
fn condition(at: &str, condition: &Condition) -> Result<(), Flaw> {
    let field = condition.field.as_str();
    let attribute = field.strip_prefix("attributes.");
    let text =
        matches!(field, "department" | "cost_centre" | "worker_type" | "company" | "country" | "location");
    let known = text
        || field == "years"
        || attribute.is_some_and(|name| (1..=64).contains(&name.len()) && !name.contains(char::is_control));
    if !known {
        let detail = "no such field: years, department, cost_centre, worker_type, company, country, location or \
                      attributes.<name>";
        return Err(Flaw::new(format!("{at}/field"), detail));
    }
    match &condition.test {
        Test::AnyOf(values) => self::values(&format!("{at}/any_of"), field, values),
        Test::NoneOf(values) => self::values(&format!("{at}/none_of"), field, values),
        Test::AtLeast(_) | Test::AtMost(_) | Test::MultipleOf(_) if text => {
            let detail = format!("`{field}` is text, not a number: use any_of or none_of");
            Err(Flaw::new(at, detail))
        }
        Test::MultipleOf(divisor) if *divisor < 1 => {
            Err(Flaw::new(format!("{at}/multiple_of"), "a number from 1"))
        }
        Test::AtLeast(_) | Test::AtMost(_) | Test::MultipleOf(_) => Ok(()),
    }
}

/// The values of `any_of` and `none_of`.
fn values(at: &str, field: &str, values: &[String]) -> Result<(), Flaw> {
    if values.is_empty() || values.len() > VALUES_MAX {
        return Err(Flaw::new(at, format!("1 to {VALUES_MAX} values")));
    }
    for (index, value) in values.iter().enumerate() {
        let at = format!("{at}/{index}");
        if value.is_empty() || value.len() > 256 || value.contains(char::is_control) {
            return Err(Flaw::new(at, "1 to 256 bytes of text without control characters"));
        }
        match field {
            "country" => country(&at, value)?,
            "years" if value.parse::<u32>().map(|years| years.to_string()).as_ref() != Ok(value) => {
                return Err(Flaw::new(at, "a whole number of years, as text"));
            }
            _ => {}
        }
    }
    Ok(())
}

/// A catalogue item.
pub(super) fn product(product: &Product, mode: TenantMode) -> Result<(), Flaw> {
    title("/title", &product.title)?;
    above_zero("/points", product.points)?;
    if product.countries.len() > VALUES_MAX {
        return Err(Flaw::new("/countries", format!("at most {VALUES_MAX} countries")));
    }
    let mut seen = BTreeSet::new();
    for (index, value) in product.countries.iter().enumerate() {
        let at = format!("/countries/{index}");
        country(&at, value)?;
        if !seen.insert(value) {
            return Err(Flaw::new(at, "this country is given twice"));
        }
    }
    if let Some(vendor_product) = &product.vendor_product
        && (vendor_product.is_empty()
            || vendor_product.len() > 256
            || vendor_product.contains(char::is_control))
    {
        return Err(Flaw::new("/vendor_product", "1 to 256 bytes of text without control characters"));
    }
    match (product.delivery, &product.vendor) {
        (Delivery::Vendor, None) => {
            Err(Flaw::new("/vendor", "delivery by `vendor` needs the name of the vendor"))
        }
        (Delivery::Vendor, Some(vendor)) if reaches_vendor(mode, vendor) => Ok(()),
        (Delivery::Vendor, Some(_)) if mode == TenantMode::Live => Err(Flaw::new("/vendor", LIVE_ADVICE)),
        (Delivery::Vendor, Some(_)) => {
            Err(Flaw::new("/vendor", "a tenant that is not live reaches the vendor `sandbox` alone"))
        }
        (Delivery::Immediate, Some(_)) => {
            Err(Flaw::new("/vendor", "what is delivered at once has no vendor: leave it out"))
        }
        (Delivery::Immediate, None) if product.vendor_product.is_some() => {
            Err(Flaw::new("/vendor_product", "what is delivered at once has no vendor: leave it out"))
        }
        (Delivery::Immediate, None) => Ok(()),
    }
}

/// What a live tenant can do instead.
const LIVE_ADVICE: &str = "a live tenant reaches no vendor yet, and the vendor `sandbox` makes codes that buy nothing: \
                           offer what is delivered `immediate`, or try vendors out in a sandbox tenant";

/// Whether lines of this vendor are ever delivered to members of a tenant of this mode.
pub fn reaches_vendor(mode: TenantMode, vendor: &Name) -> bool {
    match mode {
        TenantMode::Live => LIVE_VENDORS.contains(&vendor.as_str()),
        TenantMode::Sandbox | TenantMode::Synthetic => vendor.as_str() == SANDBOX_VENDOR,
    }
}

/// A connection.
pub(super) fn connection(connection: &Connection) -> Result<(), Flaw> {
    if connection.mapping.as_ref().is_some_and(|mapping| !mapping.is_object()) {
        return Err(Flaw::new("/mapping", "a mapping is a JSON object"));
    }
    if connection.location_zones.len() > VALUES_MAX {
        return Err(Flaw::new("/location_zones", format!("at most {VALUES_MAX} locations")));
    }
    for (location, value) in &connection.location_zones {
        let at = format!("/location_zones/{}", location.replace('~', "~0").replace('/', "~1"));
        if location.is_empty() || location.len() > 256 {
            return Err(Flaw::new(at, "a location's name has 1 to 256 bytes"));
        }
        if !is_zone(value) {
            return Err(Flaw::new(at, "an IANA time zone such as Europe/Berlin"));
        }
    }
    Ok(())
}

/// Whether this has the shape of an IANA time zone's name.
pub(crate) fn is_zone(text: &str) -> bool {
    let part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic())
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'+'))
    };
    (2..=64).contains(&text.len()) && text.split('/').count() <= 3 && text.split('/').all(part)
}

/// Text for people: 1 to 200 characters without control characters.
pub(crate) fn is_title(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().count() <= 200 && !text.contains(char::is_control)
}

fn title(at: &str, text: &str) -> Result<(), Flaw> {
    if is_title(text) { Ok(()) } else { Err(Flaw::new(at, "1 to 200 characters without control characters")) }
}

fn above_zero(at: &str, points: Points) -> Result<(), Flaw> {
    if points.is_zero() { Err(Flaw::new(at, "more than 0 points")) } else { Ok(()) }
}

fn days(at: &str, days: u32) -> Result<(), Flaw> {
    if days > DAYS_MAX { Err(Flaw::new(at, format!("0 to {DAYS_MAX} days"))) } else { Ok(()) }
}

fn country(at: &str, code: &str) -> Result<(), Flaw> {
    if code.len() == 2 && code.bytes().all(|b| b.is_ascii_uppercase()) {
        Ok(())
    } else {
        Err(Flaw::new(at, "a country is two capital letters (ISO 3166-1 alpha-2), such as DE"))
    }
}
