//! The log: what was done to traffic, by the byte.

use std::{fmt, time::Duration};

use tokio::time::Instant;

use super::Direction;

/// How many injections the log keeps at least; the oldest go first.
const KEPT: usize = 16 * 1024;

/// One thing the proxy did to traffic.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Injection {
    /// The time since the proxy was started.
    pub at: Duration,
    /// The connection it was done to; `None` for what is done to the port.
    pub connection: Option<u64>,
    /// Which way the bytes were going; `None` for what is done to both.
    pub direction: Option<Direction>,
    /// How many bytes it was done to.
    pub bytes: usize,
    /// What was done.
    pub deed: Deed,
}

/// What was done to traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Deed {
    /// The bytes of one read were made at least this much later.
    Delayed(Duration),
    /// The bytes of one read, or of a few, were written this many at a time.
    Sliced(usize),
    /// The bytes went into a blackhole.
    Held,
    /// The bytes a blackhole held were let go on.
    Delivered,
    /// The bytes a blackhole held were thrown away.
    Lost,
    /// The bytes were read from the server, or from an end that was told nothing, and thrown away.
    Swallowed,
    /// The connection was reset, and these bytes with it.
    Reset,
    /// The connection was closed, and these bytes thrown away.
    Closed,
    /// The port stopped listening.
    Refusing,
    /// The port listened again.
    Accepting,
    /// A whole request was recorded.
    Captured,
    /// A request, or a further part of it, was recorded and not delivered.
    Withheld,
    /// A recorded request was sent, on a new connection to the server.
    Replayed,
}

impl fmt::Display for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delayed(by) => write!(f, "delayed by {by:?}"),
            Self::Sliced(bytes) => write!(f, "sliced to {bytes} at a time"),
            Self::Held => f.write_str("held"),
            Self::Delivered => f.write_str("delivered after all"),
            Self::Lost => f.write_str("lost"),
            Self::Swallowed => f.write_str("swallowed"),
            Self::Reset => f.write_str("reset"),
            Self::Closed => f.write_str("closed"),
            Self::Refusing => f.write_str("refusing new connections"),
            Self::Accepting => f.write_str("accepting new connections again"),
            Self::Captured => f.write_str("captured"),
            Self::Withheld => f.write_str("withheld"),
            Self::Replayed => f.write_str("replayed"),
        }
    }
}

impl fmt::Display for Injection {
    /// `+0.012s connection 1, server to client: swallowed, 14 bytes`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "+{:.3}s ", self.at.as_secs_f64())?;
        match self.connection {
            Some(number) => write!(f, "connection {number}")?,
            None => f.write_str("port")?,
        }
        if let Some(direction) = self.direction {
            write!(f, ", {direction}")?;
        }
        write!(f, ": {}", self.deed)?;
        match (self.connection, self.bytes) {
            (None, _) => Ok(()),
            (_, 1) => f.write_str(", 1 byte"),
            (_, bytes) => write!(f, ", {bytes} bytes"),
        }
    }
}

/// The latest injections, oldest first.
#[derive(Debug)]
pub(super) struct Log {
    began: Instant,
    kept: Vec<Injection>,
}

impl Log {
    pub(super) fn new() -> Self {
        Self {
            began: Instant::now(),
            kept: Vec::new(),
        }
    }

    pub(super) fn note(
        &mut self,
        connection: Option<u64>,
        direction: Option<Direction>,
        bytes: usize,
        deed: Deed,
    ) {
        let injection = Injection {
            at: self.began.elapsed(),
            connection,
            direction,
            bytes,
            deed,
        };
        tracing::debug!("{injection}");
        if self.kept.len() == 2 * KEPT {
            self.kept.drain(..KEPT);
        }
        self.kept.push(injection);
    }

    pub(super) fn injections(&self) -> &[Injection] {
        &self.kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_injection_reads_as_a_line() {
        let injection = Injection {
            at: Duration::from_millis(12),
            connection: Some(1),
            direction: Some(Direction::ToClient),
            bytes: 14,
            deed: Deed::Swallowed,
        };
        assert_eq!(
            injection.to_string(),
            "+0.012s connection 1, server to client: swallowed, 14 bytes"
        );
    }

    #[test]
    fn the_log_forgets_the_oldest_first() {
        let mut log = Log::new();
        for bytes in 0..=2 * KEPT {
            log.note(None, None, bytes, Deed::Held);
        }
        let kept = log.injections();
        assert_eq!(kept.len(), KEPT + 1);
        assert_eq!(kept[0].bytes, KEPT);
    }
}
