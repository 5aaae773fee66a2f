//! Every decision of a proxy, in one place and without waiting.

use std::{collections::BTreeMap, io, net::SocketAddr};

use tokio::{sync::watch, time::Instant};

use super::{
    Capture, Deed, Direction, Fault, Plan, Then,
    door::Door,
    injection::Log,
    lane::{Effect, End, Held, Next},
    link::{Ending, Link, Recording, Swallow},
    plans::{PlanId, Plans, Scope},
};

pub(super) struct State {
    seed: u64,
    accepted: u64,
    pub(super) door: Door,
    pub(super) plans: Plans,
    pub(super) links: BTreeMap<u64, Link>,
    pub(super) captures: Vec<Capture>,
    pub(super) log: Log,
}

/// What the owner orders.
impl State {
    pub(super) fn new(door: Door, seed: u64) -> Self {
        Self {
            seed,
            accepted: 0,
            door,
            plans: Plans::default(),
            links: BTreeMap::new(),
            captures: Vec::new(),
            log: Log::new(),
        }
    }

    pub(super) fn inject(&mut self, plan: &Plan) {
        tracing::debug!("inject {plan}");
        let scope = Scope::new(plan.connections(), self.accepted + 1);
        let id = self.plans.add(plan, scope);
        if plan.trigger.is_some() {
            return;
        }
        if plan.fault == Fault::Refuse {
            self.refuse(id);
        }
        let open: Vec<u64> = self.links.keys().copied().collect();
        for number in open.into_iter().filter(|number| scope.includes(*number)) {
            self.happen(number, id, plan, 0);
        }
    }

    pub(super) fn heal(&mut self, held: Held) -> io::Result<()> {
        tracing::debug!("heal");
        let now = Instant::now();
        self.plans.clear();
        for (number, link) in &mut self.links {
            for direction in Direction::BOTH {
                if let Some((deed, bytes)) = link.lane_mut(direction).heal(held, now) {
                    self.log.note(Some(*number), Some(direction), bytes, deed);
                }
            }
            if let Some(end) = link.swallow.take().and_then(|swallow| swallow.end) {
                link.lane_mut(Direction::ToClient).push_end(end, now);
            }
            link.recordings.clear();
            link.released = link.ending.is_some();
            link.wake();
        }
        if !self.door.is_open() {
            self.door.open()?;
            self.log.note(None, None, 0, Deed::Accepting);
        }
        Ok(())
    }
}

/// What the tasks report.
impl State {
    pub(super) fn opened(&mut self, client: SocketAddr) -> (u64, watch::Receiver<()>) {
        self.accepted += 1;
        let number = self.accepted;
        let (link, woken) = Link::new(self.seed, number, client);
        self.links.insert(number, link);
        for (id, plan) in self.plans.standing(number) {
            self.happen(number, id, &plan, 0);
        }
        (number, woken)
    }

    pub(super) fn client_said(&mut self, number: u64, bytes: &[u8]) {
        let Some(link) = open_link(&mut self.links, number) else {
            return;
        };
        link.conversation.client_said(bytes);
        if link.conversation.just_began() {
            link.recordings.clear();
        }
        let fired = self.plans.fire(number, &link.conversation);
        for (id, plan) in &fired {
            self.happen(number, *id, plan, bytes.len());
        }
        let Some(link) = open_link(&mut self.links, number) else {
            return; // these bytes are not delivered
        };
        let mut withheld = false;
        for recording in &link.recordings {
            self.captures[recording.capture].update(link.conversation.current());
            if recording.withheld {
                withheld = true;
                self.plans.took_effect(recording.plan);
            }
        }
        if withheld {
            let direction = Some(Direction::ToServer);
            self.log
                .note(Some(number), direction, bytes.len(), Deed::Withheld);
            return;
        }
        self.carry(number, Direction::ToServer, bytes);
    }

    pub(super) fn server_said(&mut self, number: u64, bytes: &[u8]) {
        let Some(link) = open_link(&mut self.links, number) else {
            return;
        };
        link.conversation.server_said(bytes.len());
        let swallows = link.swallow.is_some();
        self.finish_recordings(number);
        if swallows {
            self.swallow(number, bytes.len(), None);
        } else {
            self.carry(number, Direction::ToClient, bytes);
        }
    }

    pub(super) fn stream_ended(&mut self, number: u64, direction: Direction, end: End) {
        let Some(link) = open_link(&mut self.links, number) else {
            return;
        };
        if direction == Direction::ToClient && link.swallow.is_some() {
            return self.swallow(number, 0, Some(end));
        }
        link.lane_mut(direction).push_end(end, Instant::now());
        link.wake();
    }

    /// What the writer of a lane is to do.
    pub(super) fn next(&mut self, number: u64, direction: Direction) -> Next {
        let Some(link) = self.links.get_mut(&number) else {
            return Next::Over;
        };
        let (next, effect) = link.lane_mut(direction).next(Instant::now());
        if matches!(next, Next::Write(_)) {
            link.wake(); // there is room to read again
        }
        self.took_effect(number, direction, effect);
        next
    }

    /// Gives a lane up whose receiver is gone.
    pub(super) fn broken(&mut self, number: u64, direction: Direction) {
        if let Some(link) = self.links.get_mut(&number) {
            link.lane_mut(direction).finish();
            link.wake();
        }
    }

    /// Passes a reset on: a connection that one end has reset has no other.
    pub(super) fn reset_by_peer(&mut self, number: u64) {
        if let Some(link) = open_link(&mut self.links, number) {
            link.end(Ending::toward(Direction::BOTH, End::Reset));
        }
    }

