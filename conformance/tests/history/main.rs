//! The history checker acquits correct stores and convicts broken ones.

mod bad_histories;
mod broken_stores;
mod correct_stores;
mod script;
mod sequential;

mod unanswered;
