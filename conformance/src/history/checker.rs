//! The verdict on a history.
//!
//! Elections are independent (C10), so each is judged by itself: a history is linearizable if and
//! only if that of each of its objects is.

use std::{collections::HashSet, fmt};

use election_core::ElectionName;

use super::{
    call::{Call, History, Moment},
    counterexample::{Counterexample, Objection},
    search::{Found, Furthest, Search},
    tolerance::Tolerance,
};

/// Checks histories for linearizability against the sequential lease.
///
/// ```
/// use std::sync::Arc;
///
/// use election_conformance::history::{Checker, Recorder, Tolerance};
/// use election_core::{LeaseStore, ManualClock, MemoryStore};
///
/// let clock = Arc::new(ManualClock::new());
/// let store = MemoryStore::new(clock.clone());
/// let recorder = Recorder::new(clock);
/// let checker = Checker::new(Tolerance::of(&store.capabilities()));
/// let client: Arc<dyn LeaseStore> = Arc::new(recorder.client("1", Arc::new(store)));
/// // … call `client`, and others like it …
/// let verdict = checker.check(&recorder.history());
/// assert!(verdict.is_linearizable(), "{verdict}");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Checker {
    tolerance: Tolerance,
    limit: usize,
}

/// What a history proves about the store.
#[derive(Clone, Debug)]
#[must_use = "a verdict that nobody looks at convicts nobody"]
pub enum Verdict {
    /// Some order of the calls explains every answer.
    Linearizable,
    /// No order does: the store broke its contract.
    Violation(Box<Counterexample>),
    /// The search was given up. This proves nothing, and is not a pass.
    Undecided {
        /// The election whose history was too hard.
        election: ElectionName,
        /// How many configurations were searched.
        searched: usize,
    },
}

impl Checker {
    /// The configurations searched for one election before the search is given up.
    pub const LIMIT: usize = 500_000;

    /// A checker for stores that keep their leases within this tolerance.
    #[must_use]
    pub fn new(tolerance: Tolerance) -> Self {
        Self {
            tolerance,
            limit: Self::LIMIT,
        }
    }

    /// The same with another limit than [`Checker::LIMIT`]; each configuration takes some 300 bytes.
    #[must_use]
    pub fn with_limit(self, limit: usize) -> Self {
        Self { limit, ..self }
    }

    /// Judges a history, one election after the other.
    ///
    /// A violation in one election counts for more than an undecided other one.
    pub fn check(&self, history: &History) -> Verdict {
        let mut verdict = Verdict::Linearizable;
        for election in elections(history) {
            let of_it = |call: &&Call| call.election() == election;
            let calls: Vec<&Call> = history.calls().iter().filter(of_it).collect();
            match self.check_election(election, &calls) {
                Verdict::Linearizable => {}
                Verdict::Violation(found) => return Verdict::Violation(found),
                undecided @ Verdict::Undecided { .. } => verdict = undecided,
            }
        }
        verdict
    }

    fn check_election(&self, election: &ElectionName, calls: &[&Call]) -> Verdict {
        let mut answered: Vec<&Call> = calls.to_vec();
        answered.retain(|call| call.returned().is_some());
        answered.sort_by_key(|call| call.returned());
        let Some(last) = answered.last().copied() else {
            return Verdict::Linearizable;
        };
        match self.search(calls, last.returned()) {
            Found::Explained => Verdict::Linearizable,
            Found::Nothing(furthest) => {
                let (culprit, furthest) = self.first_violation(calls, &answered, (last, furthest));
                let found = Counterexample::new(election, calls, culprit, furthest);
                Verdict::Violation(Box::new(found))
            }
            Found::GaveUp(searched) => Verdict::Undecided {
                election: election.clone(),
                searched,
            },
        }
    }

    /// The first answer up to which nothing explains the history, by bisection.
    ///
    /// Every beginning of a linearizable history is linearizable: so up to the answer before it
    /// there is an explanation, and it is this one that convicts the store.
    fn first_violation<'a>(
        &self,
        calls: &[&'a Call],
        answered: &[&'a Call],
        whole: (&'a Call, Furthest<'a>),
    ) -> (&'a Call, Furthest<'a>) {
        let mut found = whole;
        let (mut explained, mut convicting) = (0, answered.len());
        while explained + 1 < convicting {
            let middle = usize::midpoint(explained, convicting);
            let culprit = answered[middle - 1];
            match self.search(calls, culprit.returned()) {
                Found::Nothing(furthest) => {
                    convicting = middle;
                    found = (culprit, furthest);
                }
                Found::Explained | Found::GaveUp(_) => explained = middle,
            }
        }
        found
    }

    /// Searches the history as it was known at `end`; calls under way then have no answer yet.
    fn search<'a>(&self, calls: &[&'a Call], end: Option<Moment>) -> Found<'a> {
        match Search::new(calls, end, self.tolerance) {
            Ok(search) => search.run(self.limit),
            Err((call, refusal)) => Found::Nothing(Furthest {
                placed: Vec::new(),
                objections: vec![Objection {
                    call,
                    state: None,
                    refusal,
                }],
            }),
        }
    }
}

impl Verdict {
    /// Whether some order of the calls explains every answer.
    #[must_use]
    pub fn is_linearizable(&self) -> bool {
        matches!(self, Self::Linearizable)
    }

    /// Whether the store is proved to have broken its contract.
    #[must_use]
    pub fn is_violation(&self) -> bool {
        matches!(self, Self::Violation(_))
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Linearizable => f.write_str("linearizable: one order explains every answer"),
            Self::Violation(found) => found.fmt(f),
            Self::Undecided { election, searched } => write!(
                f,
                "undecided: the history of `{election}` has too many possible orders ({searched} \
                 configurations searched): record a shorter one, or raise the limit"
            ),
        }
    }
}

fn elections(history: &History) -> Vec<&ElectionName> {
    let mut seen = HashSet::new();
    history
        .calls()
        .iter()
        .map(Call::election)
        .filter(|election| seen.insert(*election))
        .collect()
}
