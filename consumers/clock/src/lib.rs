//! mirabelle-clock
