//! Chance that can be repeated.

use std::time::Duration;

/// SplitMix64: small, and as good as a workload needs.
#[derive(Clone, Debug)]
pub(super) struct Chance(u64);

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

impl Chance {
    /// The `stream`-th source of a seed. Different streams of a seed are independent.
    pub(super) fn new(seed: u64, stream: u64) -> Self {
        let mut chance = Self(seed);
        let start = chance.next();
        Self(start ^ stream.wrapping_mul(STEP).rotate_left(32))
    }

    /// A source of its own, which goes on independently.
    pub(super) fn fork(&mut self) -> Self {
        Self(self.next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        let mut bits = self.0;
        bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ bits >> 31
    }

    /// A number below `limit`, or zero if that is zero.
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        // The bias of the remainder is far below what any test could notice.
        self.next().checked_rem(limit).unwrap_or(0)
    }

    /// Yes in so many of a hundred cases.
    pub(super) fn percent(&mut self, cases: u32) -> bool {
        self.below(100) < u64::from(cases)
    }

    pub(super) fn up_to(&mut self, longest: Duration) -> Duration {
        let nanos = u64::try_from(longest.as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(self.below(nanos))
    }

    pub(super) fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        let at = self.below(from.len() as u64);
        from.get(usize::try_from(at).unwrap_or_default())
    }
}
