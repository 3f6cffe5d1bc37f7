//! What the member promises.
