//! What only the embedded key store promises.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;

use super::*;
use crate::LocalKek;
use crate::suite::Engine;

struct Files {
    directory: TempDir,
    keys: Option<Arc<EmbeddedKeys>>,
}

impl Files {
    fn new() -> Files {
        let directory = TempDir::new().unwrap();
        LocalKek::create_file(&directory.path().join("kek")).unwrap();
        Files { directory, keys: None }
    }

    fn open_with(&self, options: Options) -> Result<EmbeddedKeys, KeysError> {
        let kek = LocalKek::from_file(&self.directory.path().join("kek")).unwrap();
        EmbeddedKeys::open(&self.directory.path().join("keys"), Box::new(kek), options)
    }

    fn open(&self) -> EmbeddedKeys {
        self.open_with(Options::default()).unwrap()
    }

    fn material(&self) -> PathBuf {
        self.directory.path().join("keys/keys.material")
    }
}

impl Engine for Files {
    fn create(&mut self) -> Arc<dyn Keys> {
        let keys = Arc::new(self.open());
        self.keys = Some(keys.clone());
        keys
    }

    fn reopen(&mut self, keys: Arc<dyn Keys>) -> Arc<dyn Keys> {
        drop(keys);
        // The files as they are while the store is open are what a kill would leave.
        let copy = self.directory.path().join("copy");
        fs::create_dir(&copy).unwrap();
        for file in ["keys.redb", "keys.material"] {
            fs::copy(self.directory.path().join("keys").join(file), copy.join(file)).unwrap();
        }
        drop(self.keys.take());
        fs::remove_dir_all(self.directory.path().join("keys")).unwrap();
        fs::rename(copy, self.directory.path().join("keys")).unwrap();
        self.create()
    }
}

crate::keys_suite!(Files::new());

fn acme() -> TenantId {
    "acme".parse().unwrap()
}

fn member(number: u8) -> MemberId {
    MemberId([number; 16])
}

fn has(path: &Path, needle: &[u8]) -> bool {
    fs::read(path).unwrap().windows(needle.len()).any(|part| part == needle)
}

#[test]
fn an_erased_key_lies_nowhere_in_the_files() {
    let files = Files::new();
    let keys = files.open();
    keys.create_tenant(&acme()).unwrap();
    keys.create_members(&acme(), &[member(1), member(2)]).unwrap();
    let wrapped = fs::read(files.material()).unwrap();
    let (first, second) = (wrapped[..60].to_vec(), wrapped[64..124].to_vec());
    keys.erase(&acme(), member(1)).unwrap();
    drop(keys);
    for file in ["keys/keys.redb", "keys/keys.material"] {
        assert!(!has(&files.directory.path().join(file), &first), "the erased key is in {file}");
    }
    assert!(has(&files.material(), &second));
}

#[test]
fn an_erasure_that_a_crash_cut_short_has_still_erased() {
    let files = Files::new();
    let keys = files.open();
    keys.create_tenant(&acme()).unwrap();
    let sealed = keys.seal(&acme(), member(1), "name", b"Asha").unwrap();
    // As far as an erasure comes before it is recorded.
    keys.slots.erase(0).unwrap();
    drop(keys);
    let keys = files.open();
    let opened = keys.open(&acme(), member(1), "name", &sealed);
    assert!(matches!(opened, Err(KeysError::Erased)), "{opened:?}");
    assert!(matches!(keys.seal(&acme(), member(1), "name", b"Asha"), Err(KeysError::Erased)));
}

#[test]
fn a_key_store_in_use_is_refused() {
    let files = Files::new();
    let _open = files.open();
    assert!(matches!(files.open_with(Options::default()), Err(KeysError::InUse { .. })));
}

#[test]
fn another_key_encryption_key_is_refused_by_name() {
    let files = Files::new();
    files.open().create_tenant(&acme()).unwrap();
    let kek = files.directory.path().join("kek");
    fs::remove_file(&kek).unwrap();
    LocalKek::create_file(&kek).unwrap();
    let refused = files.open_with(Options::default());
    let Err(KeysError::WrongKek { kek: named, .. }) = refused else { panic!("{refused:?}") };
    assert!(named.contains(kek.to_str().unwrap()));
}

