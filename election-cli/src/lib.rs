//! The parts of `elect` that are useful, and tested, without its command line.

#[cfg(unix)]
pub mod guard;
