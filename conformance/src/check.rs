//! One row of the table: a sentence, the clause it upholds, and the code that finds out.

use std::{any::Any, fmt, pin::Pin, sync::Arc};

use election_core::Disaster;
use tokio::task::JoinError;

use crate::{clause::Clause, context::Context};

/// A row of the table.
pub struct Check {
    /// Its letter and number, stable across releases: `X01`.
    pub id: &'static str,
    /// What it asserts, a true sentence in snake case: `the_first_acquire_is_granted`.
    pub name: &'static str,
    /// The clause a store breaks if it fails.
    pub clause: Clause,
    /// What it cannot be run without.
    pub needs: Need,
    pub(crate) run: fn(Arc<Context>) -> Running,
}

impl Check {
    /// What it asserts, as people write it: `the first acquire is granted`.
    #[must_use]
    pub fn sentence(&self) -> String {
        self.name.replace('_', " ")
    }

    /// Its name as a test runner lists it: `X01::the_first_acquire_is_granted`.
    #[must_use]
    pub fn path(&self) -> String {
        format!("{}::{}", self.id, self.name)
    }
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path())
    }
}

/// What a check cannot be run without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Nothing but the store: every store must pass.
    Store,
    /// A store that claims hints.
    Hints,
    /// Secrets to look for.
    Secrets,
    /// A [`Server`](crate::Server) in the harness.
    Server,
    /// A [`Network`](crate::Network) in the harness.
    Network,
    /// A server, and a store that claims its tokens survive this.
    Survival(Disaster),
}

impl Need {
    /// Whether other checks must not run at the same time.
    pub(crate) fn is_exclusive(self) -> bool {
        matches!(self, Self::Server | Self::Survival(_))
    }
}

/// A check at work.
pub(crate) type Running = Pin<Box<dyn Future<Output = Judgement> + Send>>;

/// What the code of a check returns: nothing, or why it stopped.
pub(crate) type Judgement<T = ()> = Result<T, Stop>;

/// Why a check stopped before its end.
#[derive(Clone, Debug)]
pub(crate) enum Stop {
    /// The store broke its promise.
    Violation { expected: String, observed: String },
    /// The check could not be carried out; says nothing of the store, but is no pass either.
    Broken(String),
    /// The tester was so slow that a lease may have ended in between: ask again with a longer one.
    TooSlow,
    /// This store or harness has nothing the check could be asked of.
    NotApplicable(String),
}

impl Stop {
    pub(crate) fn violation(expected: impl Into<String>, observed: impl Into<String>) -> Self {
        Self::Violation {
            expected: expected.into(),
            observed: observed.into(),
        }
    }
}

/// No store may panic, whatever it is asked.
pub(crate) fn panicked(payload: &(dyn Any + Send)) -> Stop {
    let message = match (
        payload.downcast_ref::<String>(),
        payload.downcast_ref::<&str>(),
    ) {
        (Some(text), _) => text.as_str(),
        (_, Some(text)) => text,
        _ => "without a message",
    };
    Stop::violation("no panic", format!("panicked: {message}"))
}

/// A task of a check that did not end is the fault of the call it was in.
impl From<JoinError> for Stop {
    fn from(error: JoinError) -> Self {
        match error.try_into_panic() {
            Ok(payload) => panicked(&*payload),
            Err(error) => Self::Broken(error.to_string()),
        }
    }
}

/// Convicts the store unless `kept`.
pub(crate) fn require(kept: bool, expected: &str, observed: impl FnOnce() -> String) -> Judgement {
    if kept {
        return Ok(());
    }
    Err(Stop::violation(expected, observed()))
}
