//! Whose affairs a record concerns: the key of every record.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::ids::{MemberId, Name, NotAnId, TenantId};

/// An account within a tenant, as text `m:<32 hex>`, `b:<name>`, `c:` or `p:<number>`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AccountKey {
    /// A member and the member's wallet.
    Member(MemberId),
    /// A budget.
    Budget(Name),
    /// The tenant's configuration: tenant, keys, versions.
    Configuration,
    /// What one partition has adopted of the tenant's configuration; exempt from the bucket check.
    Partition(u16),
}

impl fmt::Display for AccountKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AccountKey::Member(member) => write!(f, "m:{member}"),
            AccountKey::Budget(name) => write!(f, "b:{name}"),
            AccountKey::Configuration => f.write_str("c:"),
            AccountKey::Partition(number) => write!(f, "p:{number}"),
        }
    }
}

impl FromStr for AccountKey {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<AccountKey, NotAnId> {
        let wrong = NotAnId { what: "account", rule: "m:<32 hex>, b:<name>, c: or p:<number>" };
        match text.split_once(':') {
            Some(("m", hex)) => Ok(AccountKey::Member(hex.parse()?)),
            Some(("b", name)) => Ok(AccountKey::Budget(name.parse()?)),
            Some(("c", "")) => Ok(AccountKey::Configuration),
            Some(("p", number)) => {
                let parsed: u16 = number.parse().map_err(|_| wrong.clone())?;
                if parsed.to_string() == number { Ok(AccountKey::Partition(parsed)) } else { Err(wrong) }
            }
            _ => Err(wrong),
        }
    }
}

impl Serialize for AccountKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for AccountKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<AccountKey, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// An account of a tenant.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AccountId {
    /// The tenant.
    pub tenant: TenantId,
    /// The account within it.
    pub key: AccountKey,
}

impl AccountId {
    /// A member's account.
    pub fn member(tenant: TenantId, member: MemberId) -> AccountId {
        AccountId { tenant, key: AccountKey::Member(member) }
    }

    /// A budget's account.
    pub fn budget(tenant: TenantId, budget: Name) -> AccountId {
        AccountId { tenant, key: AccountKey::Budget(budget) }
    }

    /// The tenant's configuration account.
    pub fn configuration(tenant: TenantId) -> AccountId {
        AccountId { tenant, key: AccountKey::Configuration }
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.tenant, self.key)
    }
}
