//! The job of the demonstration: it records its own life, line by line, on standard output.

use std::{
    env, fmt,
    fs::File,
    io::{self, Write},
    path::Path,
    str::FromStr,
    thread,
    time::Duration,
};

use election::{BootClock, Clock};
use rustix::fs::{FlockOperation, flock};

/// How often a job records that it is alive.
const BEAT: Duration = Duration::from_millis(10);

/// One line of a job's record; times are nanoseconds of the host's boot clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// A job began, under this process id and fencing token.
    Start { at: u64, pid: u32, token: u64 },
    /// It was alive.
    Beat { at: u64, pid: u32 },
    /// When it began, another job held the kernel's lock: two are alive.
    NotAlone { at: u64, pid: u32 },
}

/// Lives until it is killed.
pub(super) fn live(place: &Path) -> io::Result<()> {
    let lock = File::create(place.join("job.lock"))?;
    let pid = std::process::id();
    let token = env::var("ELECT_FENCING_TOKEN")
        .ok()
        .and_then(|token| token.parse().ok());
    let token = token.ok_or_else(|| io::Error::other("ELECT_FENCING_TOKEN is not set"))?;
    // The kernel gives this lock up only when the process is gone, however it dies.
    if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
        record(Entry::NotAlone { at: now(), pid })?;
    }
    record(Entry::Start {
        at: now(),
        pid,
        token,
    })?;
    loop {
        thread::sleep(BEAT);
        record(Entry::Beat { at: now(), pid })?;
    }
}

fn record(entry: Entry) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{entry}")?;
    out.flush()
}

fn now() -> u64 {
    u64::try_from(BootClock.now().since_origin().as_nanos()).unwrap_or(u64::MAX)
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start { at, pid, token } => write!(f, "start {at} {pid} {token}"),
            Self::Beat { at, pid } => write!(f, "beat {at} {pid}"),
            Self::NotAlone { at, pid } => write!(f, "not-alone {at} {pid}"),
        }
    }
}

impl FromStr for Entry {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        let wrong = || format!("not a line of a job's record: {line:?}");
        let mut words = line.split(' ');
        let kind = words.next().ok_or_else(wrong)?;
        let mut number = || {
            words
                .next()
                .and_then(|word| word.parse::<u64>().ok())
                .ok_or_else(wrong)
        };
        let (at, pid) = (number()?, u32::try_from(number()?).map_err(|_| wrong())?);
        match kind {
            "start" => Ok(Self::Start {
                at,
                pid,
                token: number()?,
            }),
            "beat" => Ok(Self::Beat { at, pid }),
            "not-alone" => Ok(Self::NotAlone { at, pid }),
            _ => Err(wrong()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_as_it_was_written() {
        for entry in [
            Entry::Start {
                at: 1,
                pid: 2,
                token: 3,
            },
            Entry::Beat { at: 1, pid: 2 },
            Entry::NotAlone { at: 1, pid: 2 },
        ] {
            assert_eq!(entry.to_string().parse(), Ok(entry));
        }
        assert!("start 1 2".parse::<Entry>().is_err());
    }
}
