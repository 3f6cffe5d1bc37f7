//! The conformance suite: one function per clause of the contract of [`Keys`], run by every engine.

#![allow(clippy::unwrap_used, reason = "the suite is test code: a fault of the engine fails the clause")]

use std::sync::Arc;

use mirabelle_domain::{MemberId, Sealed, TenantId};

use crate::{ExposeSecret, Keys, KeysError};

/// What the suite needs to know of an engine.
pub trait Engine {
    /// A new key store without tenants.
    fn create(&mut self) -> Arc<dyn Keys>;

    /// Ends `keys` as by `kill -9` and opens what is left of it.
    fn reopen(&mut self, keys: Arc<dyn Keys>) -> Arc<dyn Keys>;
}

/// Makes one `#[test]` per clause of the contract. The expression gives an [`Engine`](crate::suite::Engine),
/// anew for each clause.
#[macro_export]
macro_rules! keys_suite {
    ($engine:expr) => {
        $crate::keys_suite! { @tests $engine;
            a_value_opens_as_it_was_sealed
            equal_values_seal_equally_and_only_within_one_field_member_and_tenant
            a_value_opens_for_its_own_tenant_member_and_field_alone
            any_changed_byte_is_refused
            hostile_sealed_values_are_refused
            a_member_id_is_told_by_every_part_of_it
            an_erased_member_is_never_read_again
            an_erasure_leaves_everybody_else_alone
            keys_outlive_a_crash
            a_tenant_that_was_never_created_has_no_keys
            a_large_body_is_sealed_shorter_than_it_is
            many_members_at_once_have_keys_of_their_own
        }
    };
    (@tests $engine:expr; $($clause:ident)*) => {
        $(#[test] fn $clause() { $crate::suite::$clause(&mut $engine); })*
    };
}

fn tenant(name: &str) -> TenantId {
    name.parse().unwrap()
}

fn member(number: u8) -> MemberId {
    MemberId([number; 16])
}

fn fresh(engine: &mut dyn Engine) -> Arc<dyn Keys> {
    let keys = engine.create();
    for name in ["acme", "globex"] {
        keys.create_tenant(&tenant(name)).unwrap();
    }
    keys
}

fn opened(keys: &dyn Keys, of: &str, who: u8, field: &str, sealed: &Sealed) -> Result<Vec<u8>, KeysError> {
    let clear = keys.open(&tenant(of), member(who), field, sealed)?;
    Ok(clear.expose_secret().to_vec())
}

/// Of any size, empty too, and as nothing that shows it.
pub fn a_value_opens_as_it_was_sealed(engine: &mut dyn Engine) {
    let keys = fresh(engine);
    for clear in ["", "x", "Asha Rao", &"long ".repeat(4_000)] {
        let sealed = keys.seal(&tenant("acme"), member(1), "name", clear.as_bytes()).unwrap();
        assert_eq!(opened(&*keys, "acme", 1, "name", &sealed).unwrap(), clear.as_bytes());
        let shown = clear.len() > 4 && sealed.bytes.windows(clear.len()).any(|part| part == clear.as_bytes());
        assert!(!shown, "the clear value is not in the sealed one");
        let sealed = keys.seal_for_tenant(&tenant("acme"), "raw", clear.as_bytes()).unwrap();
        let clear_again = keys.open_for_tenant(&tenant("acme"), "raw", &sealed).unwrap();
        assert_eq!(clear_again.expose_secret(), clear.as_bytes());
    }
}

/// So a repeated input has an equal digest, and nobody can tell who shares a name with whom.
pub fn equal_values_seal_equally_and_only_within_one_field_member_and_tenant(engine: &mut dyn Engine) {
    let keys = fresh(engine);
    let seal = |of: &str, who, field: &str, clear: &str| {
        keys.seal(&tenant(of), member(who), field, clear.as_bytes()).unwrap()
    };
    let first = seal("acme", 1, "name", "Asha");
    assert_eq!(first, seal("acme", 1, "name", "Asha"));
    let others = [
        seal("acme", 1, "name", "Ashb"),
        seal("acme", 1, "city", "Asha"),
        seal("acme", 2, "name", "Asha"),
        seal("globex", 1, "name", "Asha"),
        keys.seal_for_tenant(&tenant("acme"), "name", b"Asha").unwrap(),
    ];
    for other in others {
        assert_ne!(first.nonce, other.nonce);
        assert_ne!(first.bytes, other.bytes);
    }
}

/// Moved to another place, a value is refused.
pub fn a_value_opens_for_its_own_tenant_member_and_field_alone(engine: &mut dyn Engine) {
    let keys = fresh(engine);
    for (of, who) in [("acme", 1), ("acme", 2), ("globex", 1)] {
        keys.create_members(&tenant(of), &[member(who)]).unwrap();
    }
    let sealed = keys.seal(&tenant("acme"), member(1), "name", b"Asha").unwrap();
    for (of, who, field) in
        [("acme", 1, "nam"), ("acme", 1, "city"), ("acme", 2, "name"), ("globex", 1, "name")]
    {
        let refused = opened(&*keys, of, who, field, &sealed);
        assert!(matches!(refused, Err(KeysError::NotSealed { .. })), "{of} {who} {field}: {refused:?}");
    }
    let raw = keys.seal_for_tenant(&tenant("acme"), "raw", b"body").unwrap();
    for (of, field) in [("acme", "body"), ("globex", "raw")] {
        let refused = keys.open_for_tenant(&tenant(of), field, &raw);
        assert!(matches!(refused, Err(KeysError::NotSealed { .. })), "{of} {field}");
    }
    assert!(matches!(
        keys.open_for_tenant(&tenant("acme"), "name", &sealed),
        Err(KeysError::NotSealed { .. })
    ));
    let never = opened(&*keys, "acme", 9, "name", &sealed);
    assert!(matches!(never, Err(KeysError::UnknownMember { .. })), "{never:?}");
}

/// Every bit of nonce and ciphertext counts.
pub fn any_changed_byte_is_refused(engine: &mut dyn Engine) {
    let keys = fresh(engine);
    let sealed = keys.seal(&tenant("acme"), member(1), "name", b"Asha").unwrap();
    for place in 0..sealed.nonce.len() + sealed.bytes.len() {
        for bit in [1, 128] {
            let mut changed = sealed.clone();
            match place.checked_sub(sealed.nonce.len()) {
                None => changed.nonce[place] ^= bit,
                Some(place) => changed.bytes[place] ^= bit,
            }
            let refused = opened(&*keys, "acme", 1, "name", &changed);
            assert!(matches!(refused, Err(KeysError::NotSealed { .. })), "byte {place}: {refused:?}");
        }
    }
}

/// Whatever comes from outside in the shape of a sealed value is refused, never a panic.
pub fn hostile_sealed_values_are_refused(engine: &mut dyn Engine) {
    let keys = fresh(engine);
    let good = keys.seal(&tenant("acme"), member(1), "name", b"Asha").unwrap();
    let refs = ["", "m", "m2", "t1", "m1 ", "m1\u{0}", "M1", &"m1".repeat(1_000)];
    let mut hostile: Vec<Sealed> =
        refs.map(|key_ref| Sealed { key_ref: key_ref.to_owned(), ..good.clone() }).to_vec();
    hostile.extend([0, 1, 11, 13, 4_096].map(|size| Sealed { nonce: vec![7; size], ..good.clone() }));
    hostile.extend([0, 1, 15, 16, 17, 100_000].map(|size| Sealed { bytes: vec![7; size], ..good.clone() }));
    for sealed in hostile {
        let refused = opened(&*keys, "acme", 1, "name", &sealed);
        assert!(matches!(refused, Err(KeysError::NotSealed { .. })), "{refused:?}");
        let refused = keys.open_for_tenant(&tenant("acme"), "name", &sealed);
        assert!(matches!(refused, Err(KeysError::NotSealed { .. })));
    }
}

/// Two people never share an id because their parts run together.
pub fn a_member_id_is_told_by_every_part_of_it(engine: &mut dyn Engine) {
    let keys = fresh(engine);
    let parts = [
        ("acme", "workday", "31001", 0),
        ("acme", "workday", "31001", 1),
        ("acme", "darwinbox", "31001", 0),
        ("globex", "workday", "31001", 0),
        ("acme", "workday3", "1001", 0),
        ("acme", "workda", "y31001", 0),
        ("acme", "", "workday31001", 0),
        ("acme", "workday31001", "", 0),
    ];
    let id = |(of, space, external, generation): (&str, &str, &str, u32)| {
        keys.member_id(&tenant(of), space, external, generation).unwrap()
    };
    let mut ids: Vec<MemberId> = parts.into_iter().map(id).collect();
    assert_eq!(ids[0], id(parts[0]));
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), parts.len());
}

