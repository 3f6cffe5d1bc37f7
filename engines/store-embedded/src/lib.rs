//! mirabelle-store-embedded
