//! The search for an order of the calls that explains every answer.
//!
//! Wing and Gong's search with Lowe's memory: an answer may come next if no other answer that is
//! still missing had returned before its call was invoked; a configuration (the answers placed so
//! far, and the state after them) is searched once, and one that is worse than another not at all.
//!
//! An answer that fits and changes nothing is placed at once, without looking for alternatives:
//! whatever order explains the rest explains it with that answer moved to the front.

#[cfg(test)]
mod exhaustive;

use std::rc::Rc;

use super::{
    call::{Call, Moment, Outcome},
    claim::Claim,
    counterexample::Objection,
    ghost::{Ghost, Ghosts, Obstacle},
    lease_model::{LeaseState, Refusal, Span, Tokens},
    placed::Placed,
    seen::{Configuration, Seen},
    tolerance::Tolerance,
};

/// What a search came to.
pub(super) enum Found<'a> {
    Explained,
    Nothing(Furthest<'a>),
    GaveUp(usize),
}

/// The longest explained beginning of any order, and why nothing could come next.
#[derive(Default)]
pub(super) struct Furthest<'a> {
    pub(super) placed: Vec<&'a Call>,
    pub(super) objections: Vec<Objection<'a>>,
}

/// An answer to be placed.
struct Judged<'a> {
    call: &'a Call,
    returned: Moment,
    claim: Claim<'a>,
}

pub(super) struct Search<'a> {
    /// In the order of their invocation.
    judged: Vec<Judged<'a>>,
    ghosts: Ghosts<'a>,
}

/// A configuration, and how it was come to.
struct Node<'a> {
    configuration: Rc<Configuration<'a>>,
    before: Option<usize>,
    latest: Option<&'a Call>,
}

impl<'a> Search<'a> {
    /// The search for an order of the history as it was known at `end`.
    ///
    /// # Errors
    ///
    /// A call whose answer cannot be right in any order.
    pub(super) fn new(
        calls: &[&'a Call],
        end: Option<Moment>,
        tolerance: Tolerance,
    ) -> Result<Self, (&'a Call, Refusal)> {
        let known = |moment: Moment| end.is_none_or(|end| moment <= end);
        let mut judged = Vec::new();
        let mut all = Vec::new();
        let mut tokens = Tokens::default();
        for call in calls.iter().copied().filter(|call| known(call.invoked)) {
            match &call.outcome {
                Outcome::Answered { returned, answer } if known(*returned) => {
                    let claim = Claim::of(&call.request, answer);
                    let claim = claim.map_err(|refusal| (call, refusal))?;
                    claim.tell(&mut tokens);
                    judged.push(Judged {
                        call,
                        returned: *returned,
                        claim,
                    });
                }
                Outcome::Answered { .. } | Outcome::Unknown => all.extend(Ghost::of(call)),
                Outcome::NotApplied => {}
            }
        }
        Ok(Self {
            judged,
            ghosts: Ghosts {
                all,
                tokens,
                tolerance,
            },
        })
    }

    /// Depth first, nearest guess first.
    pub(super) fn run(&self, limit: usize) -> Found<'a> {
        let start = Rc::new(Configuration {
            placed: Placed::default(),
            state: LeaseState::unheld(),
        });
        let mut seen = Seen::default();
        seen.insert(&start, &self.ghosts);
        let mut nodes = vec![Node {
            configuration: start,
            before: None,
            latest: None,
        }];
        let mut open = vec![0];
        let mut furthest = (0, 0, Vec::new());
        while let Some(at) = open.pop() {
            let configuration = Rc::clone(&nodes[at].configuration);
            let count = configuration.placed.count();
            if count == self.judged.len() {
                return Found::Explained;
            }
            if nodes.len() > limit {
                return Found::GaveUp(nodes.len());
            }
            let next = self.after(&configuration);
            if count > furthest.0 {
                furthest = (count, at, next.objections);
            } else if count == furthest.0 {
                furthest.2.extend(next.objections);
            }
            // The last one pushed is searched first.
            for (call, configuration) in next.ways.into_iter().rev() {
                if seen.insert(&configuration, &self.ghosts) {
                    open.push(nodes.len());
                    nodes.push(Node {
                        configuration: Rc::new(configuration),
                        before: Some(at),
                        latest: Some(call),
                    });
                }
            }
        }
        let (_, at, objections) = furthest;
        Found::Nothing(Furthest {
            placed: path(&nodes, at),
            objections,
        })
    }

    /// Every way to go on from a configuration, the likeliest first.
    fn after(&self, from: &Configuration<'a>) -> Next<'a> {
        let mut placements = Vec::new();
        let mut effects = Vec::new();
        let mut objections = Vec::new();
        for place in self.possible(&from.placed) {
            let Judged {
                call,
                returned,
                claim,
            } = &self.judged[place];
            let obstacle = Obstacle {
                state: &from.state,
                claim: *claim,
                returned: *returned,
            };
            let span = Span {
                invoked: call.invoked.at,
                returned: returned.at,
            };
            let Ghosts {
                tokens, tolerance, ..
            } = &self.ghosts;
            let result = from.state.after(claim, span, tokens, tolerance);
            let refusal = result.as_ref().err().copied();
            if let Ok(state) = result {
                let way = Configuration {
                    placed: from.placed.with(place),
                    state,
                };
                if way.state.is_no_further_than(&from.state) {
                    return Next {
                        ways: vec![(call, way)],
                        objections: Vec::new(),
                    };
                }
                if way.state.now > from.state.now.max(span.invoked) {
                    // It fits only after a wait, which another explanation may spare.
                    self.ghosts.enders(obstacle, &mut effects);
                }
                placements.push((*call, way));
            }
            effects.extend(self.ghosts.that_may_help(obstacle, refusal));
            objections.extend(refusal.map(|refusal| Objection {
                call,
                state: Some(from.state.clone()),
                refusal,
            }));
        }
        let taken = effects.into_iter().map(|(place, state)| {
            let placed = from.placed.clone();
            let ghost = &self.ghosts.all[place];
            (ghost.call, Configuration { placed, state })
        });
        placements.extend(taken);
        Next {
            ways: placements,
            objections,
        }
    }

    /// The answers that may come next: no other missing one had returned before their invocation.
    fn possible(&self, placed: &Placed) -> Vec<usize> {
        let mut possible: Vec<usize> = Vec::new();
        let mut first_return = u64::MAX;
        for place in placed.first_missing()..self.judged.len() {
            let judged = &self.judged[place];
            if judged.call.invoked.order > first_return {
                break;
            }
            if !placed.contains(place) {
                first_return = first_return.min(judged.returned.order);
                possible.push(place);
            }
        }
        possible.sort_by_key(|place| self.judged[*place].returned.order);
        possible
    }
}

struct Next<'a> {
    ways: Vec<(&'a Call, Configuration<'a>)>,
    objections: Vec<Objection<'a>>,
}

/// The calls that led to a node, in the order in which they took effect.
fn path<'a>(nodes: &[Node<'a>], to: usize) -> Vec<&'a Call> {
    let ancestors = std::iter::successors(Some(to), |at| nodes[*at].before);
    let mut path: Vec<&Call> = ancestors.filter_map(|at| nodes[at].latest).collect();
    path.reverse();
    path
}
