//! What can be done to traffic: to which part of it, and when.

use std::{fmt, time::Duration};

/// One of the two ways bytes travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// From the client to the server: requests.
    ToServer,
    /// From the server to the client: answers, and what the server says unasked.
    ToClient,
}

impl Direction {
    pub(super) const BOTH: [Self; 2] = [Self::ToServer, Self::ToClient];
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ToServer => "client to server",
            Self::ToClient => "server to client",
        })
    }
}

/// A thing that goes wrong between a client and its server.
///
/// *Standing* faults last until they are healed: `Latency`, `Slice`, `Blackhole`, `Refuse`. A later
/// one takes the place of an earlier one of its kind; different kinds add up. *Ending* faults
/// happen: `Reset`, `Close`. The others need a request to happen to, the next one unless a
/// [`Trigger`] says which.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Bytes arrive late, and in order.
    Latency {
        /// The least delay.
        fixed: Duration,
        /// The most that is added to it, drawn anew from the proxy's seed for every read.
        jitter: Duration,
    },
    /// Bytes are written a few at a time, each few as a segment of their own.
    Slice {
        /// How many at a time; zero counts as one.
        bytes: usize,
        /// The wait after each write.
        pause: Duration,
    },
    /// Nothing arrives and nothing is closed: the proxy holds the bytes.
    ///
    /// It holds [`HOLD_LIMIT`](super::HOLD_LIMIT) bytes of each direction of a connection, then
    /// stops reading. The end of a stream is held behind them. What becomes of the bytes is for
    /// [`heal`](super::Proxy::heal) or [`heal_losing_held`](super::Proxy::heal_losing_held) to say.
    Blackhole,
    /// Both ends see the connection reset (RST). What was not yet delivered is lost.
    ///
    /// With a trigger, the request that fires it is not delivered. With a direction, only the end
    /// that bytes travel to is told; the other finds its connection open and silent until healed.
    Reset,
    /// Both ends see the connection closed (FIN); otherwise as [`Fault::Reset`].
    Close,
    /// New connections are refused by the kernel, and the ones that are open go on.
    ///
    /// The port stays the proxy's own, and is listened at again once healed.
    Refuse,
    /// The request is delivered, and nothing that the server says from then on.
    DropReply(Then),
    /// The request is recorded for a later [`replay`](super::Proxy::replay), and delivered.
    Capture,
    /// The request is recorded for a later [`replay`](super::Proxy::replay), and not delivered.
    Withhold,
}

impl Fault {
    /// Writes `bytes` at a time, without waiting.
    #[must_use]
    pub fn slice(bytes: usize) -> Self {
        Self::Slice {
            bytes,
            pause: Duration::ZERO,
        }
    }

    /// Carries no more than this many bytes per second; zero counts as one.
    #[must_use]
    pub fn bandwidth(bytes_per_second: u32) -> Self {
        let per_second = bytes_per_second.max(1);
        // A hundred writes a second look like a slow line, and cost nothing.
        let bytes = (per_second / 100).max(1);
        Self::Slice {
            bytes: bytes as usize,
            pause: Duration::from_secs(u64::from(bytes)) / per_second,
        }
    }

    /// The fault at a request that fires `trigger`: once, on the connection of that request.
    #[must_use]
    pub fn on(self, trigger: Trigger) -> Plan {
        Plan::from(self).on(trigger)
    }

    /// The fault in one direction only; see [`Plan::toward`].
    #[must_use]
    pub fn toward(self, direction: Direction) -> Plan {
        Plan::from(self).toward(direction)
    }

    /// The fault on some connections only.
    #[must_use]
    pub fn to(self, connections: Connections) -> Plan {
        Plan::from(self).to(connections)
    }

    pub(super) fn needs_request(&self) -> bool {
        matches!(self, Self::DropReply(_) | Self::Capture | Self::Withhold)
    }

    pub(super) fn ends_connections(&self) -> bool {
        matches!(self, Self::Reset | Self::Close)
    }
}

/// What becomes of a connection whose reply was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// Both ends see it closed (FIN), as soon as the server has answered.
    Close,
    /// The client sees it reset (RST) and the server closed, as soon as the server has answered.
    Reset,
    /// It stays open, and silent toward the client until healed.
    Hang,
}

/// Which request a fault happens to.
///
/// The proxy knows no protocol. A *request* is what a client says between two words of the server:
/// it begins with the first bytes of a connection, or with the first bytes after the server last
/// said something, and grows until the server speaks. So
/// - a handshake is requests too, one for each of its round trips;
/// - requests that are pipelined, sent before the first of them is answered, are *one*, and what is
///   done to it is done to all of them;
/// - where a server speaks unasked, or several calls share a connection, what counts as one request
///   is a matter of timing: use [`Trigger::Containing`] there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// The `n`-th request to begin after the injection, over all connections the fault is for, in
    /// the order they reach the proxy. Zero counts as one.
    Nth(u64),
    /// A request that contains these bytes, however it is cut into packets, within its first
    /// [`RECORD_LIMIT`](super::RECORD_LIMIT) bytes.
    ///
    /// It fires with the read that completes the bytes. What the client said of the same request
    /// in earlier reads has been carried already.
    Containing(Vec<u8>),
}

