//! A body as the adapters read it.

use mirabelle_hris::{Asked, Malformed, Profile, Report};

use super::limits;
use super::outcome::Delivery;
use crate::routes::day_in;
use crate::state::State;

/// A body as it was read; what can't be read is no error but a dead letter.
pub(super) enum Body {
    Read(mirabelle_hris::Delivery),
    Unreadable(Malformed),
    /// The connection's mapping can't be used.
    NoProfile,
}

impl Body {
    pub(super) fn of(state: &State, delivery: &Delivery, profile: Option<&Profile>, body: &[u8]) -> Body {
        let limits = limits(state.options.hris_body_max);
        let Some(profile) = profile else { return Body::NoProfile };
        let tenant = state.directory.tenant(&delivery.tenant);
        let asked = Asked {
            variant: delivery.variant.as_deref(),
            dataset: delivery.dataset.as_deref(),
            today: day_in([tenant.as_ref().map(|tenant| tenant.zone.as_str())], delivery.now),
        };
        match mirabelle_hris::read_as(profile, &asked, delivery.content_type.as_deref(), body, &limits) {
            Ok(read) => Body::Read(read),
            Err(fault) => Body::Unreadable(fault),
        }
    }

    /// Whether [`super::plan::plan`] looks at no more than a row of each person: no keys are made, no letters are sealed.
    pub(super) fn is_light(&self) -> bool {
        let light = |item: &mirabelle_hris::Item| {
            item.source_id.is_some() && matches!(item.outcome, Ok(Report::Milestone(_)))
        };
        matches!(self, Body::Read(read) if read.items.len() <= LIGHT_ITEMS && read.items.iter().all(light))
    }
}

/// Most people of a delivery that is prepared without a thread of its own.
const LIGHT_ITEMS: usize = 4;
