//! A set of places that fills up from the front.

/// Which answers have been placed.
///
/// Nearly all before some place, and few after it: the full beginning is kept as a number, so that
/// a configuration of a long history is small.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Placed {
    full: usize,
    rest: Vec<u64>,
}

const BITS: usize = u64::BITS as usize;

impl Placed {
    pub(super) fn contains(&self, place: usize) -> bool {
        match (place / BITS).checked_sub(self.full) {
            None => true,
            Some(word) => self
                .rest
                .get(word)
                .is_some_and(|word| word >> (place % BITS) & 1 == 1),
        }
    }

    /// The same with one more place.
    pub(super) fn with(&self, place: usize) -> Self {
        let mut placed = self.clone();
        let Some(word) = (place / BITS).checked_sub(self.full) else {
            return placed;
        };
        if placed.rest.len() <= word {
            placed.rest.resize(word + 1, 0);
        }
        placed.rest[word] |= 1 << (place % BITS);
        let full = placed.rest.iter().take_while(|word| **word == u64::MAX);
        let full = full.count();
        placed.rest.drain(..full);
        placed.full += full;
        placed
    }

    pub(super) fn first_missing(&self) -> usize {
        let into_word = self.rest.first().map_or(0, |word| word.trailing_ones());
        self.full * BITS + into_word as usize
    }

    pub(super) fn count(&self) -> usize {
        let ones = |word: &u64| word.count_ones() as usize;
        self.full * BITS + self.rest.iter().map(ones).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_the_same_in_whatever_order_it_was_filled() {
        let forwards = (0..130).fold(Placed::default(), |placed, place| placed.with(place));
        let backwards = (0..130)
            .rev()
            .fold(Placed::default(), |placed, place| placed.with(place));
        assert_eq!(forwards, backwards);
        assert_eq!(forwards.count(), 130);
        assert_eq!(forwards.first_missing(), 130);
        assert!(forwards.contains(129) && !forwards.contains(130));
    }

    #[test]
    fn a_gap_is_seen() {
        let placed = Placed::default().with(0).with(2).with(200);
        assert_eq!(placed.first_missing(), 1);
        assert!(!placed.contains(1) && placed.contains(200) && !placed.contains(199));
        assert_eq!(placed.count(), 3);
    }
}
