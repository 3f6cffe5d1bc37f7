//! mirabelle-gateway
