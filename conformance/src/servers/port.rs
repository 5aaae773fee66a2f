//! Ports at which a restarted server is found again.

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hasher},
    io,
    net::{Ipv4Addr, TcpListener},
};

/// Below the range from which systems give ports to clients: nobody takes one while its server is
/// down, unless by name.
const FIRST: u16 = 12_000;
const COUNT: u16 = 18_000;
const ATTEMPTS: u16 = 100;

/// A loopback port that nobody listens on.
pub(super) fn free() -> Result<u16, String> {
    let chance = RandomState::new().build_hasher().finish() % u64::from(COUNT);
    let begin = u16::try_from(chance).unwrap_or_default();
    let candidates = (0..ATTEMPTS).map(|step| FIRST + (begin + step) % COUNT);
    let mut last: Option<io::Error> = None;
    for port in candidates {
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(_) => return Ok(port),
            Err(error) => last = Some(error),
        }
    }
    let cause = last.map(|error| error.to_string()).unwrap_or_default();
    Err(format!(
        "no loopback port from {FIRST} on can be had: {cause}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_free_port_lies_below_the_ones_of_clients() {
        let port = free().unwrap();
        assert!((FIRST..FIRST + COUNT).contains(&port));
    }
}