#[test]
fn a_newer_key_store_is_refused() {
    let files = Files::new();
    let keys = files.open();
    let writing = keys.write().unwrap();
    writing.open_table(META).unwrap().insert(FORMAT, FORMAT_KNOWN + 1).unwrap();
    writing.commit().unwrap();
    drop(keys);
    let refused = files.open_with(Options::default());
    assert!(matches!(refused, Err(KeysError::NewerFormat { found: 2, known: 1, .. })), "{refused:?}");
}

#[test]
fn a_flipped_bit_in_a_members_key_is_damage_not_another_key() {
    let files = Files::new();
    let keys = files.open();
    keys.create_tenant(&acme()).unwrap();
    let sealed = keys.seal(&acme(), member(1), "name", b"Asha").unwrap();
    drop(keys);
    let good = fs::read(files.material()).unwrap();
    for place in 0..60 {
        let mut bad = good.clone();
        bad[place] ^= 4;
        fs::write(files.material(), bad).unwrap();
        let opened = files.open().open(&acme(), member(1), "name", &sealed);
        assert!(matches!(opened, Err(KeysError::Corrupt { .. })), "byte {place}: {opened:?}");
    }
    fs::write(files.material(), &good[..40]).unwrap();
    let opened = files.open().open(&acme(), member(1), "name", &sealed);
    assert!(matches!(opened, Err(KeysError::Corrupt { .. })), "cut short: {opened:?}");
}

#[test]
fn the_cache_of_keys_is_bounded() {
    let files = Files::new();
    let keys = files.open_with(Options { cached_keys_max: 10 }).unwrap();
    keys.create_tenant(&acme()).unwrap();
    for round in 0..2 {
        for number in 0..100 {
            let sealed = keys.seal(&acme(), member(number), "name", &[round]).unwrap();
            assert_eq!(keys.open(&acme(), member(number), "name", &sealed).unwrap().expose_secret(), [round]);
            assert!(keys.cache.len() <= 10);
        }
    }
}

#[test]
fn no_key_is_seen_in_debug() {
    let files = Files::new();
    let digits = fs::read_to_string(files.directory.path().join("kek")).unwrap();
    let kek = LocalKek::from_file(&files.directory.path().join("kek")).unwrap();
    assert!(!format!("{kek:?}").contains(&digits[..8]));
    assert!(format!("{kek:?}").contains("Key(…)"));
    let keys = files.open();
    keys.create_tenant(&acme()).unwrap();
    let shown = format!("{keys:?} {:?}", keys.tenant(&acme()).unwrap());
    assert!(shown.contains("id: Key(…), data: Key(…), wrapping: Key(…)"), "{shown}");
    let sealed = keys.seal(&acme(), member(1), "name", b"Asha Rao").unwrap();
    let opened = keys.open(&acme(), member(1), "name", &sealed).unwrap();
    assert!(!format!("{opened:?}").contains("Asha"));
}

#[test]
fn a_key_file_that_others_may_read_is_refused() {
    let files = Files::new();
    let kek = files.directory.path().join("kek");
    assert_eq!(fs::metadata(&kek).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(
        matches!(LocalKek::create_file(&kek), Err(KekError::File { act: "create", .. })),
        "never overwritten"
    );
    fs::set_permissions(&kek, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(LocalKek::from_file(&kek), Err(KekError::Exposed { mode: 0o640, .. })));
    fs::set_permissions(&kek, fs::Permissions::from_mode(0o600)).unwrap();
    for digits in ["", "00", &"0".repeat(63), &"0".repeat(65), &"g".repeat(64), &"é".repeat(32)] {
        fs::write(&kek, digits).unwrap();
        assert!(matches!(LocalKek::from_file(&kek), Err(KekError::NotAKey { .. })), "{digits}");
    }
    assert!(matches!(LocalKek::from_env("MIRABELLE_NO_SUCH_VARIABLE"), Err(KekError::NoVariable { .. })));
}
