//! What users ask of a driver.

use election_core::FencingToken;

/// What users ask of a driver.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Command {
    /// Hand over, whatever term is on.
    Resign,
    /// Hand over if this term is on.
    ResignTerm(FencingToken),
    Shutdown,
}