impl Trigger {
    /// A request that contains these bytes; see [`Trigger::Containing`].
    #[must_use]
    pub fn containing(bytes: impl AsRef<[u8]>) -> Self {
        Self::Containing(bytes.as_ref().to_vec())
    }
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nth(n) => write!(f, "request {} from now", n.max(&1)),
            Self::Containing(bytes) => {
                write!(f, "a request containing \"{}\"", bytes.escape_ascii())
            }
        }
    }
}

/// Which connections a fault is for.
///
/// A connection is open once the proxy has accepted it, which may be after the client was told that
/// it is connected: an answer from the server, or
/// [`until_connections`](super::Proxy::until_connections), makes sure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connections {
    /// Those open now and those to come.
    All,
    /// Those open now.
    Open,
    /// Those to come.
    New,
    /// The one of this number; the proxy counts them from 1 in the order it accepts them.
    Number(u64),
}

/// A fault with its place and its time, as [`Proxy::inject`](super::Proxy::inject) takes it.
///
/// A fault alone is a plan: in both directions, now. It is for all connections, but a `Reset` or
/// `Close` without a trigger is for the open ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    pub(super) fault: Fault,
    pub(super) trigger: Option<Trigger>,
    pub(super) repeats: bool,
    pub(super) toward: Option<Direction>,
    connections: Option<Connections>,
}

impl Plan {
    /// Has it happen at a request that fires `trigger`: once, on the connection of that request.
    #[must_use]
    pub fn on(mut self, trigger: Trigger) -> Self {
        self.trigger = Some(trigger);
        self
    }

    /// Has it happen whenever its trigger fires, until healed; an [`Trigger::Nth`] counts anew.
    #[must_use]
    pub fn repeatedly(mut self) -> Self {
        self.repeats = true;
        self
    }

    /// Has it happen in one direction only.
    ///
    /// Means nothing to faults that have a direction of their own: `Refuse`, `DropReply`,
    /// `Capture`, `Withhold`.
    #[must_use]
    pub fn toward(mut self, direction: Direction) -> Self {
        self.toward = Some(direction);
        self
    }

    /// Has it happen to some connections only.
    #[must_use]
    pub fn to(mut self, connections: Connections) -> Self {
        self.connections = Some(connections);
        self
    }

    pub(super) fn connections(&self) -> Connections {
        self.connections.unwrap_or_else(|| {
            if self.fault.ends_connections() && self.trigger.is_none() {
                Connections::Open
            } else {
                Connections::All
            }
        })
    }

    pub(super) fn directions(&self) -> impl Iterator<Item = Direction> + use<> {
        let toward = self.toward;
        Direction::BOTH
            .into_iter()
            .filter(move |direction| toward.is_none_or(|only| only == *direction))
    }
}

impl From<Fault> for Plan {
    fn from(fault: Fault) -> Self {
        Self {
            trigger: fault.needs_request().then_some(Trigger::Nth(1)),
            fault,
            repeats: false,
            toward: None,
            connections: None,
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.fault)?;
        if let Some(direction) = self.toward {
            write!(f, ", {direction}")?;
        }
        match self.connections() {
            Connections::All => {}
            Connections::Open => write!(f, ", on open connections")?,
            Connections::New => write!(f, ", on new connections")?,
            Connections::Number(number) => write!(f, ", on connection {number}")?,
        }
        if let Some(trigger) = &self.trigger {
            write!(f, ", at {trigger}")?;
        }
        if self.repeats {
            write!(f, ", repeatedly")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bandwidth_is_kept_to_whatever_its_size() {
        for limit in [1, 7, 99, 100, 12_345, 10_000_000] {
            let Fault::Slice { bytes, pause } = Fault::bandwidth(limit) else {
                panic!("a bandwidth is paced writing");
            };
            let rate = bytes as f64 / pause.as_secs_f64();
            assert!(
                (rate / f64::from(limit) - 1.0).abs() < 1e-3,
                "{limit}: {rate}"
            );
        }
    }

    #[test]
    fn a_plan_reads_as_a_sentence() {
        let plan = Fault::DropReply(Then::Hang).on(Trigger::Nth(3));
        assert_eq!(plan.to_string(), "DropReply(Hang), at request 3 from now");
        let plan = Fault::Reset.toward(Direction::ToClient);
        assert_eq!(
            plan.to_string(),
            "Reset, server to client, on open connections"
        );
    }
}
