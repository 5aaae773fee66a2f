//! The clauses of the contract, as a failing check quotes them.

use std::fmt;

/// A promise of the [`LeaseStore`](election_core::LeaseStore) contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Clause {
    /// Exclusion.
    C1,
    /// Tokens.
    C2,
    /// Refusal.
    C3,
    /// Scope.
    C4,
    /// No resurrection.
    C5,
    /// Release.
    C6,
    /// Expiry.
    C7,
    /// No traffic needed.
    C8,
    /// Read.
    C9,
    /// Independence.
    C10,
    /// Hints.
    C11,
    /// Durability.
    C12,
    /// Cancel safety.
    C13,
    /// Bounded calls.
    C14,
    /// Honest errors.
    C15,
    /// Identity.
    C16,
}

impl Clause {
    /// The promise in words: its title, a colon, and what a store owes.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::C1 => {
                "exclusion: at most one unexpired lease per election, judged by the store's one authority"
            }
            Self::C2 => {
                "tokens: every grant carries a token greater than all earlier ones of that election, also when the present holder acquires again; a renewal never changes it"
            }
            Self::C3 => {
                "refusal: `Held` names holder, token, metadata and time remaining (rounded up) as they stood at one moment during the call"
            }
            Self::C4 => {
                "scope: renew and release act only on exactly (election, id and incarnation, token); anything else is `Lost` or `NotHeld` and changes nothing"
            }
            Self::C5 => {
                "no resurrection: an expired lease is never renewed back, even if nobody took it"
            }
            Self::C6 => "release: idempotent; frees at once; the token counter outlives it",
            Self::C7 => {
                "expiry: never before request + ttl, not later than reply + ttl + lag, whatever happened to the holder; the granted ttl is reported and never less than asked"
            }
            Self::C8 => "no traffic needed: expiry needs nobody to look",
            Self::C9 => "read: linearizable with the writes",
            Self::C10 => {
                "independence: elections do not disturb each other, whatever their names and however many"
            }
            Self::C11 => {
                "hints: if claimed, every change of holder is followed by a hint within the declared bound; the first hint comes by itself, also after a reconnect"
            }
            Self::C12 => {
                "durability: declared, then tested; where data may be lost the next token is still greater"
            }
            Self::C13 => {
                "cancel safety: a future dropped at any await leaves no stuck state; the lease ends by ttl + lag, and the next call gets its own answer"
            }
            Self::C14 => {
                "bounded calls: every call ends within the store's time limit, whatever the network does; dropping the store closes its connections and tasks"
            }
            Self::C15 => {
                "honest errors: `Unavailable` only if surely not applied, `Indeterminate` if it may have been, `Fatal` if no retry helps; no secret in any of them"
            }
            Self::C16 => "identity: another incarnation of the same id is a stranger",
        }
    }
}

/// The number and the promise: `C8 no traffic needed: expiry needs nobody to look`.
impl fmt::Display for Clause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?} {}", self.text())
    }
}
