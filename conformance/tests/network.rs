//! A store with a real server and a real network: the whole table, disasters and faults included.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod lease_server;

use std::process::ExitCode;

use lease_server::{Loopback, has_another_role};

fn main() -> ExitCode {
    if has_another_role() {
        return ExitCode::SUCCESS;
    }
    election_conformance::main(async || Ok(Loopback::start(None)))
}
