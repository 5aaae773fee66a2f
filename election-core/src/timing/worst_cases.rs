//! What durations mean on the worst day.

use std::{fmt, time::Duration};

/// What a [`Timing`](super::Timing) means on the worst day, for people who choose one.
#[derive(Clone, Debug, PartialEq)]
pub struct WorstCases {
    /// From the leader's death to the next grant, for a store that frees leases without lag.
    pub takeover_after_crash: Duration,
    /// From a release to the next grant without hints; with hints it is two round trips.
    pub takeover_after_release: Duration,
    /// A store outage this long never ends a term.
    pub outage_survived: Duration,
    /// The clock-rate error that is survived on either side, in percent.
    pub clock_drift_percent: f64,
    /// Complete renewal attempts between a confirmed renewal and the order to stop.
    pub renewal_attempts: u32,
}

/// One line per case, for people.
impl fmt::Display for WorstCases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "take-over after a crash      within {:?}",
            self.takeover_after_crash
        )?;
        writeln!(
            f,
            "take-over after a clean stop within {:?} (at once where the store gives hints)",
            self.takeover_after_release
        )?;
        writeln!(f, "store outage survived        {:?}", self.outage_survived)?;
        writeln!(
            f,
            "clock-rate error survived    {:.1} % on either side",
            self.clock_drift_percent
        )?;
        writeln!(f, "renewal attempts per hold    {}", self.renewal_attempts)?;
        write!(f, "overlap of two leaders       none within these bounds")
    }
}
