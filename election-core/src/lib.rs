//! Leader election without I/O.
//!
//! This crate holds what every other crate of the project agrees on, and nothing that touches the
//! outside world:
//!
//! - the **words**: [`ElectionName`], [`Candidate`], [`FencingToken`], [`Lease`], [`Timing`];
//! - the **contract** of a store, [`LeaseStore`], with its outcomes and errors;
//! - the **policy**, [`machine::Machine`]: a pure state machine that turns answers, hints and time
//!   into requests and events;
//! - the **reference store**, [`MemoryStore`], and the [`Fence`] a resource checks tokens with.
//!
//! Data flows one way: input → machine → output → store → answer. Nothing here reads a clock, draws
//! a random number, starts a task or knows a runtime; the crate builds for `wasm32-unknown-unknown`.
//! Most programs want the crate `election`, which drives the machine on tokio.

mod candidate;
mod error;
mod fence;
mod lease;
pub mod machine;
mod memory;
mod name;
mod outcome;
mod store;
mod time;
mod timing;
mod token;

pub use candidate::{Candidate, CandidateId, Holder, Incarnation, Metadata};
pub use error::{InvalidWord, StoreError, StoreErrorKind};
pub use fence::{Fence, StaleToken};
pub use lease::{Lease, LeaseRecord, MAX_TTL, MIN_TTL};
pub use memory::MemoryStore;
pub use name::ElectionName;
pub use outcome::{Acquired, Released, Renewed};
pub use store::{Capabilities, Disaster, Hint, Hints, LeaseStore, check_ttl};
pub use time::{Clock, Instant, ManualClock};
pub use timing::{Timing, TimingBuilder, TimingError, WorstCases};
pub use token::FencingToken;
