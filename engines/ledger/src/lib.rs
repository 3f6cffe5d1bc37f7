//! mirabelle-ledger
