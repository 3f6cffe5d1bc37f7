//! mirabelle-keys
