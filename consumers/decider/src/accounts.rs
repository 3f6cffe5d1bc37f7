//! The state of a partition's accounts: confirmed, and the overlay of what is in flight on top of it.

use std::io::{Read, Write};
use std::sync::Arc;

use hashbrown::HashMap;
use mirabelle_domain::{Account, AccountId, AccountKey, Fact, MemberId, TenantId, Timestamp, evolve};

/// Accounts by tenant and key. A member costs a map entry of 24 bytes and one allocation besides its own state.
/// Cloning costs a reference per account, so a snapshot can be written beside the deciding thread.
#[derive(Clone, Debug, Default)]
pub struct Accounts {
    tenants: HashMap<TenantId, OfTenant>,
}

#[derive(Clone, Debug, Default)]
struct OfTenant {
    members: HashMap<MemberId, Arc<Account>>,
    others: HashMap<AccountKey, Arc<Account>>,
}

impl Accounts {
    /// The account's state, if anything was ever recorded for it.
    pub fn get(&self, id: &AccountId) -> Option<&Arc<Account>> {
        let of_tenant = self.tenants.get(&id.tenant)?;
        match &id.key {
            AccountKey::Member(member) => of_tenant.members.get(member),
            key => of_tenant.others.get(key),
        }
    }

    /// Puts a state in place of the one before.
    pub fn put(&mut self, id: &AccountId, account: Arc<Account>) {
        let of_tenant = match self.tenants.get_mut(&id.tenant) {
            Some(of_tenant) => of_tenant,
            None => self.tenants.entry(id.tenant.clone()).or_default(),
        };
        match &id.key {
            AccountKey::Member(member) => of_tenant.members.insert(*member, account),
            key => of_tenant.others.insert(key.clone(), account),
        };
    }

    /// Folds facts into an account.
    pub fn evolve(&mut self, id: &AccountId, facts: &[Fact], at: Timestamp) {
        if !facts.iter().any(moves_state) {
            return;
        }
        match self.get_mut(id) {
            // Copies the account only if a snapshot still holds it.
            Some(account) => facts.iter().for_each(|fact| evolve(Arc::make_mut(account), fact, at)),
            None => {
                let mut account = Account::empty(&id.key);
                facts.iter().for_each(|fact| evolve(&mut account, fact, at));
                self.put(id, Arc::new(account));
            }
        }
    }

    fn get_mut(&mut self, id: &AccountId) -> Option<&mut Arc<Account>> {
        let of_tenant = self.tenants.get_mut(&id.tenant)?;
        match &id.key {
            AccountKey::Member(member) => of_tenant.members.get_mut(member),
            key => of_tenant.others.get_mut(key),
        }
    }

    /// How many accounts there are.
    pub fn len(&self) -> usize {
        self.tenants.values().map(|of_tenant| of_tenant.members.len() + of_tenant.others.len()).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every account, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (AccountId, &Arc<Account>)> {
        self.tenants.iter().flat_map(|(tenant, of_tenant)| {
            let members =
                of_tenant.members.iter().map(|(member, account)| (AccountKey::Member(*member), account));
            let others = of_tenant.others.iter().map(|(key, account)| (key.clone(), account));
            members.chain(others).map(|(key, account)| (AccountId { tenant: tenant.clone(), key }, account))
        })
    }

    /// Writes every account, length-prefixed, one after the other.
    pub fn write(&self, out: &mut dyn Write) -> std::io::Result<()> {
        out.write_all(&(self.len() as u64).to_le_bytes())?;
        for (id, account) in self.iter() {
            let bytes = postcard::to_stdvec(&(&id, account.as_ref())).map_err(std::io::Error::other)?;
            write_block(out, &bytes)?;
        }
        Ok(())
    }

    /// Reads what [`Accounts::write`] wrote.
    pub fn read(input: &mut dyn Read) -> std::io::Result<Accounts> {
        let mut accounts = Accounts::default();
        let mut block = Vec::new();
        for _ in 0..read_u64(input)? {
            read_block(input, &mut block)?;
            let (id, account): (AccountId, Account) =
                postcard::from_bytes(&block).map_err(std::io::Error::other)?;
            accounts.put(&id, Arc::new(account));
        }
        Ok(accounts)
    }
}

/// Facts that record an answer and change no account.
pub(crate) fn moves_state(fact: &Fact) -> bool {
    !matches!(fact, Fact::CommandRejected(_) | Fact::CommandRepeated(_) | Fact::InputSetAside(_))
}

/// A block of a snapshot larger than this is damage, not data.
const BLOCK_BYTES_MAX: u64 = 256 << 20;

pub(crate) fn write_block(out: &mut dyn Write, bytes: &[u8]) -> std::io::Result<()> {
    out.write_all(&(bytes.len() as u64).to_le_bytes())?;
    out.write_all(bytes)
}

pub(crate) fn read_block(input: &mut dyn Read, block: &mut Vec<u8>) -> std::io::Result<()> {
    let length = read_u64(input)?;
    if length > BLOCK_BYTES_MAX {
        return Err(std::io::Error::other("a block of the snapshot is larger than any that is written"));
    }
    block.clear();
    let read = std::io::Read::take(input, length).read_to_end(block)?;
    if read as u64 == length { Ok(()) } else { Err(std::io::ErrorKind::UnexpectedEof.into()) }
}

pub(crate) fn read_u64(input: &mut dyn Read) -> std::io::Result<u64> {
    let mut bytes = [0; 8];
    input.read_exact(&mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}
