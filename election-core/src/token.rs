//! Fencing tokens.

use std::{fmt, num::NonZeroU64};

/// A number that rises with every term of an election.
///
/// Hand it to the resource the leader writes to, and let the resource refuse anything smaller than
/// the largest it has seen (see [`Fence`](crate::Fence)): that is the only defence against a
/// deposed leader that was frozen and does not know it yet. Tokens of different elections are not
/// comparable.
///
/// Never zero and never above 2^53 − 1, so that it survives JSON, Lua and JavaScript unharmed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FencingToken(NonZeroU64);

impl FencingToken {
    /// The first token of an election that never had one.
    pub const FIRST: Self = Self(NonZeroU64::MIN);

    /// The largest token, 2^53 − 1.
    pub const MAX: u64 = (1 << 53) - 1;

    /// The token with this number, if it is in 1 ..= [`FencingToken::MAX`].
    #[must_use]
    pub fn new(number: u64) -> Option<Self> {
        NonZeroU64::new(number)
            .filter(|n| n.get() <= Self::MAX)
            .map(Self)
    }

    /// The number.
    #[must_use]
    pub const fn as_u64(self) -> u64 {
        self.0.get()
    }

    /// The next token, or `None` after the last: tokens never wrap.
    #[must_use]
    pub fn next(self) -> Option<Self> {
        Self::new(self.as_u64() + 1)
    }
}

impl fmt::Display for FencingToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for FencingToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FencingToken({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_never_zero_and_never_wraps() {
        assert_eq!(FencingToken::new(0), None);
        assert_eq!(FencingToken::new(FencingToken::MAX + 1), None);
        assert_eq!(
            FencingToken::new(FencingToken::MAX).and_then(FencingToken::next),
            None
        );
        assert_eq!(
            FencingToken::FIRST.next().map(FencingToken::as_u64),
            Some(2)
        );
    }
}
