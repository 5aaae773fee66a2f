//! Until when a command may run.

use std::time::Duration;

use election_core::Instant;

/// The least and the most time kept between SIGKILL and the end of the trust.
const MIN_KILL_MARGIN: Duration = Duration::from_millis(20);
const MAX_KILL_MARGIN: Duration = Duration::from_millis(250);

/// How long the command may run if nothing more is heard from the supervisor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// The command and its descendants are dead before `valid_until`.
    ///
    /// At `valid_until − grace` its process group gets SIGTERM; at [`Trust::kill_at`] the whole tree
    /// gets SIGKILL.
    Until {
        /// The end of the trust, on the boot clock of this host.
        valid_until: Instant,
        /// How long before that end the command is asked to stop.
        grace: Duration,
    },
    /// No deadline: the command runs until it ends, is stopped, or the supervisor dies.
    Forever,
}

impl Trust {
    /// When the tree is killed, if ever: a quarter of the grace before the end of the trust.
    ///
    /// That quarter is at least 20 ms and at most 250 ms, but never longer than the grace.
    #[must_use]
    pub fn kill_at(self) -> Option<Instant> {
        self.before_end(kill_margin)
    }

    pub(super) fn terminate_at(self) -> Option<Instant> {
        self.before_end(|grace| grace)
    }

    /// When a supervisor stops relying on the watchdog: half-way between its SIGKILL and the end.
    pub(super) fn intervene_at(self) -> Option<Instant> {
        self.before_end(|grace| kill_margin(grace) / 2)
    }

    fn before_end(self, margin: impl Fn(Duration) -> Duration) -> Option<Instant> {
        match self {
            Self::Until { valid_until, grace } => Some(valid_until.minus(margin(grace))),
            Self::Forever => None,
        }
    }
}

fn kill_margin(grace: Duration) -> Duration {
    (grace / 4)
        .clamp(MIN_KILL_MARGIN, MAX_KILL_MARGIN)
        .min(grace)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn the_kill_margin_is_a_quarter_of_the_grace_within_bounds() {
        assert_eq!(kill_margin(ms(400)), ms(100));
        assert_eq!(kill_margin(ms(40)), ms(20));
        assert_eq!(kill_margin(ms(60_000)), ms(250));
    }

    #[test]
    fn the_kill_margin_never_exceeds_the_grace() {
        assert_eq!(kill_margin(ms(5)), ms(5));
        assert_eq!(kill_margin(ms(0)), ms(0));
    }

    #[test]
    fn the_deadlines_come_in_order() {
        let end = Instant::from_origin(Duration::from_secs(100));
        let trust = Trust::Until {
            valid_until: end,
            grace: ms(400),
        };
        assert_eq!(trust.terminate_at(), Some(end.minus(ms(400))));
        assert_eq!(trust.kill_at(), Some(end.minus(ms(100))));
        assert_eq!(trust.intervene_at(), Some(end.minus(ms(50))));
    }

    #[test]
    fn trust_forever_has_no_deadline() {
        assert_eq!(Trust::Forever.terminate_at(), None);
        assert_eq!(Trust::Forever.kill_at(), None);
        assert_eq!(Trust::Forever.intervene_at(), None);
    }
}
