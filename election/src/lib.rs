//! Leader election for services that run in several copies.
//!
//! Several processes campaign for one election; at most one leads at a time, and its work is
//! dropped before anybody else can be elected.
//!
//! ```no_run
//! # async fn report(_: election::FencingToken) {}
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use election::Elector;
//!
//! let store = election::connect("sqlite:/var/lib/report/elections.db").await?;
//! let mut elector = Elector::builder(store, "nightly-report".parse()?).start()?;
//! elector
//!     .run(async |leadership| {
//!         // Dropped at its next await if leadership is lost; the next leader comes after that.
//!         report(leadership.fencing_token()).await;
//!     })
//!     .await?;
//! # Ok(())
//! # }
//! ```
//!
//! # What is promised, and what no lock can promise
//!
//! At most one process's [`Leadership::check`] succeeds at any instant, as long as the store keeps
//! its contract and no clock runs wrong by more than the configured rate. A thread that never
//! yields, a process frozen between its check and its write, or a virtual machine paused by its
//! host acts late all the same, and no election can stop it. The cure is the **fencing token**: a
//! number that rises with every term. Hand it to the resource the leader writes to, and have the
//! resource refuse anything smaller than the largest it has seen; see [`Fence`].
//!
//! # How it is built
//!
//! [`Elector`] drives the pure state machine of `election-core` on tokio, with the boot clock of
//! `election-clock`, over any [`LeaseStore`]: in turn it feeds the machine, executes what comes out,
//! and waits. The remainder of this crate is what the user holds: [`Elector`] to campaign,
//! [`Leadership`] while leading, [`Handle`] from anywhere, [`Observer`] without taking part,
//! [`settings`] for everything that can be configured, and [`connect()`].

mod command;
mod connect;
mod driver;
mod elector;
mod error;
mod event;
mod handle;
mod hint_line;
mod leadership;
mod observer;
mod publisher;
pub mod settings;
mod status;
mod term;
mod wait;

pub use connect::{connect, schemes};
pub use election_clock::BootClock;
pub use election_core::{
    Acquired, Candidate, CandidateId, Capabilities, Clock, Disaster, ElectionName, Fence,
    FencingToken, Hint, Hints, Holder, Incarnation, Instant, InvalidWord, Lease, LeaseRecord,
    LeaseStore, ManualClock, MemoryStore, Metadata, Released, Renewed, StaleToken, StoreError,
    StoreErrorKind, Timing, TimingBuilder, TimingError, WorstCases,
    machine::{Cause, Role},
};
pub use elector::{Elector, ElectorBuilder};
pub use error::ElectorError;
pub use event::Event;
pub use handle::{Events, Handle};
pub use leadership::{Leadership, LeadershipGuard, LeadershipLost};
pub use observer::{Observation, Observer};
pub use status::{Status, TermStatus};

/// The examples of the README compile.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
