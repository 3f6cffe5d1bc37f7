//! mirabelle-courier
