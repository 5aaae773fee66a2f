//! A small lease server, in a process of its own, and its client: a store with a real network.
//!
//! It exists to be put to the rows that need a network and a server. Leases are kept in memory and
//! in a file, by the boot clock; tokens follow the hybrid rule, so that they rise even if the file is
//! lost. Both sides can be given one [`Flaw`].
//!
//! ```text
//! test ──orders──> supervisor ──starts, stops, kills──> server <──TCP── TcpStore
//! ```
//!
//! The supervisor ends when the test does, however that happens, and takes server and file with it.

#![allow(dead_code, reason = "two test programs share it, and each uses a part")]

mod book;
mod client;
mod flaw;
mod harness;
mod hints;
mod server;
mod supervisor;
mod wire;

#[allow(unused_imports, reason = "see above")]
pub(crate) use flaw::Flaw;
pub(crate) use harness::Loopback;

/// Runs this program as the supervisor or the server it starts, if its arguments say so.
pub(crate) fn has_another_role() -> bool {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["supervise-leases", flaw] => supervisor::run(flaw),
        ["serve-leases", port, file, flaw] => server::run(port, file, flaw),
        _ => return false,
    }
    true
}
