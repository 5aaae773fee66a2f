//! One connection as the proxy sees it: two lanes, a conversation, and what is being done to it.

use std::net::SocketAddr;

use tokio::{sync::watch, time::Instant};

use super::{
    Connection, Direction, Then,
    chance::Chance,
    conversation::Conversation,
    lane::{End, Lane},
    plans::PlanId,
};

pub(super) struct Link {
    client: SocketAddr,
    lanes: [Lane; 2],
    pub(super) conversation: Conversation,
    pub(super) swallow: Option<Swallow>,
    /// The captures that what the client says belongs to, until the request is over.
    pub(super) recordings: Vec<Recording>,
    pub(super) ending: Option<Ending>,
    /// Whether an end that was not told of the ending is told now.
    pub(super) released: bool,
    wake: watch::Sender<()>,
}

/// A reply that is being dropped.
#[derive(Clone, Copy)]
pub(super) struct Swallow {
    pub(super) plan: PlanId,
    pub(super) then: Then,
    /// The end of the server's stream, if that was swallowed too.
    pub(super) end: Option<End>,
}

/// A request that is being recorded.
pub(super) struct Recording {
    pub(super) plan: PlanId,
    /// Which of the proxy's captures it is.
    pub(super) capture: usize,
    pub(super) withheld: bool,
    /// Whether the end of the request has been seen.
    pub(super) whole: bool,
}

/// How each end of a connection learns that it is over; `None` if it does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ending {
    pub(super) client: Option<End>,
    pub(super) server: Option<End>,
}

impl Ending {
    pub(super) fn toward(directions: impl IntoIterator<Item = Direction>, end: End) -> Self {
        let mut ending = Self {
            client: None,
            server: None,
        };
        for direction in directions {
            match direction {
                Direction::ToServer => ending.server = Some(end),
                Direction::ToClient => ending.client = Some(end),
            }
        }
        ending
    }
}

impl Link {
    /// A connection without faults, and a signal for everything that changes about it.
    pub(super) fn new(seed: u64, number: u64, client: SocketAddr) -> (Self, watch::Receiver<()>) {
        let now = Instant::now();
        let (wake, woken) = watch::channel(());
        let lane = |direction| Lane::new(Chance::new(seed, number, direction as u64), now);
        let link = Self {
            client,
            lanes: Direction::BOTH.map(lane),
            conversation: Conversation::default(),
            swallow: None,
            recordings: Vec::new(),
            ending: None,
            released: false,
            wake,
        };
        (link, woken)
    }

    pub(super) fn lane(&self, direction: Direction) -> &Lane {
        &self.lanes[direction as usize]
    }

    pub(super) fn lane_mut(&mut self, direction: Direction) -> &mut Lane {
        &mut self.lanes[direction as usize]
    }

    pub(super) fn wake(&self) {
        self.wake.send_replace(());
    }

    /// Ends the connection; tells how many bytes are lost by that.
    pub(super) fn end(&mut self, ending: Ending) -> usize {
        self.ending.get_or_insert(ending);
        let lost = self.lanes.iter_mut().map(Lane::finish).sum();
        self.wake();
        lost
    }

    pub(super) fn describe(&self, number: u64) -> Connection {
        let [to_server, to_client] = &self.lanes;
        Connection {
            number,
            client: self.client,
            requests: self.conversation.requests(),
            bytes_to_server: to_server.delivered(),
            bytes_to_client: to_client.delivered(),
        }
    }
}
