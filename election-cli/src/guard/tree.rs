//! Who descends from whom, and how to end them all.

use std::{
    collections::{HashMap, HashSet},
    io,
};

use rustix::process::{Pid, Signal, kill_process_group};

use super::os;

/// One process as the system listed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) pid: Pid,
    /// `None` for the first process of a pid namespace.
    pub(super) parent: Option<Pid>,
    pub(super) group: Option<Pid>,
    /// With `pid`, tells this process from a later one of the same number.
    pub(super) started: u64,
}

/// The descendants of one process at one moment.
#[derive(Debug)]
pub(super) struct Tree {
    root: Pid,
    descendants: Vec<Process>,
    groups: Vec<Pid>,
}

impl Tree {
    /// Lists the descendants of `root`, without the `spared` processes and theirs.
    pub(super) fn survey(root: Pid, spared: &HashSet<Pid>) -> io::Result<Self> {
        Ok(Self::of(root, spared, &os::processes()?))
    }

    fn of(root: Pid, spared: &HashSet<Pid>, processes: &[Process]) -> Self {
        let mut children: HashMap<Pid, Vec<Process>> = HashMap::new();
        for process in processes {
            if let Some(parent) = process.parent {
                children.entry(parent).or_default().push(*process);
            }
        }
        let mut descendants: Vec<Process> = Vec::new();
        let mut parents = vec![root];
        // Taking the children out keeps a torn listing, read process by process, from going round.
        while let Some(parent) = parents.pop() {
            for process in children.remove(&parent).unwrap_or_default() {
                if !spared.contains(&process.pid) {
                    parents.push(process.pid);
                    descendants.push(process);
                }
            }
        }
        Self {
            root,
            groups: own_groups(&descendants, processes),
            descendants,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.descendants.is_empty()
    }

    /// The descendants that only the root can wait for.
    pub(super) fn children(&self) -> impl Iterator<Item = Pid> {
        self.descendants
            .iter()
            .filter(|process| process.parent == Some(self.root))
            .map(|process| process.pid)
    }

    /// Asks every descendant to end, also those that are stopped.
    pub(super) fn terminate(&self) {
        for process in &self.descendants {
            // A process that has ended meanwhile is what was wanted, and nothing can be done about
            // one that may not be signalled.
            let _ = os::signal(process, Signal::TERM);
            let _ = os::signal(process, Signal::CONT);
        }
    }

    /// Kills every descendant and every process group that consists of descendants alone.
    ///
    /// Whoever is born meanwhile outside these groups survives: repeat until nobody is left.
    pub(super) fn kill(&self) {
        for group in &self.groups {
            // The system kills a group in one step, so its members cannot outrun this by forking.
            let _ = kill_process_group(*group, Signal::KILL);
        }
        for process in &self.descendants {
            let _ = os::signal(process, Signal::KILL);
        }
    }
}

/// The groups of `descendants` that nobody else belongs to.
fn own_groups(descendants: &[Process], processes: &[Process]) -> Vec<Pid> {
    let inside: HashSet<Pid> = descendants.iter().map(|process| process.pid).collect();
    let mut groups: HashSet<Pid> = descendants.iter().filter_map(|own| own.group).collect();
    for stranger in processes.iter().filter(|any| !inside.contains(&any.pid)) {
        if let Some(group) = stranger.group {
            groups.remove(&group);
        }
    }
    groups.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pid(raw: i32) -> Pid {
        Pid::from_raw(raw).unwrap()
    }

    fn process(own: i32, parent: i32, group: i32) -> Process {
        Process {
            pid: pid(own),
            parent: Pid::from_raw(parent),
            group: Pid::from_raw(group),
            started: 0,
        }
    }

    fn pids(tree: &Tree) -> Vec<i32> {
        let mut pids: Vec<_> = tree
            .descendants
            .iter()
            .map(|process| process.pid.as_raw_pid())
            .collect();
        pids.sort_unstable();
        pids
    }

    #[test]
    fn the_tree_has_all_descendants_and_nobody_else() {
        let tree = Tree::of(
            pid(10),
            &HashSet::new(),
            &[
                process(1, 0, 1),
                process(10, 1, 10),
                process(11, 10, 11),
                process(14, 12, 12),
                process(12, 11, 12),
                process(13, 10, 13),
                process(20, 1, 20),
            ],
        );
        assert_eq!(pids(&tree), [11, 12, 13, 14]);
        let children: HashSet<_> = tree.children().collect();
        assert_eq!(children, HashSet::from([pid(11), pid(13)]));
    }

    #[test]
    fn spared_processes_keep_their_own_descendants() {
        let tree = Tree::of(
            pid(10),
            &HashSet::from([pid(11)]),
            &[
                process(11, 10, 11),
                process(12, 11, 11),
                process(13, 10, 13),
            ],
        );
        assert_eq!(pids(&tree), [13]);
    }

    #[test]
    fn a_group_with_a_stranger_in_it_is_not_ours_to_kill() {
        let tree = Tree::of(
            pid(10),
            &HashSet::new(),
            &[
                process(10, 1, 10),
                process(11, 10, 11),
                process(12, 11, 10),
                process(13, 11, 13),
                process(20, 1, 13),
            ],
        );
        assert_eq!(tree.groups, [pid(11)]);
    }

    #[test]
    fn a_torn_listing_does_not_go_round_for_ever() {
        let tree = Tree::of(
            pid(10),
            &HashSet::new(),
            &[process(11, 10, 11), process(10, 11, 10)],
        );
        assert_eq!(pids(&tree), [10, 11]);
    }
}
