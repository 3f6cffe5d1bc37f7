//! mirabelle-fulfiller
