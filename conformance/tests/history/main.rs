//! The history checker acquits correct stores and convicts broken ones.

#![allow(clippy::unwrap_used, clippy::print_stdout)] // A test that meets the unexpected stops there.

mod bad_histories;
mod broken_stores;
mod correct_stores;
mod script;
mod sequential;
mod sparse_tokens;

mod unanswered;
