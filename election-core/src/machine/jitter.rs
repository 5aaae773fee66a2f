//! Deterministic variation of intervals, so that candidates do not move in step.

use std::time::Duration;

/// A stream of pseudo-random numbers from a seed (SplitMix64: Steele, Lea, Flood, 2014).
///
/// The seed comes from outside: the same seed and inputs give the same outputs (I1).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Jitter(u64);

impl Jitter {
    pub(super) fn from_seed(seed: u64) -> Self {
        Self(seed)
    }

    /// A duration within `interval × (1 ± permille/1000)`.
    pub(super) fn around(&mut self, interval: Duration, permille: u32) -> Duration {
        let spread = interval.saturating_mul(permille) / 1000;
        interval
            .saturating_sub(spread)
            .saturating_add(self.up_to(spread.saturating_mul(2)))
    }

    /// A duration within `interval × (1 − permille/1000) ..= interval`.
    pub(super) fn below(&mut self, interval: Duration, permille: u32) -> Duration {
        interval.saturating_sub(self.up_to(interval.saturating_mul(permille) / 1000))
    }

    /// A duration from zero to `most`. A `most` of zero is no special case.
    pub(super) fn up_to(&mut self, most: Duration) -> Duration {
        const STEPS: u64 = 1 << 20;
        // u32 holds the step, and dividing first keeps every product in range.
        let step = u32::try_from(self.next() % (STEPS + 1)).unwrap_or_default();
        let per_step = most.as_nanos() / u128::from(STEPS);
        let rest = most.as_nanos() % u128::from(STEPS);
        let nanos = per_step * u128::from(step) + rest * u128::from(step) / u128::from(STEPS);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variation_stays_within_its_bounds_and_reaches_them() {
        let mut jitter = Jitter::from_seed(1);
        let drawn: Vec<_> = (0..10_000)
            .map(|_| jitter.around(Duration::from_secs(10), 100))
            .collect();
        let (least, most) = (drawn.iter().min().unwrap(), drawn.iter().max().unwrap());
        assert!(*least >= Duration::from_secs(9) && *least < Duration::from_millis(9010));
        assert!(*most <= Duration::from_secs(11) && *most > Duration::from_millis(10_990));
    }

    #[test]
    fn a_spread_of_zero_and_of_all_time_are_no_special_cases() {
        let mut jitter = Jitter::from_seed(2);
        assert_eq!(jitter.up_to(Duration::ZERO), Duration::ZERO);
        let _ = jitter.around(Duration::MAX, 1000);
    }
}
