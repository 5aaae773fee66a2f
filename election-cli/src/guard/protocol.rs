//! What supervisor and watchdog say to each other: one line per word.
//!
//! Both ends are the same image of the same program, so there are no versions. A line that cannot
//! be read means that the other end is not what it should be.

use std::{fmt, str::FromStr, time::Duration};

use election_core::Instant;
use rustix::process::{Pid, Signal, WaitStatus};

use super::trust::Trust;

/// From the supervisor to the watchdog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Trust(Trust),
    Signal(Signal),
    Stop { kill_by: Option<Instant> },
}

/// From the watchdog to the supervisor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Report {
    Started(Pid),
    NotStarted { errno: i32 },
    Code(i32),
    Signal(i32),
    Gone,
}

/// A line that says nothing known.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unreadable;

impl Report {
    pub(super) fn exited(status: WaitStatus) -> Self {
        match status.terminating_signal() {
            Some(signal) => Self::Signal(signal),
            None => Self::Code(status.exit_status().unwrap_or_default()),
        }
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trust(Trust::Until { valid_until, grace }) => {
                let valid_until = nanos(valid_until.since_origin());
                write!(f, "trust {valid_until} {}", nanos(*grace))
            }
            Self::Trust(Trust::Forever) => f.write_str("trust forever"),
            Self::Signal(signal) => write!(f, "signal {}", signal.as_raw()),
            Self::Stop { kill_by: None } => f.write_str("stop"),
            Self::Stop { kill_by: Some(at) } => {
                write!(f, "stop {}", nanos(at.since_origin()))
            }
        }
    }
}

impl FromStr for Order {
    type Err = Unreadable;

    fn from_str(line: &str) -> Result<Self, Unreadable> {
        let words: Vec<_> = line.split(' ').collect();
        match *words {
            ["trust", "forever"] => Ok(Self::Trust(Trust::Forever)),
            ["trust", valid_until, grace] => Ok(Self::Trust(Trust::Until {
                valid_until: Instant::from_origin(duration(valid_until)?),
                grace: duration(grace)?,
            })),
            ["signal", signal] => Signal::from_named_raw(number(signal)?)
                .map(Self::Signal)
                .ok_or(Unreadable),
            ["stop"] => Ok(Self::Stop { kill_by: None }),
            ["stop", kill_by] => Ok(Self::Stop {
                kill_by: Some(Instant::from_origin(duration(kill_by)?)),
            }),
            _ => Err(Unreadable),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started(pid) => write!(f, "started {}", pid.as_raw_pid()),
            Self::NotStarted { errno } => write!(f, "not-started {errno}"),
            Self::Code(code) => write!(f, "exited code {code}"),
            Self::Signal(signal) => write!(f, "exited signal {signal}"),
            Self::Gone => f.write_str("gone"),
        }
    }
}

impl FromStr for Report {
    type Err = Unreadable;

    fn from_str(line: &str) -> Result<Self, Unreadable> {
        let words: Vec<_> = line.split(' ').collect();
        match *words {
            ["started", pid] => process_id(pid).map(Self::Started).ok_or(Unreadable),
            ["not-started", errno] => Ok(Self::NotStarted {
                errno: number(errno)?,
            }),
            ["exited", "code", code] => Ok(Self::Code(number(code)?)),
            ["exited", "signal", signal] => Ok(Self::Signal(number(signal)?)),
            ["gone"] => Ok(Self::Gone),
            _ => Err(Unreadable),
        }
    }
}

/// Bytes as they arrive, taken out as whole lines.
#[derive(Debug, Default)]
pub(super) struct Lines {
    bytes: Vec<u8>,
}

impl Lines {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole line in the words of `T`; `None` until there is one.
    pub(super) fn next<T: FromStr<Err = Unreadable>>(&mut self) -> Option<Result<T, Unreadable>> {
        let end = self.bytes.iter().position(|&byte| byte == b'\n')?;
        let line: Vec<u8> = self.bytes.drain(..=end).collect();
        let word = std::str::from_utf8(&line[..end]).map_err(|_| Unreadable);
        Some(word.and_then(str::parse))
    }
}

/// Whole nanoseconds, at most some 584 years of them.
pub(super) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// A process id as written, if it names one process: zero and below mean others to `kill`.
pub(super) fn process_id(digits: &str) -> Option<Pid> {
    let raw = digits.parse().ok().filter(|raw| *raw > 0)?;
    Pid::from_raw(raw)
}

fn duration(nanos: &str) -> Result<Duration, Unreadable> {
    number(nanos).map(Duration::from_nanos)
}

fn number<T: FromStr>(digits: &str) -> Result<T, Unreadable> {
    digits.parse().map_err(|_| Unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(nanos: u64) -> Instant {
        Instant::from_origin(Duration::from_nanos(nanos))
    }

    #[test]
    fn every_order_is_understood_as_it_was_meant() {
        for order in [
            Order::Trust(Trust::Forever),
            Order::Trust(Trust::Until {
                valid_until: at(1_234_567_890_123),
                grace: Duration::from_millis(1500),
            }),
            Order::Signal(Signal::USR1),
            Order::Stop { kill_by: None },
            Order::Stop {
                kill_by: Some(at(5)),
            },
        ] {
            assert_eq!(order.to_string().parse(), Ok(order));
        }
    }

    #[test]
    fn every_report_is_understood_as_it_was_meant() {
        for report in [
            Report::Started(Pid::from_raw(4711).unwrap()),
            Report::NotStarted { errno: 2 },
            Report::Code(0),
            Report::Signal(9),
            Report::Gone,
        ] {
            assert_eq!(report.to_string().parse(), Ok(report));
        }
    }

    #[test]
    fn only_a_positive_number_is_a_process_id() {
        assert_eq!(process_id("42"), Pid::from_raw(42));
        for wrong in ["0", "-1", "", "4x"] {
            assert_eq!(process_id(wrong), None);
        }
    }

    #[test]
    fn a_line_cut_in_two_is_one_line() {
        let mut lines = Lines::default();
        lines.push(b"sto");
        assert_eq!(lines.next::<Order>(), None);
        lines.push(b"p\ntrust forever\nx\n");
        assert_eq!(
            lines.next::<Order>(),
            Some(Ok(Order::Stop { kill_by: None }))
        );
        assert_eq!(
            lines.next::<Order>(),
            Some(Ok(Order::Trust(Trust::Forever)))
        );
        assert_eq!(lines.next::<Order>(), Some(Err(Unreadable)));
        assert_eq!(lines.next::<Order>(), None);
    }
}
