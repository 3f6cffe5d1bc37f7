//! Facts, wish, facts.

use crate::command::{
    AdoptConfiguration, CloseBudget, Command, ConfigKind, CreateTenant, DraftVersion, IssueKey,
    PublishVersion, RevokeKey, Role, SubmitVersion, TenantMode, WithdrawVersion,
};
use crate::configuration::{
    Configuration, NOTICE_MICROS, OPEN_DRAFTS_MAX, decide, decide_adoption, evolve, evolve_adoption,
};
use crate::decide::Input;
use crate::fact::{AdoptedVersion, Fact, VersionDrafted};
use crate::ids::{CommandId, Digest, MemberId, Name};
use crate::rejection::Rejection;
use crate::rules::{Adopted, VERSIONS_KEPT};
use crate::time::Timestamp;

pub(super) const NOW: Timestamp = Timestamp(1_700_000_000_000_000);
const KIND: ConfigKind = ConfigKind::Product;

/// A configuration account while it is tried out.
#[derive(Default)]
pub(super) struct Trial {
    pub(super) state: Configuration,
}

impl Trial {
    pub(super) fn with(mode: TenantMode) -> Trial {
        let mut trial = Trial::default();
        trial.by("operator", None, tenant(mode)).unwrap();
        trial
    }

    /// Decides, and folds what was decided.
    pub(super) fn by(
        &mut self,
        principal: &str,
        reason: Option<&str>,
        command: impl Into<Command>,
    ) -> Result<Vec<Fact>, Rejection> {
        let command = command.into();
        let id = CommandId([3; 16]);
        let input = Input { command: &command, id, accepted_at: NOW, local_day: None, principal, reason };
        let facts = decide(&self.state, &input)?;
        for fact in &facts {
            evolve(&mut self.state, fact, NOW);
        }
        Ok(facts)
    }

    /// Drafts and submits a version by Ann.
    fn submitted(&mut self, effective_at: Option<Timestamp>) -> u32 {
        let facts = self.by("ann", None, draft(&product(25), effective_at)).unwrap();
        let [Fact::VersionDrafted(drafted)] = &facts[..] else { panic!("{facts:?}") };
        assert_eq!(drafted.drafter, "ann");
        self.by("ann", None, submit(drafted.version)).unwrap();
        drafted.version
    }

    fn published(&mut self, effective_at: Option<Timestamp>) -> AdoptedVersion {
        let version = self.submitted(effective_at);
        let facts = self.by("bob", Some("agreed with finance"), publish(version)).unwrap();
        let [Fact::VersionPublished(published)] = &facts[..] else { panic!("{facts:?}") };
        assert_eq!((published.drafter.as_str(), published.publisher.as_str()), ("ann", "bob"));
        published.version.clone()
    }
}

fn tenant(mode: TenantMode) -> CreateTenant {
    CreateTenant {
        title: "Acme".to_owned(),
        mode,
        zone: "Europe/Berlin".to_owned(),
        currency: "EUR".to_owned(),
        locale: "de-DE".to_owned(),
    }
}

pub(super) fn name() -> Name {
    "gift-de-25".parse().unwrap()
}

