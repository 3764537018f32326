//! The reserved bits: room in the first byte that the RFC left for extensions (RFC 6455 §5.2).

use std::fmt;

/// RSV1, RSV2 and RSV3: bits without a meaning, unless a negotiated extension gives them one (RFC 6455
/// §5.2).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReservedBits {
    /// The second bit of a frame.
    pub rsv1: bool,
    /// The third bit.
    pub rsv2: bool,
    /// The fourth bit.
    pub rsv3: bool,
}

impl ReservedBits {
    /// No bit is set, or none was negotiated.
    pub const NONE: Self = Self {
        rsv1: false,
        rsv2: false,
        rsv3: false,
    };

    /// These bits, except for those that are also in `others`.
    #[must_use]
    pub fn without(self, others: Self) -> Self {
        Self {
            rsv1: self.rsv1 && !others.rsv1,
            rsv2: self.rsv2 && !others.rsv2,
            rsv3: self.rsv3 && !others.rsv3,
        }
    }
}

impl fmt::Display for ReservedBits {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        let names = [
            (self.rsv1, "RSV1"),
            (self.rsv2, "RSV2"),
            (self.rsv3, "RSV3"),
        ];
        let set = names
            .into_iter()
            .filter_map(|(set, name)| set.then_some(name));
        formatter.write_str(&set.collect::<Vec<_>>().join(", "))
    }
}
