//! What one delivery may cost.

/// Bounds of one delivery. Memory stays below `bytes` plus about 120 bytes a value plus what the items hold, which
/// is a small multiple of `bytes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the body.
    pub bytes: usize,
    /// Nesting of objects, arrays and elements; [`Limits::DEPTH_MAX`] at most, whatever stands here.
    pub depth: usize,
    /// Values of a JSON body, elements of an XML body.
    pub values: usize,
    /// Rows or items.
    pub items: usize,
    /// Bytes of one value that is used. What is not used may be longer: only `bytes` bounds it.
    pub value_bytes: usize,
}

impl Limits {
    /// No body is read deeper than this: the JSON reader calls itself once a level.
    pub const DEPTH_MAX: usize = 64;

    /// For what a system posts by itself: 4 MiB, 2,000 items.
    pub const fn push() -> Limits {
        Limits { bytes: 4 << 20, depth: 32, values: 200_000, items: 2_000, value_bytes: 1_024 }
    }

    /// For the answer to a pull, or a file: 256 MiB, 500,000 rows.
    pub const fn pull() -> Limits {
        Limits { bytes: 256 << 20, depth: 32, values: 20_000_000, items: 500_000, value_bytes: 1_024 }
    }

    pub(crate) fn depth(&self) -> usize {
        self.depth.min(Limits::DEPTH_MAX)
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits::push()
    }
}