    pub(super) fn closed(&mut self, number: u64) {
        self.finish_recordings(number);
        if let Some(swallow) = self.links.remove(&number).and_then(|link| link.swallow) {
            // The server will not answer any more; nobody is to wait for that.
            self.plans.took_effect(swallow.plan);
        }
    }
}

/// What can be seen of a connection.
impl State {
    /// How many bytes may be read, or `None` if none ever again.
    pub(super) fn room(&self, number: u64, direction: Direction) -> Option<usize> {
        self.links.get(&number)?.lane(direction).room()
    }

    pub(super) fn ending(&self, number: u64) -> Option<Ending> {
        self.links.get(&number)?.ending
    }

    /// Whether an end that was not told of the ending may be told now.
    pub(super) fn is_released(&self, number: u64) -> bool {
        self.links.get(&number).is_none_or(|link| link.released)
    }
}

/// How it comes about.
impl State {
    /// Has a fault happen to a connection, at `bytes` that are not on their way yet.
    fn happen(&mut self, number: u64, id: PlanId, plan: &Plan, bytes: usize) {
        let Some(link) = open_link(&mut self.links, number) else {
            return;
        };
        match plan.fault {
            Fault::Refuse => self.refuse(id),
            Fault::Reset | Fault::Close => {
                let end = if plan.fault == Fault::Reset {
                    End::Reset
                } else {
                    End::Close
                };
                let ending = Ending::toward(plan.directions(), end);
                self.end(number, id, ending, plan.toward, bytes);
            }
            Fault::DropReply(then) => {
                let before = link.swallow.replace(Swallow {
                    plan: id,
                    then,
                    end: link.swallow.and_then(|before| before.end),
                });
                if let Some(before) = before {
                    // Nothing is left for it to drop.
                    self.plans.took_effect(before.plan);
                }
            }
            Fault::Capture | Fault::Withhold => {
                link.recordings.push(Recording {
                    plan: id,
                    capture: self.captures.len(),
                    withheld: plan.fault == Fault::Withhold,
                    whole: false,
                });
                self.captures.push(Capture::new(number, &link.conversation));
            }
            Fault::Latency { .. } | Fault::Slice { .. } | Fault::Blackhole => {
                for direction in plan.directions() {
                    if let Some(Effect { plan, deed, bytes }) =
                        link.lane_mut(direction).add(id, &plan.fault)
                    {
                        self.plans.took_effect(plan);
                        self.log.note(Some(number), Some(direction), bytes, deed);
                    }
                }
                link.wake();
            }
        }
    }

    fn refuse(&mut self, id: PlanId) {
        self.plans.took_effect(id);
        if self.door.is_open() {
            self.door.shut();
            self.log.note(None, None, 0, Deed::Refusing);
        }
    }

    /// Ends a connection, and with it `bytes` that were not on their way yet.
    fn end(
        &mut self,
        number: u64,
        id: PlanId,
        ending: Ending,
        toward: Option<Direction>,
        bytes: usize,
    ) {
        let Some(link) = open_link(&mut self.links, number) else {
            return;
        };
        let lost = link.end(ending) + bytes;
        let deed = match ending.client.or(ending.server) {
            Some(End::Reset) => Deed::Reset,
            _ => Deed::Closed,
        };
        self.plans.took_effect(id);
        self.log.note(Some(number), toward, lost, deed);
    }

    /// Throws away what the server answered, and ends the connection if that is the plan.
    fn swallow(&mut self, number: u64, bytes: usize, end: Option<End>) {
        let Some(swallow) = self
            .links
            .get_mut(&number)
            .and_then(|link| link.swallow.as_mut())
        else {
            return;
        };
        swallow.end = end;
        let Swallow { plan, then, .. } = *swallow;
        self.plans.took_effect(plan);
        let toward = Some(Direction::ToClient);
        self.log.note(Some(number), toward, bytes, Deed::Swallowed);
        let client = match then {
            Then::Hang => return,
            Then::Close => End::Close,
            Then::Reset => End::Reset,
        };
        let ending = Ending {
            client: Some(client),
            server: Some(End::Close),
        };
        self.end(number, plan, ending, toward, 0);
    }

    /// Completes the captures of a request that the server answered, or that nothing can follow.
    fn finish_recordings(&mut self, number: u64) {
        let Some(link) = self.links.get_mut(&number) else {
            return;
        };
        for recording in &mut link.recordings {
            let capture = &mut self.captures[recording.capture];
            capture.update(link.conversation.current());
            let first = !std::mem::replace(&mut recording.whole, true);
            if first && !recording.withheld {
                self.plans.took_effect(recording.plan);
                let direction = Some(Direction::ToServer);
                self.log.note(
                    Some(number),
                    direction,
                    capture.bytes().len(),
                    Deed::Captured,
                );
            }
        }
    }

    fn carry(&mut self, number: u64, direction: Direction, bytes: &[u8]) {
        if let Some(link) = open_link(&mut self.links, number) {
            let effects = link.lane_mut(direction).push(bytes, Instant::now());
            link.wake();
            self.took_effect(number, direction, effects);
        }
    }

    fn took_effect(
        &mut self,
        number: u64,
        direction: Direction,
        effects: impl IntoIterator<Item = Effect>,
    ) {
        for Effect { plan, deed, bytes } in effects {
            self.plans.took_effect(plan);
            self.log.note(Some(number), Some(direction), bytes, deed);
        }
    }
}

/// A connection that has not been ended.
///
/// Not a method, so that the rest of the state stays at hand.
fn open_link(links: &mut BTreeMap<u64, Link>, number: u64) -> Option<&mut Link> {
    links.get_mut(&number).filter(|link| link.ending.is_none())
}
