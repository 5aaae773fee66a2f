//! The plans since the last healing: which have yet to happen, and at which request they do.

use super::{Connections, Plan, Trigger, conversation::Conversation};

/// The name of a plan among those of one proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PlanId(pub(super) u64);

/// Which connections a plan is for, fixed at the moment of its injection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope {
    connections: Connections,
    /// The number of the first connection accepted after the injection.
    since: u64,
}

impl Scope {
    pub(super) fn new(connections: Connections, since: u64) -> Self {
        Self { connections, since }
    }

    pub(super) fn includes(self, connection: u64) -> bool {
        match self.connections {
            Connections::All => true,
            Connections::Open => connection < self.since,
            Connections::New => connection >= self.since,
            Connections::Number(number) => connection == number,
        }
    }

    /// Whether connections to come may be included.
    fn is_open(self) -> bool {
        match self.connections {
            Connections::All | Connections::New => true,
            Connections::Open => false,
            Connections::Number(number) => number >= self.since,
        }
    }
}

#[derive(Debug)]
struct Pending {
    id: PlanId,
    plan: Plan,
    scope: Scope,
    /// The requests that have begun since the injection.
    begun: u64,
    /// The connection and request at which it happened last.
    happened: Option<(u64, u64)>,
    /// Whether it has done something to traffic.
    took_effect: bool,
}

#[derive(Debug, Default)]
pub(super) struct Plans {
    pending: Vec<Pending>,
    named: u64,
}

impl Plans {
    pub(super) fn add(&mut self, plan: &Plan, scope: Scope) -> PlanId {
        if plan.trigger.is_none() {
            // The earlier plan may never do anything now: nobody is to wait for it.
            for earlier in &mut self.pending {
                let same_kind = std::mem::discriminant(&earlier.plan.fault)
                    == std::mem::discriminant(&plan.fault);
                earlier.took_effect |= same_kind && earlier.plan.trigger.is_none();
            }
        }
        self.named += 1;
        let id = PlanId(self.named);
        self.pending.push(Pending {
            id,
            plan: plan.clone(),
            scope,
            begun: 0,
            happened: None,
            // Having ended all connections there were, however few, is an effect.
            took_effect: plan.fault.ends_connections()
                && plan.trigger.is_none()
                && !scope.is_open(),
        });
        id
    }

    /// The plans without a trigger that are for this connection, in the order of their injection.
    pub(super) fn standing(&self, connection: u64) -> Vec<(PlanId, Plan)> {
        let stands = |pending: &&Pending| {
            pending.plan.trigger.is_none() && pending.scope.includes(connection)
        };
        let name = |pending: &Pending| (pending.id, pending.plan.clone());
        self.pending.iter().filter(stands).map(name).collect()
    }

    /// The plans that happen at what a client said last, in the order of their injection.
    pub(super) fn fire(
        &mut self,
        connection: u64,
        conversation: &Conversation,
    ) -> Vec<(PlanId, Plan)> {
        let request = (connection, conversation.requests());
        let mut fired = Vec::new();
        for pending in &mut self.pending {
            let Some(trigger) = &pending.plan.trigger else {
                continue;
            };
            if !pending.scope.includes(connection) {
                continue;
            }
            pending.begun += u64::from(conversation.just_began());
            let fires = match trigger {
                Trigger::Nth(n) => conversation.just_began() && pending.begun == *n.max(&1),
                Trigger::Containing(bytes) => conversation.just_completed(bytes),
            };
            let may = match pending.happened {
                None => true,
                Some(last) => pending.plan.repeats && last != request,
            };
            if fires && may {
                pending.happened = Some(request);
                if pending.plan.repeats {
                    pending.begun = 0;
                }
                fired.push((pending.id, pending.plan.clone()));
            }
        }
        fired
    }

    pub(super) fn took_effect(&mut self, id: PlanId) {
        if let Some(pending) = self.pending.iter_mut().find(|pending| pending.id == id) {
            pending.took_effect = true;
        }
    }

    pub(super) fn all_took_effect(&self) -> bool {
        self.pending.iter().all(|pending| pending.took_effect)
    }

    pub(super) fn clear(&mut self) {
        self.pending.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::{Fault, Then};

    fn plans(plan: Plan) -> Plans {
        let scope = Scope::new(plan.connections(), 5);
        let mut plans = Plans::default();
        plans.add(&plan, scope);
        plans
    }

    /// Has a client say `words`, each answered, and tells at which of them the plan happened.
    fn fired(plans: &mut Plans, connection: u64, words: &[&str]) -> Vec<usize> {
        let mut conversation = Conversation::default();
        let mut fired = Vec::new();
        for (index, word) in words.iter().enumerate() {
            conversation.client_said(word.as_bytes());
            if !plans.fire(connection, &conversation).is_empty() {
                fired.push(index);
            }
            conversation.server_said(1);
        }
        fired
    }

    #[test]
    fn requests_are_counted_over_all_connections() {
        let mut plans = plans(Fault::Reset.on(Trigger::Nth(3)));
        assert!(fired(&mut plans, 1, &["a", "b"]).is_empty());
        assert_eq!(fired(&mut plans, 2, &["a", "b", "c", "d"]), [0]);
    }

    #[test]
    fn a_repeated_plan_counts_anew() {
        let mut plans = plans(Fault::Reset.on(Trigger::Nth(2)).repeatedly());
        assert_eq!(fired(&mut plans, 1, &["a", "b", "c", "d", "e"]), [1, 3]);
    }

    #[test]
    fn a_plan_happens_once_unless_it_is_repeated() {
        let renewals = ["set", "renew", "renew"];
        let plan = Fault::DropReply(Then::Hang).on(Trigger::containing("renew"));
        assert_eq!(fired(&mut plans(plan.clone()), 1, &renewals), [1]);
        assert_eq!(fired(&mut plans(plan.repeatedly()), 1, &renewals), [1, 2]);
    }

    #[test]
    fn open_and_new_connections_are_told_apart_by_their_number() {
        for (connections, of_4, of_5) in [
            (Connections::All, true, true),
            (Connections::Open, true, false),
            (Connections::New, false, true),
            (Connections::Number(5), false, true),
        ] {
            let scope = Scope::new(connections, 5);
            assert_eq!((scope.includes(4), scope.includes(5)), (of_4, of_5));
        }
    }
}
