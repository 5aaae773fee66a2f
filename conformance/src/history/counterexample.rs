//! The part of a history that convicts a store, as a person reads it.

use std::{collections::BTreeSet, fmt};

use election_core::ElectionName;

use super::{
    call::{Answer, Call, Outcome},
    lease_model::{LeaseState, Refusal},
    search::Furthest,
};
use crate::wording;

/// How many calls before the convicting one are shown, of those that changed anything.
const CHANGES: usize = 6;
/// How many are shown whatever they did.
const LATEST: usize = 3;
/// How many are shown that had no answer yet.
const UNDER_WAY: usize = 3;
/// How many objections are quoted.
const OBJECTIONS: usize = 4;

/// A call that has no place in any order, and the calls around it.
///
/// Its [`Display`](fmt::Display) is the explanation for people: a table of the calls that matter, in
/// the order of their invocation, and why the marked one fits nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counterexample {
    election: ElectionName,
    culprit: Call,
    window: Vec<Call>,
    objections: Vec<String>,
    explained: usize,
}

/// Why a call could not come next.
#[derive(Clone, Debug)]
pub(super) struct Objection<'a> {
    pub(super) call: &'a Call,
    /// After which state; `None` if after none whatsoever.
    pub(super) state: Option<LeaseState<'a>>,
    pub(super) refusal: Refusal,
}

impl Counterexample {
    /// Tells why a call has no place among the calls that had returned by then.
    pub(super) fn new(
        election: &ElectionName,
        calls: &[&Call],
        culprit: &Call,
        furthest: Furthest<'_>,
    ) -> Self {
        let mut shown = BTreeSet::from([culprit.invoked]);
        let backwards = || furthest.placed.iter().rev();
        shown.extend(backwards().take(LATEST).map(|call| call.invoked));
        let changes = backwards().filter(|call| call.changes());
        shown.extend(changes.take(CHANGES).map(|call| call.invoked));
        let is_under_way = |call: &&&Call| {
            let answered = call
                .returned()
                .is_some_and(|at| Some(at) <= culprit.returned());
            Some(call.invoked) < culprit.returned() && !answered && call.changes()
        };
        let under_way = calls.iter().rev().filter(is_under_way);
        shown.extend(under_way.take(UNDER_WAY).map(|call| call.invoked));
        let (to_culprit, to_others): (Vec<_>, Vec<_>) = furthest
            .objections
            .iter()
            .partition(|objection| objection.call.invoked == culprit.invoked);
        // Whoever else is stuck waits for the culprit, if that was tried at all.
        let objections = if to_culprit.is_empty() {
            to_others
        } else {
            to_culprit
        };
        shown.extend(objections.iter().map(|of| of.call.invoked));
        let objections: BTreeSet<String> = objections.iter().map(|of| of.tell()).collect();
        let is_shown = |call: &&Call| shown.contains(&call.invoked);
        Self {
            election: election.clone(),
            culprit: culprit.clone(),
            window: calls.iter().copied().filter(is_shown).cloned().collect(),
            objections: objections.into_iter().take(OBJECTIONS).collect(),
            explained: furthest.placed.len(),
        }
    }

    /// The election in question.
    #[must_use]
    pub fn election(&self) -> &ElectionName {
        &self.election
    }

    /// The first call whose answer nothing explains: without it, everything before it has an order.
    #[must_use]
    pub fn culprit(&self) -> &Call {
        &self.culprit
    }

    /// The calls that matter, the culprit among them, in the order of their invocation.
    #[must_use]
    pub fn window(&self) -> &[Call] {
        &self.window
    }
}

impl Call {
    /// Whether it can have changed who holds the lease, or for how long.
    fn changes(&self) -> bool {
        use election_core::{Acquired, Released, Renewed};
        match &self.outcome {
            Outcome::Answered { answer, .. } => matches!(
                answer,
                Answer::Acquired(Acquired::Granted { .. })
                    | Answer::Renewed(Renewed::Extended { .. })
                    | Answer::Released(Released::Done)
            ),
            Outcome::Unknown => true,
            Outcome::NotApplied => false,
        }
    }
}

impl Objection<'_> {
    fn tell(&self) -> String {
        match &self.state {
            None => self.refusal.to_string(),
            Some(state) => format!("{} (then: {state})", self.refusal),
        }
    }
}

impl fmt::Display for Counterexample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Call {
            client, request, ..
        } = &self.culprit;
        writeln!(
            f,
            "no order of the calls of {} explains what client {client} was told by `{request}`; \
             {} calls before it are explained. What matters, in order of invocation:",
            wording::election(&self.election),
            self.explained
        )?;
        let heading = ["", "client", "invoked", "returned", "call", "answer"];
        let mut rows = vec![heading.map(str::to_owned)];
        rows.extend(self.window.iter().map(|call| self.row(call)));
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
        let widths: [usize; 6] = std::array::from_fn(|column| width(column).unwrap_or_default());
        for row in &rows {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(widths) {
                line.push_str(&format!("{cell:width$}  "));
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        for objection in &self.objections {
            writeln!(f, "> {objection}")?;
        }
        Ok(())
    }
}

impl Counterexample {
    fn row(&self, call: &Call) -> [String; 6] {
        let mark = if *call == self.culprit { ">" } else { "" };
        [
            mark.to_owned(),
            call.client.to_string(),
            format!("{:?}", call.invoked.at),
            call.returned()
                .map_or_else(|| "never".to_owned(), |at| format!("{:?}", at.at)),
            call.request.to_string(),
            call.outcome.to_string(),
        ]
    }
}