/// Not after a crash either, and nothing new is sealed.
pub fn an_erased_member_is_never_read_again(engine: &mut dyn Engine) {
    let keys = fresh(engine);
    let sealed = keys.seal(&tenant("acme"), member(1), "name", b"Asha").unwrap();
    let check = |keys: &dyn Keys| {
        assert!(matches!(opened(keys, "acme", 1, "name", &sealed), Err(KeysError::Erased)));
        let again = keys.seal(&tenant("acme"), member(1), "name", b"Asha");
        assert!(matches!(again, Err(KeysError::Erased)), "{again:?}");
        keys.create_members(&tenant("acme"), &[member(1)]).unwrap();
        assert!(matches!(opened(keys, "acme", 1, "name", &sealed), Err(KeysError::Erased)));
    };
    assert_eq!(opened(&*keys, "acme", 1, "name", &sealed).unwrap(), b"Asha");
    keys.erase(&tenant("acme"), member(1)).unwrap();
    check(&*keys);
    keys.erase(&tenant("acme"), member(1)).unwrap();
    keys.erase(&tenant("acme"), member(7)).unwrap();
    let keys = engine.reopen(keys);
    check(&*keys);
    let never = keys.seal(&tenant("acme"), member(7), "name", b"late");
    assert!(matches!(never, Err(KeysError::Erased)), "one without a key is marked too");
}

