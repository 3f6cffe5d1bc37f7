//! mirabelle-hris
