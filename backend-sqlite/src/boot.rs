//! Which run of which host's clock a time was read from.

use std::{fmt, sync::Arc};

use crate::error::Failure;

/// Names the clock lease times are read from: equal names, comparable times.
///
/// A time of the boot clock means something only to processes that share its origin: the same boot
/// of the same kernel, seen from time namespaces with the same offset. Every lease is stamped with
/// this identity, and a lease with another stamp is never measured.
///
/// | system | identity |
/// |---|---|
/// | Linux, Android | `/proc/sys/kernel/random/boot_id`, and the `boottime` offset of `/proc/self/timens_offsets` |
/// | macOS | `sysctl kern.bootsessionuuid` |
/// | other | none: the boot clock has another origin in every process there, so the store refuses to open |
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct BootIdentity(Arc<str>);

impl BootIdentity {
    /// The identity of the clock this process reads.
    pub(crate) fn of_this_process() -> Result<Self, Failure> {
        imp::identity().map(|identity| Self(identity.into()))
    }

    /// An identity by name, for tests that reboot.
    #[cfg(test)]
    pub(crate) fn named(name: &str) -> Self {
        Self(name.into())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for BootIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod imp {
    use std::{fs, io};

    use crate::error::Failure;

    const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
    const OFFSETS: &str = "/proc/self/timens_offsets";

    pub(super) fn identity() -> Result<String, Failure> {
        let boot_id = read(BOOT_ID)?.ok_or_else(|| unreadable(BOOT_ID))?;
        // A kernel without time namespaces has no such file, and no offsets either.
        let offsets = read(OFFSETS)?.unwrap_or_default();
        Ok(format!("{}{}", boot_id.trim(), suffix(&offsets)))
    }

    /// Nothing for the host's own time, `+seconds.nanoseconds` inside a shifted time namespace.
    pub(super) fn suffix(offsets: &str) -> String {
        let boottime = offsets
            .lines()
            .find_map(|line| line.trim().strip_prefix("boottime"));
        let mut numbers = boottime.unwrap_or_default().split_whitespace();
        match (numbers.next().unwrap_or("0"), numbers.next().unwrap_or("0")) {
            ("0", "0") => String::new(),
            (seconds, nanos) => format!("+{seconds}.{nanos}"),
        }
    }

    fn read(path: &str) -> Result<Option<String>, Failure> {
        match fs::read_to_string(path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(unreadable(path).caused_by(error)),
        }
    }

    fn unreadable(path: &str) -> Failure {
        Failure::fatal(format!(
            "{path} cannot be read, so leases cannot be told from those of an earlier boot: mount \
             /proc for this process"
        ))
    }
}

#[cfg(target_os = "macos")]
mod imp {
    use std::process::Command;

    use crate::error::Failure;

    pub(super) fn identity() -> Result<String, Failure> {
        let refusal = || {
            Failure::fatal(
                "`/usr/sbin/sysctl -n kern.bootsessionuuid` gives no answer, so leases cannot be \
                 told from those of an earlier boot: allow this process to run it",
            )
        };
        let output = Command::new("/usr/sbin/sysctl")
            .args(["-n", "kern.bootsessionuuid"])
            .output()
            .map_err(|error| refusal().caused_by(error))?;
        let identity = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        match output.status.success() && !identity.is_empty() {
            true => Ok(identity),
            false => Err(refusal()),
        }
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "macos")))]
mod imp {
    use crate::error::Failure;

    pub(super) fn identity() -> Result<String, Failure> {
        Err(Failure::fatal(
            "this system has no boot clock that all its processes share: use the SQLite store on \
             Linux or macOS, or another store here",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_process_has_one_identity() {
        let first = BootIdentity::of_this_process().unwrap();
        assert!(!first.as_str().is_empty());
        assert_eq!(first, BootIdentity::of_this_process().unwrap());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_shifted_time_namespace_is_another_clock() {
        let host = "monotonic           0         0\nboottime            0         0\n";
        assert_eq!(imp::suffix(host), "");
        assert_eq!(imp::suffix(""), "");
        let shifted = "monotonic           7         0\nboottime       -86400         5\n";
        assert_eq!(imp::suffix(shifted), "+-86400.5");
    }
}
