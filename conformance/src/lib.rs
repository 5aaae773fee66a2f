//! Holds a [`LeaseStore`](election_core::LeaseStore) to its contract.
//!
//! One [table](TABLE) of checks, a [runner](main), and a [`Harness`] that the author of a store
//! writes. Each check is a true sentence about every correct store; a store that passes all of them
//! can be put beneath any elector.
//!
//! # Certify a store
//!
//! In `tests/conformance.rs`, with `harness = false` for that test in `Cargo.toml`:
//!
//! ```
//! use std::{process::ExitCode, sync::Arc};
//!
//! use election_clock::BootClock;
//! use election_conformance::{BoxError, Harness};
//! use election_core::{LeaseStore, MemoryStore};
//!
//! struct Mine {
//!     store: MemoryStore,
//! }
//!
//! #[async_trait::async_trait]
//! impl Harness for Mine {
//!     fn name(&self) -> String {
//!         "my store 1.0".to_owned()
//!     }
//!
//!     async fn client(&self) -> Result<Arc<dyn LeaseStore>, BoxError> {
//!         Ok(Arc::new(self.store.clone())) // or: connect once more
//!     }
//! }
//!
//! fn main() -> ExitCode {
//! #   if true { return ExitCode::SUCCESS; }
//!     election_conformance::main(async || {
//!         let store = MemoryStore::new(Arc::new(BootClock));
//!         Ok(Mine { store })
//!     })
//! }
//! ```
//!
//! `cargo test --test conformance` then runs the table, `cargo test --test conformance -- T01` one
//! row of it. A failure tells the sentence that is not true, quotes the clause of the contract, shows
//! the last calls with their answers, and ends with the command that repeats it.
//!
//! What a harness cannot do makes rows *not applicable*: they are listed with the reason, and never
//! counted as passed. Give a [`Server`] to have disasters tried, a [`Network`] to have replies lost and
//! connections cut, [`Harness::secrets`] to have secrets looked for, and [`Time::ByHand`] if your store takes a clock: expiry is then judged to the
//! nanosecond, without waiting.
//!
//! # How rows judge time
//!
//! A check never convicts a store because the tester was slow. Too early is what was *answered*
//! before request + ttl; too late is what was *sent* after reply + ttl + lag. Where a check needs a
//! lease to be in force and finds that it may have ended, the row starts again with a lease twice as
//! long. Where no lease is long enough the row fails as broken: it is never passed unjudged.
//!
//! # Proof that it convicts
//!
//! [`saboteurs`] are stores that are broken in one way each. The suite's own tests hold every one of
//! them to the table, and fail unless the check that is meant to convict it does.

mod check;
mod checks;
mod clause;
mod client;
mod context;
mod harness;
mod hash;
pub mod history;
mod line;
pub mod proxy;
mod report;
mod runner;
pub mod saboteurs;
mod secrets;
#[cfg(feature = "servers")]
pub mod servers;
mod suite;
mod time;
mod transcript;
mod wording;

pub use check::{Check, Need};
pub use checks::TABLE;
pub use clause::Clause;
pub use harness::{BoxError, Harness, Network, Scale, Server, Unable};
pub use report::{Failure, Report, Row, Verdict};
pub use runner::main;
pub use suite::run;
pub use time::Time;