pub(super) fn product(points: i64) -> String {
    format!(r#"{{"title": "Card", "points": {points}, "delivery": "immediate"}}"#)
}

pub(super) fn draft(body: &str, effective_at: Option<Timestamp>) -> DraftVersion {
    DraftVersion { kind: KIND, name: name(), body: body.to_owned(), effective_at }
}

pub(super) fn submit(version: u32) -> SubmitVersion {
    SubmitVersion { kind: KIND, name: name(), version }
}

pub(super) fn publish(version: u32) -> PublishVersion {
    PublishVersion { kind: KIND, name: name(), version }
}

pub(super) fn withdraw(version: u32) -> WithdrawVersion {
    WithdrawVersion { kind: KIND, name: name(), version }
}

fn later(micros: i64) -> Timestamp {
    Timestamp(NOW.0 + micros)
}

#[test]
fn a_tenant_is_created_once_and_in_form() {
    let wrong = [
        CreateTenant { title: " ".to_owned(), ..tenant(TenantMode::Live) },
        CreateTenant { zone: "somewhere else".to_owned(), ..tenant(TenantMode::Live) },
        CreateTenant { currency: "eur".to_owned(), ..tenant(TenantMode::Live) },
        CreateTenant { locale: "d".to_owned(), ..tenant(TenantMode::Live) },
        CreateTenant { locale: "de_DE".to_owned(), ..tenant(TenantMode::Live) },
    ];
    for (wrong, pointer) in wrong.into_iter().zip(["/title", "/zone", "/currency", "/locale", "/locale"]) {
        let refused = Trial::default().by("operator", None, wrong).unwrap_err();
        assert_eq!((refused.code(), refused.pointer().as_deref()), ("invalid", Some(pointer)));
    }
    let mut trial = Trial::with(TenantMode::Live);
    assert_eq!(trial.by("operator", None, tenant(TenantMode::Sandbox)), Err(Rejection::TenantExists));
    assert_eq!(trial.state.mode(), Some(TenantMode::Live));
}

#[test]
fn nothing_is_configured_for_a_tenant_that_was_never_created() {
    let mut trial = Trial::default();
    let commands: Vec<Command> = vec![
        draft(&product(25), None).into(),
        submit(1).into(),
        publish(1).into(),
        withdraw(1).into(),
        key("k1", vec![Role::Admin]).into(),
        RevokeKey { key_id: "k1".parse().unwrap() }.into(),
    ];
    for command in commands {
        assert_eq!(trial.by("ann", Some("why"), command), Err(Rejection::UnknownTenant));
    }
}

#[test]
fn a_draft_is_checked_and_numbered_per_name() {
    let mut trial = Trial::with(TenantMode::Live);
    let refused = trial.by("ann", None, draft(&product(0), None)).unwrap_err();
    assert_eq!((refused.code(), refused.pointer().as_deref()), ("invalid_configuration", Some("/points")));
    let kind = ConfigKind::Unknown;
    let refused = trial.by("ann", None, DraftVersion { kind, ..draft(&product(25), None) }).unwrap_err();
    assert_eq!((refused.code(), refused.pointer().as_deref()), ("invalid", Some("/kind")));
    assert_eq!(trial.submitted(None), 1);
    trial.by("ann", None, withdraw(1)).unwrap();
    assert_eq!(trial.submitted(None), 2, "a withdrawn version keeps its number");
}

#[test]
fn a_version_goes_from_draft_to_submission_to_publication_and_never_back() {
    let mut trial = Trial::with(TenantMode::Live);
    trial.by("ann", None, draft(&product(25), None)).unwrap();
    let state = |state| Err(Rejection::VersionState { state });
    assert_eq!(trial.by("bob", Some("why"), publish(1)), state("drafted"));
    assert_eq!(trial.by("bob", Some("why"), publish(2)), Err(Rejection::UnknownVersion));
    trial.by("ann", None, submit(1)).unwrap();
    assert_eq!(trial.by("ann", None, submit(1)), state("submitted"));
    trial.by("bob", Some("why"), publish(1)).unwrap();
    for command in [Command::from(submit(1)), publish(1).into(), withdraw(1).into()] {
        assert_eq!(trial.by("bob", Some("why"), command), state("published"));
    }
    trial.by("ann", None, draft(&product(26), None)).unwrap();
    trial.by("ann", None, withdraw(2)).unwrap();
    assert_eq!(trial.by("ann", None, submit(2)), state("withdrawn"));
}

#[test]
fn a_draft_that_an_earlier_build_let_pass_is_not_published() {
    let mut trial = Trial::with(TenantMode::Live);
    let body = r#"{"title":"Card","points":25,"delivery":"vendor","vendor":"sandbox"}"#;
    let refused = trial.by("ann", None, draft(body, None)).unwrap_err();
    assert_eq!((refused.code(), refused.pointer().as_deref()), ("invalid_configuration", Some("/vendor")));
    let drafted = VersionDrafted {
        kind: KIND,
        name: name(),
        version: 1,
        body: body.to_owned(),
        effective_at: None,
        drafter: "ann".to_owned(),
    };
    evolve(&mut trial.state, &drafted.into(), NOW);
    trial.by("ann", None, submit(1)).unwrap();
    let refused = trial.by("bob", Some("why"), publish(1)).unwrap_err();
    assert_eq!((refused.code(), refused.pointer().as_deref()), ("invalid_configuration", Some("/vendor")));
}

#[test]
fn whoever_drafted_a_version_does_not_publish_it_but_in_a_sandbox() {
    for (mode, own, without_reason) in [
        (TenantMode::Live, Err("own_draft"), Err("reason_required")),
        (TenantMode::Synthetic, Err("own_draft"), Err("reason_required")),
        (TenantMode::Sandbox, Ok(1), Ok(1)),
    ] {
        for (principal, reason, expected) in
            [("ann", Some("why"), own), ("bob", None, without_reason), ("bob", Some(" "), without_reason)]
        {
            let mut trial = Trial::with(mode);
            let version = trial.submitted(None);
            let outcome = trial.by(principal, reason, publish(version));
            let outcome = outcome.map(|facts| facts.len()).map_err(|rejection| rejection.code());
            assert_eq!(outcome, expected, "{mode:?} {principal}");
        }
    }
}

#[test]
fn a_version_is_in_force_after_the_notice_in_a_live_tenant_and_at_once_elsewhere() {
    let minute = later(NOTICE_MICROS);
    let tomorrow = later(86_400_000_000);
    for (mode, wanted, expected) in [
        (TenantMode::Live, None, minute),
        (TenantMode::Live, Some(later(-1)), minute),
        (TenantMode::Live, Some(later(NOTICE_MICROS - 1)), minute),
        (TenantMode::Live, Some(tomorrow), tomorrow),
        (TenantMode::Sandbox, None, NOW),
        (TenantMode::Synthetic, Some(later(-1)), NOW),
        (TenantMode::Sandbox, Some(tomorrow), tomorrow),
    ] {
        let published = Trial::with(mode).published(wanted);
        assert_eq!((published.effective_at, published.mode), (expected, mode), "{wanted:?}");
    }
}

#[test]
fn publications_are_numbered_tenant_wide_and_carry_the_text_as_drafted() {
    let mut trial = Trial::with(TenantMode::Live);
    let first = trial.published(None);
    let skipped = trial.submitted(None);
    trial.by("ann", None, withdraw(skipped)).unwrap();
    let second = trial.published(None);
    assert_eq!([first.number, second.number], [1, 2]);
    assert_eq!([first.version, second.version], [1, 3]);
    assert_eq!(second.body, product(25));
}

#[test]
fn too_many_open_drafts_of_one_name_are_refused() {
    let mut trial = Trial::with(TenantMode::Live);
    for _ in 0..OPEN_DRAFTS_MAX {
        trial.by("ann", None, draft(&product(25), None)).unwrap();
    }
    assert_eq!(trial.by("ann", None, draft(&product(25), None)).unwrap_err().code(), "invalid");
    let other = DraftVersion { name: "other".parse().unwrap(), ..draft(&product(25), None) };
    trial.by("ann", None, other).unwrap();
    trial.by("ann", None, withdraw(7)).unwrap();
    trial.by("ann", None, draft(&product(25), None)).unwrap();
}

fn key(key_id: &str, roles: Vec<Role>) -> IssueKey {
    IssueKey {
        key_id: key_id.parse().unwrap(),
        hash: Digest([9; 16]),
        client: "portal".parse().unwrap(),
        roles,
        member: None,
        connection: None,
        expires_at: None,
    }
}

#[test]
fn a_key_is_issued_once_revoked_once_and_never_again() {
    let mut trial = Trial::with(TenantMode::Live);
    let revoke = || RevokeKey { key_id: "k1".parse().unwrap() };
    assert_eq!(trial.by("ann", None, revoke()), Err(Rejection::UnknownKey));
    trial.by("ann", None, key("k1", vec![Role::Admin, Role::Publisher])).unwrap();
    assert_eq!(trial.by("ann", None, key("k1", vec![Role::Admin])), Err(Rejection::KeyExists));
    trial.by("ann", None, revoke()).unwrap();
    assert_eq!(trial.by("ann", None, revoke()), Err(Rejection::KeyRevoked));
    assert_eq!(trial.by("ann", None, key("k1", vec![Role::Admin])), Err(Rejection::KeyExists));
}

#[test]
fn a_key_out_of_form_is_refused() {
    let member = Some(MemberId([1; 16]));
    let connection = Some("workday".parse().unwrap());
    for (wrong, pointer) in [
        (key("k", vec![]), "/roles"),
        (key("k", vec![Role::Admin, Role::Admin]), "/roles"),
        (key("k", vec![Role::Unknown]), "/roles"),
        (key("k", vec![Role::Member]), "/member"),
        (IssueKey { member, ..key("k", vec![Role::Admin]) }, "/member"),
        (key("k", vec![Role::Connector]), "/connection"),
        (IssueKey { connection, ..key("k", vec![Role::Admin]) }, "/connection"),
        (IssueKey { expires_at: Some(NOW), ..key("k", vec![Role::Admin]) }, "/expires_at"),
    ] {
        let refused = Trial::with(TenantMode::Live).by("ann", None, wrong.clone()).unwrap_err();
        assert_eq!(refused.pointer().as_deref(), Some(pointer), "{wrong:?}");
    }
    let of_member = IssueKey { member, ..key("k", vec![Role::Member]) };
    Trial::with(TenantMode::Live).by("ann", None, of_member).unwrap();
}

#[test]
fn a_command_for_another_account_is_rejected_by_the_configuration() {
    let refused = Trial::with(TenantMode::Live).by("ann", None, CloseBudget {}).unwrap_err();
    assert_eq!(refused.code(), "invalid");
}

/// Decides an adoption, and folds it.
pub(super) fn adopt(state: &mut Adopted, version: AdoptedVersion) -> Result<Vec<Fact>, Rejection> {
    let command = AdoptConfiguration { version }.into();
    let id = CommandId([4; 16]);
    let principal = "courier";
    let input = Input { command: &command, id, accepted_at: NOW, local_day: None, principal, reason: None };
    let facts = decide_adoption(state, &input)?;
    for fact in &facts {
        evolve_adoption(state, fact);
    }
    Ok(facts)
}

fn version(number: u32, points: i64, effective_at: i64) -> AdoptedVersion {
    AdoptedVersion {
        number,
        kind: KIND,
        name: name(),
        version: number,
        body: product(points),
        effective_at: Timestamp(effective_at),
        mode: TenantMode::Live,
    }
}

#[test]
fn a_partition_adopts_one_publication_after_the_other() {
    let mut adopted = Adopted::default();
    let early = adopt(&mut adopted, version(2, 25, 100)).unwrap_err();
    assert_eq!(early, Rejection::NotYetAdopted { missing: 1 });
    assert!(!early.is_final(), "its turn comes again");
    adopt(&mut adopted, version(1, 24, 100)).unwrap();
    adopt(&mut adopted, version(2, 25, 100)).unwrap();
    for number in [0, 1, 2] {
        let again = adopt(&mut adopted, version(number, 99, 100)).unwrap_err();
        assert_eq!((again.code(), again.is_final()), ("invalid", true));
    }
    assert_eq!(adopted.number, 2);
}

#[test]
fn a_version_that_nobody_could_have_published_does_not_stop_a_partition() {
    let mut adopted = Adopted::default();
    let unknown = AdoptedVersion { kind: ConfigKind::Unknown, ..version(1, 5, 100) };
    for wrong in [version(1, 0, 100), unknown] {
        assert_eq!(adopt(&mut adopted, wrong).unwrap_err().code(), "invalid_configuration");
    }
    assert_eq!(adopted, Adopted::default());
}

#[test]
fn a_planned_version_comes_into_force_on_its_day_though_another_was_published_after_it() {
    let mut adopted = Adopted::default();
    for (number, points, effective_at) in [(1, 10, 100), (2, 20, 500), (3, 30, 300), (4, 40, 300)] {
        adopt(&mut adopted, version(number, points, effective_at)).unwrap();
    }
    let price = |at| adopted.at(Timestamp(at)).product(&name()).map(|product| product.body.points.get());
    assert_eq!(price(99), None);
    assert_eq!([price(100), price(299)], [Some(10); 2]);
    assert_eq!([price(300), price(499)], [Some(40); 2], "of two with one start, the later publication");
    assert_eq!([price(500), price(9_999)], [Some(20); 2]);
}

#[test]
fn memory_of_one_name_is_bounded() {
    let mut adopted = Adopted::default();
    let last = u32::try_from(VERSIONS_KEPT).unwrap() + 30;
    for number in 1..=last {
        adopt(&mut adopted, version(number, 7, 100 + i64::from(number))).unwrap();
    }
    let oldest = Timestamp(100 + 31);
    assert_eq!(adopted.at(Timestamp(oldest.0 - 1)).product(&name()), None);
    assert_eq!(adopted.at(oldest).product(&name()).unwrap().version, 31);
    let bytes = postcard::to_allocvec(&adopted).unwrap();
    assert_eq!(postcard::from_bytes::<Adopted>(&bytes).unwrap(), adopted);
}
