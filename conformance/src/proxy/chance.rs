//! Chance that can be repeated.

use std::time::Duration;

/// A stream of numbers that follows from its seed alone (SplitMix64).
#[derive(Clone, Debug)]
pub(super) struct Chance(u64);

impl Chance {
    /// The stream of one lane: other seeds, connections and directions have unrelated ones.
    pub(super) fn new(seed: u64, connection: u64, lane: u64) -> Self {
        let mut chance = Self(seed);
        for word in [connection, lane] {
            chance.0 = chance.next() ^ word;
        }
        chance
    }

    /// A duration from zero to `most`, both included, every nanosecond as likely as the next.
    pub(super) fn up_to(&mut self, most: Duration) -> Duration {
        let count = u64::try_from(most.as_nanos())
            .unwrap_or(u64::MAX)
            .saturating_add(1);
        // The high half of the product is the drawn fraction of `count`.
        let drawn = (u128::from(self.next()) * u128::from(count)) >> 64;
        Duration::from_nanos(drawn as u64)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draws(mut chance: Chance) -> Vec<Duration> {
        (0..64)
            .map(|_| chance.up_to(Duration::from_millis(5)))
            .collect()
    }

    #[test]
    fn the_numbers_are_those_of_splitmix64() {
        // The first outputs for seed 0, from the reference implementation by Sebastiano Vigna.
        let mut chance = Chance(0);
        assert_eq!(chance.next(), 0xe220_a839_7b1d_cdaf);
        assert_eq!(chance.next(), 0x6e78_9e6a_a1b9_65f4);
    }

    #[test]
    fn one_seed_has_one_schedule_and_every_lane_its_own() {
        let schedule = draws(Chance::new(7, 1, 0));
        assert_eq!(schedule, draws(Chance::new(7, 1, 0)));
        for other in [(8, 1, 0), (7, 2, 0), (7, 1, 1)] {
            assert_ne!(schedule, draws(Chance::new(other.0, other.1, other.2)));
        }
    }

    #[test]
    fn a_draw_stays_within_its_bounds() {
        let mut chance = Chance(1);
        assert_eq!(chance.up_to(Duration::ZERO), Duration::ZERO);
        let drawn: Vec<_> = (0..100)
            .map(|_| chance.up_to(Duration::from_nanos(1)))
            .collect();
        assert!(drawn.contains(&Duration::ZERO) && drawn.contains(&Duration::from_nanos(1)));
        assert!(drawn.iter().all(|drawn| *drawn <= Duration::from_nanos(1)));
    }
}
