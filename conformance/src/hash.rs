//! Hashes of names, and names that share one.

use std::collections::HashMap;

/// A 32-bit hash of text: where it starts, and what each byte does to it.
#[derive(Clone, Copy)]
pub(crate) struct Hash {
    start: u32,
    step: fn(u32, u8) -> u32,
}

impl Hash {
    pub(crate) fn of(self, bytes: &[u8]) -> u32 {
        bytes
            .iter()
            .fold(self.start, |hash, byte| (self.step)(hash, *byte))
    }
}

/// FNV-1a.
pub(crate) const FNV1A: Hash = Hash {
    start: 0x811c_9dc5,
    step: |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193),
};

/// The string hash of Java and many others.
pub(crate) const POLYNOMIAL: Hash = Hash {
    start: 0,
    step: |hash, byte| hash.wrapping_mul(31).wrapping_add(u32::from(byte)),
};

/// Two numbers whose eight hexadecimal digits after `prefix` give the same hash.
///
/// About 2^16 tries, by the birthday paradox.
pub(crate) fn colliding_pair(prefix: &str, hash: Hash) -> Option<[u32; 2]> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let begun = hash.of(prefix.as_bytes());
    let mut seen: HashMap<u32, u32> = HashMap::with_capacity(1 << 17);
    for number in 0..2_000_000_u32 {
        // A multiplicative shuffle, so that a weak hash has varied letters to work on.
        let suffix = number.wrapping_mul(0x9e37_79b1);
        let mut after = begun;
        for place in (0..8).rev() {
            after = (hash.step)(after, DIGITS[(suffix >> (4 * place)) as usize & 15]);
        }
        if let Some(earlier) = seen.insert(after, suffix) {
            return Some([earlier, suffix]);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hashes_are_the_well_known_ones() {
        assert_eq!(FNV1A.of(b"foobar"), 0xbf9c_f968);
        assert_eq!(POLYNOMIAL.of(b"Aa"), POLYNOMIAL.of(b"BB"));
    }

    #[test]
    fn a_colliding_pair_collides() {
        for hash in [FNV1A, POLYNOMIAL] {
            let [one, other] = colliding_pair("some/prefix ", hash).unwrap();
            assert_ne!(one, other);
            assert_eq!(
                hash.of(format!("some/prefix {one:08x}").as_bytes()),
                hash.of(format!("some/prefix {other:08x}").as_bytes())
            );
        }
    }
}
