//! mirabelle-store
