//! The clock leader election is timed by.
//!
//! A lease must be timed by a clock that never steps, does not follow the wall clock, and goes on
//! counting while the machine is suspended. `std::time::Instant` stands still during suspend on
//! Linux and macOS, so a process that slept through its lease would believe in it for as long again.
//!
//! | system | clock | counts suspended time |
//! |---|---|---|
//! | Linux, Android, Fuchsia | `CLOCK_BOOTTIME` | yes |
//! | macOS, iOS | `CLOCK_MONOTONIC` (`mach_continuous_time`) | yes |
//! | Windows | `QueryPerformanceCounter` | yes |
//! | other | `std::time::Instant` | where the system's monotonic clock does |
//!
//! No clock of a guest counts the time its hypervisor had it paused, if the hypervisor hides the
//! pause. Only fencing tokens protect against that.

use election_core::{Clock, Instant};

/// The host's boot clock, read at every call.
///
/// On Linux its origin is the host's boot, in every process of the host alike; elsewhere the origin
/// is unspecified. A read costs about as much as `Instant::now()` and makes no system call.
#[derive(Clone, Copy, Debug, Default)]
pub struct BootClock;

impl Clock for BootClock {
    fn now(&self) -> Instant {
        imp::now()
    }
}

#[cfg(any(
    target_os = "linux",
    target_os = "android",
    target_os = "fuchsia",
    target_vendor = "apple"
))]
mod imp {
    use std::time::Duration;

    use election_core::Instant;
    use rustix::time::{ClockId, clock_gettime};

    #[cfg(target_vendor = "apple")]
    const CLOCK: ClockId = ClockId::Monotonic;
    #[cfg(not(target_vendor = "apple"))]
    const CLOCK: ClockId = ClockId::Boottime;

    pub(crate) fn now() -> Instant {
        let read = clock_gettime(CLOCK);
        let seconds = u64::try_from(read.tv_sec).unwrap_or_default();
        let nanos = u32::try_from(read.tv_nsec).unwrap_or_default();
        Instant::from_origin(Duration::new(seconds, nanos))
    }
}

#[cfg(not(any(
    target_os = "linux",
    target_os = "android",
    target_os = "fuchsia",
    target_vendor = "apple"
)))]
mod imp {
    use std::sync::OnceLock;

    use election_core::Instant;

    pub(crate) fn now() -> Instant {
        static ORIGIN: OnceLock<std::time::Instant> = OnceLock::new();
        Instant::from_origin(ORIGIN.get_or_init(std::time::Instant::now).elapsed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_never_goes_backwards() {
        let mut last = BootClock.now();
        for _ in 0..10_000 {
            let now = BootClock.now();
            assert!(now >= last);
            last = now;
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_clock_counts_from_the_boot_of_the_host() {
        let uptime = std::fs::read_to_string("/proc/uptime").unwrap();
        let uptime: f64 = uptime.split(' ').next().unwrap().parse().unwrap();
        let now = BootClock.now().since_origin().as_secs_f64();
        assert!((now - uptime).abs() < 60.0, "clock {now}, uptime {uptime}");
    }
}
