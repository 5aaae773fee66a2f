//! Every fault of the proxy, as a plain client and a plain server see it through their sockets.
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod endings;
mod ends;
mod lifetime;
mod requests;
mod standing;
