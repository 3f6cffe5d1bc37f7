//! mirabelle-projector