/// Same member id in another tenant, other members of the tenant, the tenant's own values.
pub fn an_erasure_leaves_everybody_else_alone(engine: &mut dyn Engine) {
    let keys = fresh(engine);
    let seal = |of: &str, who| keys.seal(&tenant(of), member(who), "name", b"Asha").unwrap();
    let (erased, other, elsewhere) = (seal("acme", 1), seal("acme", 2), seal("globex", 1));
    let raw = keys.seal_for_tenant(&tenant("acme"), "raw", b"body").unwrap();
    let id = keys.member_id(&tenant("acme"), "workday", "31001", 0).unwrap();
    keys.erase(&tenant("acme"), member(1)).unwrap();
    let keys = engine.reopen(keys);
    assert!(opened(&*keys, "acme", 1, "name", &erased).is_err());
    assert_eq!(opened(&*keys, "acme", 2, "name", &other).unwrap(), b"Asha");
    assert_eq!(opened(&*keys, "globex", 1, "name", &elsewhere).unwrap(), b"Asha");
    assert_eq!(keys.open_for_tenant(&tenant("acme"), "raw", &raw).unwrap().expose_secret(), b"body");
    assert_eq!(keys.member_id(&tenant("acme"), "workday", "31001", 0).unwrap(), id);
}

/// What was sealed before a crash is opened, and sealed to the same bytes, after it.
pub fn keys_outlive_a_crash(engine: &mut dyn Engine) {
    let mut keys = fresh(engine);
    let mut sealed = Vec::new();
    for who in 1..=5 {
        sealed.push(keys.seal(&tenant("acme"), member(who), "name", &[who; 9]).unwrap());
        keys = engine.reopen(keys);
        for (place, value) in sealed.iter().enumerate() {
            let who = place as u8 + 1;
            assert_eq!(opened(&*keys, "acme", who, "name", value).unwrap(), [who; 9]);
            assert_eq!(keys.seal(&tenant("acme"), member(who), "name", &[who; 9]).unwrap(), *value);
        }
    }
}

