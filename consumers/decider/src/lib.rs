//! mirabelle-decider
