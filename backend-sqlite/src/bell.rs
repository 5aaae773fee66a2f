//! The bell that tells other processes of a change: the times of the database file.
//!
//! It is rung after `COMMIT`. A watch on the write-ahead log instead would speak too early, when
//! pages are written and not yet visible, and at every renewal. What is not rung: a change by a
//! process that is killed between `COMMIT` and the bell, and one made by other programs than this
//! library. A hint carries no truth, so polling finds both.

use std::{
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};

/// Tells every process that listens at this database to look.
pub(crate) fn ring(path: &Path) {
    #[cfg(unix)]
    {
        use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, UTIME_NOW, utimensat};

        let now = Timespec {
            tv_sec: 0,
            tv_nsec: UTIME_NOW,
        };
        let times = Timestamps {
            last_access: now,
            last_modification: now,
        };
        // By its path, since closing a descriptor of the file would drop SQLite's locks on it. A
        // bell that cannot be rung costs a follower time and nothing else.
        let _ = utimensat(CWD, path, &times, AtFlags::empty());
    }
    #[cfg(not(unix))]
    let _ = path;
}

/// An ear at one database file, until it is dropped.
pub(crate) struct Ear {
    _watcher: RecommendedWatcher,
    /// Whether what was heard last has been passed on and not been looked after yet.
    pending: Arc<AtomicBool>,
}

/// What an ear hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// The bell rang, or something else happened to the file.
    Bell,
    /// The system reported an error: no more bells are to be expected.
    Nothing,
}

impl Ear {
    /// Listens at this file, or `None` if the system has no watch to give.
    ///
    /// However often the bell rings, `hear` is called once until [`Ear::looks_now`].
    pub(crate) fn at(path: &Path, hear: impl Fn(Heard) + Send + 'static) -> Option<Self> {
        let pending = Arc::new(AtomicBool::new(false));
        let rang = Arc::clone(&pending);
        let mut watcher =
            notify::recommended_watcher(move |event: notify::Result<notify::Event>| match event {
                // Somebody opened or closed the file.
                Ok(event) if matches!(event.kind, EventKind::Access(_)) => {}
                Ok(_) => {
                    if !rang.swap(true, Ordering::SeqCst) {
                        hear(Heard::Bell);
                    }
                }
                Err(_) => hear(Heard::Nothing),
            })
            .ok()?;
        // If the watcher's own thread could not be started (a limit of threads), the crate `notify`
        // panics here and again when the watcher is dropped, which would end the process: a few
        // bytes are the better loss.
        let watching = catch_unwind(AssertUnwindSafe(|| {
            watcher.watch(path, RecursiveMode::NonRecursive)
        }));
        match watching {
            Ok(Ok(())) => Some(Self {
                _watcher: watcher,
                pending,
            }),
            Ok(Err(_)) => None,
            Err(_) => {
                mem::forget(watcher);
                None
            }
        }
    }

    /// Says that a look begins: a bell from here on asks for another one.
    pub(crate) fn looks_now(&self) {
        self.pending.store(false, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn a_bell_is_heard_once_until_somebody_looks() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("leases.db");
        std::fs::write(&path, "").unwrap();
        let (sender, heard) = mpsc::channel();
        let ear = Ear::at(&path, move |what| {
            let _ = sender.send(what);
        })
        .unwrap();
        for _ in 0..10 {
            ring(&path);
        }
        assert_eq!(heard.recv(), Ok(Heard::Bell));
        assert_eq!(heard.try_recv(), Err(mpsc::TryRecvError::Empty));
        ear.looks_now();
        ring(&path);
        assert_eq!(heard.recv(), Ok(Heard::Bell));
    }

    #[test]
    fn a_file_that_is_not_there_cannot_be_listened_at() {
        let directory = tempfile::tempdir().unwrap();
        assert!(Ear::at(&directory.path().join("leases.db"), |_| {}).is_none());
    }
}