/// A key store that lost a tenant says so; it does not begin anew with other ids.
pub fn a_tenant_that_was_never_created_has_no_keys(engine: &mut dyn Engine) {
    let keys = fresh(engine);
    let unknown = tenant("initech");
    let sealed = keys.seal(&tenant("acme"), member(1), "name", b"Asha").unwrap();
    let answers = [
        keys.member_id(&unknown, "workday", "31001", 0).err(),
        keys.create_members(&unknown, &[member(1)]).err(),
        keys.seal(&unknown, member(1), "name", b"Asha").err(),
        keys.open(&unknown, member(1), "name", &sealed).err(),
        keys.seal_for_tenant(&unknown, "raw", b"body").err(),
        keys.open_for_tenant(&unknown, "raw", &sealed).err(),
        keys.erase(&unknown, member(1)).err(),
    ];
    for answer in answers {
        assert!(
            matches!(&answer, Some(KeysError::UnknownTenant { tenant }) if *tenant == unknown),
            "{answer:?}"
        );
    }
    let id = keys.member_id(&tenant("acme"), "workday", "31001", 0).unwrap();
    keys.create_tenant(&tenant("acme")).unwrap();
    assert_eq!(
        keys.member_id(&tenant("acme"), "workday", "31001", 0).unwrap(),
        id,
        "created twice is created once"
    );
}

/// Dead letters hold whole deliveries.
pub fn a_large_body_is_sealed_shorter_than_it_is(engine: &mut dyn Engine) {
    let keys = fresh(engine);
    let body = "<worker><name>Asha</name></worker>".repeat(2_000);
    let sealed = keys.seal_for_tenant(&tenant("acme"), "raw", body.as_bytes()).unwrap();
    assert!(sealed.bytes.len() < body.len() / 20, "{} of {} bytes", sealed.bytes.len(), body.len());
    let clear = keys.open_for_tenant(&tenant("acme"), "raw", &sealed).unwrap();
    assert_eq!(clear.expose_secret(), body.as_bytes());
}

/// Also those named twice, and those that had keys before.
pub fn many_members_at_once_have_keys_of_their_own(engine: &mut dyn Engine) {
    let keys = fresh(engine);
    let id = |number: u32| {
        MemberId(u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060).to_be_bytes())
    };
    let before = keys.seal(&tenant("acme"), id(17), "name", b"before").unwrap();
    let members: Vec<MemberId> = (0..3_000).chain(0..10).map(id).collect();
    keys.create_members(&tenant("acme"), &members).unwrap();
    let keys = engine.reopen(keys);
    assert_eq!(keys.seal(&tenant("acme"), id(17), "name", b"before").unwrap(), before);
    let mut sealed: Vec<Vec<u8>> = (0..3_000)
        .map(|number| keys.seal(&tenant("acme"), id(number), "name", b"x").unwrap().bytes)
        .collect();
    sealed.sort_unstable();
    sealed.dedup();
    assert_eq!(sealed.len(), 3_000);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryKeys;

    struct InMemory;

    impl Engine for InMemory {
        fn create(&mut self) -> Arc<dyn Keys> {
            Arc::new(MemoryKeys::new(41))
        }

        fn reopen(&mut self, keys: Arc<dyn Keys>) -> Arc<dyn Keys> {
            keys
        }
    }

    crate::keys_suite!(InMemory);
}
