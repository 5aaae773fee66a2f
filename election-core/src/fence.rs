//! The resource's side of fencing.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::token::FencingToken;

/// Admits the newest leader and refuses everybody before it.
///
/// Keep one beside the resource it protects, in the process that owns that resource. When the
/// resource is a database the comparison belongs into its transaction instead:
/// `UPDATE … SET …, fence = $token WHERE fence <= $token`, and no row touched means *refused*.
///
/// **Fence first**: a new leader must write its token before it reads the state it will act on.
/// Otherwise an old leader's write may still land between that read and the new leader's first write.
///
/// ```
/// use election_core::{Fence, FencingToken};
///
/// let fence = Fence::new();
/// let (old, new) = (FencingToken::new(7).unwrap(), FencingToken::new(8).unwrap());
/// assert!(fence.admit(old).is_ok());
/// assert!(fence.admit(new).is_ok());
/// assert_eq!(fence.admit(old).unwrap_err().newest, new);
/// ```
#[derive(Debug, Default)]
pub struct Fence {
    newest: AtomicU64,
}

impl Fence {
    /// A fence that has seen no token.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            newest: AtomicU64::new(0),
        }
    }

    /// A fence that has seen this token already, for instance one read back from a disk.
    #[must_use]
    pub const fn seen(token: FencingToken) -> Self {
        Self {
            newest: AtomicU64::new(token.as_u64()),
        }
    }

    /// Admits a token unless a greater one was admitted before. Equal tokens are one term.
    ///
    /// # Errors
    ///
    /// [`StaleToken`]: the caller was deposed. It must stop, and must not try again.
    pub fn admit(&self, token: FencingToken) -> Result<(), StaleToken> {
        let before = self.newest.fetch_max(token.as_u64(), Ordering::SeqCst);
        match FencingToken::new(before) {
            Some(newest) if newest > token => Err(StaleToken { token, newest }),
            _ => Ok(()),
        }
    }

    /// The greatest token admitted so far.
    #[must_use]
    pub fn newest(&self) -> Option<FencingToken> {
        FencingToken::new(self.newest.load(Ordering::SeqCst))
    }
}

/// The caller's term is over: a later leader has been here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("fencing token {token} is stale: {newest} was admitted before; stop this leader's work")]
pub struct StaleToken {
    /// The token that was refused.
    pub token: FencingToken,
    /// The greatest token admitted so far.
    pub newest: FencingToken,
}
