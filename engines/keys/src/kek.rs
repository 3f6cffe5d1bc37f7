//! The key that wraps all others. It lies outside of the data: in a file, the environment, or a KMS behind [`Kek`].

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use secrecy::SecretSlice;
use secrecy::zeroize::Zeroizing;

use crate::sealing::{self, Key};

/// A key-encryption key that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum KekError {
    /// The file can't be read or written.
    #[error("could not {act} key-encryption key file {file}")]
    File {
        /// What was tried.
        act: &'static str,
        /// The file.
        file: String,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// Others than its owner may read it.
    #[error("key-encryption key file {file} has mode {mode:o}: others may read it; make it 600")]
    Exposed {
        /// The file.
        file: String,
        /// Its permissions.
        mode: u32,
    },
    /// Not 64 hexadecimal digits.
    #[error("{name} does not hold a key of 64 hexadecimal digits")]
    NotAKey {
        /// File or variable.
        name: String,
    },
    /// The variable is not set.
    #[error("environment variable {name} holds no key-encryption key")]
    NoVariable {
        /// The variable.
        name: String,
    },
    /// What was wrapped does not authenticate under this key.
    #[error("{name} does not open what was wrapped")]
    DoesNotOpen {
        /// The key's name.
        name: String,
    },
    /// A key service failed.
    #[error("key service {name} failed")]
    Service {
        /// Its name.
        name: String,
        /// The cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Wraps and unwraps tenants' keys. Called a few times at start and for each new tenant, never per value, so that a
/// remote key service fits.
pub trait Kek: Send + Sync {
    /// A name for messages; never the key.
    fn name(&self) -> String;

    /// Wraps; `context` must be given again to unwrap.
    fn wrap(&self, context: &[u8], clear: &[u8]) -> Result<Vec<u8>, KekError>;

    /// Unwraps; [`KekError::DoesNotOpen`] for another key, another context or changed bytes.
    fn unwrap(&self, context: &[u8], wrapped: &[u8]) -> Result<SecretSlice<u8>, KekError>;
}

/// A key at hand.
#[derive(Debug)]
pub struct LocalKek {
    name: String,
    key: Key,
}

impl LocalKek {
    /// Makes a new key in a new file of mode 600: 64 hexadecimal digits and a line feed; durable when it returns.
    pub fn create_file(path: &Path) -> Result<LocalKek, KekError> {
        let name = path.display().to_string();
        let failed = |source| KekError::File { act: "create", file: name.clone(), source };
        let mut bytes = Zeroizing::new([0; 32]);
        sealing::fill_random(&mut *bytes).map_err(|error| failed(io::Error::other(error)))?;
        let mut file =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
        let digits = Zeroizing::new(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
        file.write_all(digits.as_bytes()).and_then(|()| file.write_all(b"\n")).map_err(failed)?;
        file.sync_all().map_err(failed)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
        Ok(LocalKek { key: Key::new(&mut bytes), name: format!("key-encryption key file {name}") })
    }

    /// Reads the key of a file that only its owner may read.
    pub fn from_file(path: &Path) -> Result<LocalKek, KekError> {
        let name = path.display().to_string();
        let failed = |source| KekError::File { act: "read", file: name.clone(), source };
        let file = File::open(path).map_err(failed)?;
        let mode = file.metadata().map_err(failed)?.mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(KekError::Exposed { file: name, mode });
        }
        let mut digits = Zeroizing::new(String::new());
        file.take(1024).read_to_string(&mut digits).map_err(failed)?;
        LocalKek::from_digits(&digits, format!("key-encryption key file {name}"))
    }

    /// Reads the key of an environment variable.
    pub fn from_env(variable: &str) -> Result<LocalKek, KekError> {
        let digits =
            std::env::var(variable).map_err(|_| KekError::NoVariable { name: variable.to_owned() })?;
        LocalKek::from_digits(&Zeroizing::new(digits), format!("environment variable {variable}"))
    }

    fn from_digits(digits: &str, name: String) -> Result<LocalKek, KekError> {
        let digits = digits.trim_ascii();
        let mut bytes = Zeroizing::new([0_u8; 32]);
        let pairs = digits.as_bytes().chunks_exact(2);
        let well_formed = digits.len() == 64 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        for (byte, pair) in bytes.iter_mut().zip(pairs) {
            let pair = std::str::from_utf8(pair).unwrap_or_default();
            *byte = u8::from_str_radix(pair, 16).unwrap_or_default();
        }
        match well_formed {
            true => Ok(LocalKek { name, key: Key::new(&mut bytes) }),
            false => Err(KekError::NotAKey { name }),
        }
    }
}

impl Kek for LocalKek {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn wrap(&self, context: &[u8], clear: &[u8]) -> Result<Vec<u8>, KekError> {
        sealing::wrap(&self.key, context, clear)
            .map_err(|error| KekError::Service { name: self.name(), source: error.into() })
    }

    fn unwrap(&self, context: &[u8], wrapped: &[u8]) -> Result<SecretSlice<u8>, KekError> {
        sealing::unwrap(&self.key, context, wrapped)
            .ok_or_else(|| KekError::DoesNotOpen { name: self.name() })
    }
}
