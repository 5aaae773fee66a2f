//! The lives of the jobs, from their own records, and whether two of them overlapped.

use std::collections::BTreeMap;

use super::job::Entry;

#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// By process id: no id comes twice within a minute.
    lives: BTreeMap<u32, Life>,
    not_alone: Option<u32>,
}

/// What a job has recorded of itself, in nanoseconds of the boot clock.
#[derive(Clone, Copy, Debug)]
struct Life {
    start: u64,
    last_beat: u64,
}

impl Ledger {
    pub(super) fn enter(&mut self, entry: Entry) {
        match entry {
            Entry::Start { at, pid, .. } => {
                self.lives.insert(
                    pid,
                    Life {
                        start: at,
                        last_beat: at,
                    },
                );
            }
            Entry::Beat { at, pid } => {
                if let Some(life) = self.lives.get_mut(&pid) {
                    life.last_beat = life.last_beat.max(at);
                }
            }
            Entry::NotAlone { pid, .. } => self.not_alone = Some(pid),
        }
    }

    pub(super) fn jobs(&self) -> usize {
        self.lives.len()
    }

    /// A sentence about two jobs that were alive at once, if there were any.
    pub(super) fn overlap(&self) -> Option<String> {
        if let Some(pid) = self.not_alone {
            return Some(format!(
                "when job {pid} began, another one still held the job's lock"
            ));
        }
        let mut lives: Vec<_> = self.lives.iter().collect();
        lives.sort_by_key(|(_, life)| life.start);
        let mut latest: Option<(&u32, &Life)> = None;
        for (pid, life) in lives {
            if let Some((other, before)) = latest
                && life.start <= before.last_beat
            {
                return Some(format!("job {pid} began while job {other} was alive"));
            }
            latest = latest
                .filter(|(_, before)| before.last_beat > life.last_beat)
                .or(Some((pid, life)));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger(entries: &[Entry]) -> Ledger {
        let mut ledger = Ledger::default();
        entries.iter().for_each(|entry| ledger.enter(*entry));
        ledger
    }

    const ONE_AFTER_THE_OTHER: [Entry; 4] = [
        Entry::Start {
            at: 10,
            pid: 7,
            token: 1,
        },
        Entry::Beat { at: 20, pid: 7 },
        Entry::Start {
            at: 30,
            pid: 5,
            token: 2,
        },
        Entry::Beat { at: 40, pid: 5 },
    ];

    #[test]
    fn lives_one_after_the_other_do_not_overlap() {
        assert_eq!(ledger(&ONE_AFTER_THE_OTHER).overlap(), None);
    }

    #[test]
    fn a_beat_after_another_job_began_is_an_overlap() {
        let mut ledger = ledger(&ONE_AFTER_THE_OTHER);
        ledger.enter(Entry::Beat { at: 31, pid: 7 });
        assert_eq!(
            ledger.overlap().as_deref(),
            Some("job 5 began while job 7 was alive")
        );
    }

    #[test]
    fn a_long_life_overlaps_with_every_later_one_within_it() {
        let mut ledger = ledger(&ONE_AFTER_THE_OTHER);
        ledger.enter(Entry::Start {
            at: 50,
            pid: 9,
            token: 3,
        });
        ledger.enter(Entry::Beat { at: 60, pid: 5 });
        assert!(ledger.overlap().is_some());
    }

    #[test]
    fn a_job_that_did_not_get_the_lock_is_an_overlap() {
        let mut ledger = ledger(&ONE_AFTER_THE_OTHER);
        ledger.enter(Entry::NotAlone { at: 50, pid: 9 });
        assert!(ledger.overlap().is_some());
    }
}
