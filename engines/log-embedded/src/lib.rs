//! mirabelle-log-embedded
