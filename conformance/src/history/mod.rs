//! Histories of concurrent calls, and whether one lease explains them.
//!
//! A [`Recorder`] writes down what several clients ask of a store and what they are told; a
//! [`Workload`] makes them ask at random; the [`Checker`] then looks for an order of the calls, each
//! taken to happen at one moment between its invocation and its return, in which every answer is
//! what a single sequential lease would have answered. If there is none, the store has broken its
//! contract, and a [`Counterexample`] shows where.
//!
//! # What is allowed
//!
//! The checker never convicts a store that keeps its contract. Where the contract leaves room, or
//! the outside cannot know, everything possible is allowed:
//!
//! - **The end of a lease** is any moment from invocation + ttl to return + ttl + lag of the call
//!   that granted or last extended it (C7). An answer that shows the lease in force is refused only
//!   if it was *asked for* after the latest such moment; one that shows it gone, only if it *was
//!   there* before the earliest. All answers together must agree with one order of moments.
//! - **A call without an answer** ([`Outcome::Unknown`]) takes effect at most once, at any moment
//!   after its invocation, or never. What it granted or extended runs from its invocation at the
//!   earliest; at the latest from the first return of all answers that come after it in the order;
//!   and for what was asked, up to [`Tolerance::ttl_surplus`] more.
//! - **The token of a grant without an answer** is any above all earlier ones, until somebody is
//!   told it.
//! - **A call that was surely not applied** ([`Outcome::NotApplied`]) is left out, and so is a read
//!   without an answer.
//!
//! # What is refused
//!
//! - A grant while another holder's lease cannot have ended; to somebody who did not ask; for less
//!   than was asked; with a token not above all earlier ones of the election.
//! - An extension or a release of anything but the exact lease in force; a `Lost` or `NotHeld` where
//!   the exact lease cannot have ended, or a `Lost` that names the caller's own lease.
//! - A record in `Held`, `Lost` or of a read that is not the lease then in force, in election,
//!   holder, token and metadata, or that says less remains than must; no record where one must be.
//!
//! Not judged: how much *more* remains than a record says, since the contract leaves open how far it
//! is rounded up.
//!
//! A search that grows beyond its limit ends [`Undecided`](Verdict::Undecided), which is never a pass.

mod call;
mod chance;
mod checker;
mod claim;
mod counterexample;
mod detour;
mod ghost;
mod lease_model;
mod placed;
mod recorder;
mod search;
mod seen;
mod tolerance;
mod workload;

pub use call::{Answer, Call, History, Moment, Outcome, Request};
pub use checker::{Checker, Verdict};
pub use counterexample::Counterexample;
pub use recorder::{Recorder, Recording};
pub use tolerance::Tolerance;
pub use workload::{Length, Workload};
