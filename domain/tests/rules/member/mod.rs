//! The member with the wallet.

mod campaigns;
mod fulfilment;
mod grants;
mod milestones;
mod properties;
mod redemptions;
mod scene;
mod sums;
mod wallet;
mod workers;
