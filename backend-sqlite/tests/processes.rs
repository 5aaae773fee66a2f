//! Many processes on one file: this binary starts itself again as each of the others.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod worker;

use std::{
    collections::BTreeMap,
    env,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

use election_backend_sqlite::{SqliteConfig, SqliteStore};
use election_clock::BootClock;
use election_core::{Acquired, Clock, LeaseStore, Renewed};
use libtest_mimic::{Arguments, Trial};
use rustix::process::{Pid, Signal, kill_process};

use worker::{CHURN_TTL, FROZEN_TTL, RACERS, block_on, candidate, election, parse_nanos};

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [first, role, path, id] = arguments.as_slice()
        && first == "worker"
    {
        return worker::run(role, Path::new(path), id);
    }
    let trial = |name: &str, test: fn()| {
        Trial::test(name, move || {
            test();
            Ok(())
        })
    };
    let trials = vec![
        trial(
            "one_of_sixteen_candidates_in_four_processes_is_granted_in_every_round",
            one_is_granted_in_every_round,
        ),
        trial(
            "processes_killed_while_they_write_leave_a_sound_file_and_no_two_holders",
            killed_processes_leave_a_sound_file,
        ),
        trial(
            "a_frozen_process_loses_its_lease_after_its_time_to_live_and_not_before",
            a_frozen_process_loses_its_lease,
        ),
        trial(
            "a_disk_that_fails_in_the_middle_of_a_commit_takes_no_lease_from_anybody",
            a_failing_disk_takes_no_lease,
        ),
        #[cfg(target_os = "linux")]
        trial(
            "opening_and_dropping_a_thousand_times_leaks_no_thread_and_no_descriptor",
            a_thousand_cycles_leak_nothing,
        ),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

/// A worker process; it is killed when dropped.
struct Worker {
    child: Child,
    stdin: ChildStdin,
    lines: Receiver<String>,
}

impl Worker {
    fn start(role: &str, path: &Path, id: &str) -> Self {
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["worker", role]).arg(path).arg(id);
        Self::from(command)
    }

    fn from(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            let mut stdout = stdout;
            let mut line = String::new();
            // Who was killed in the middle of a line has not said it.
            while stdout.read_line(&mut line).is_ok() && line.ends_with('\n') {
                let _ = sender.send(line.trim_end().to_owned());
                line.clear();
            }
        });
        Self {
            child,
            stdin,
            lines,
        }
    }

    fn tell(&mut self, line: &str) {
        writeln!(self.stdin, "{line}").unwrap();
    }

    fn next_line(&self) -> String {
        self.lines.recv().unwrap()
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).unwrap();
    }

    /// Kills it, and gives what it had still said.
    fn kill(mut self) -> Vec<String> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.lines.iter().collect()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn place() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("leases.db");
    (directory, path)
}

fn open(path: &Path) -> SqliteStore {
    let config = SqliteConfig::new(path).busy_limit(Duration::from_secs(60));
    block_on(SqliteStore::open(config)).unwrap()
}

fn one_is_granted_in_every_round() {
    let (_directory, path) = place();
    let mut workers: Vec<_> = (0..4)
        .map(|number| Worker::start("racers", &path, &number.to_string()))
        .collect();
    let mut last_token = 0;
    for round in 0..100 {
        for worker in &mut workers {
            worker.tell("race");
        }
        let mut winner = None;
        let mut held = Vec::new();
        for (number, worker) in workers.iter().enumerate() {
            for _ in 0..RACERS {
                let line = worker.next_line();
                let (outcome, token) = line.split_once(' ').unwrap();
                let token: u64 = token.parse().unwrap();
                match outcome {
                    "granted" => assert_eq!(winner.replace((number, token)), None),
                    _ => held.push(token),
                }
            }
        }
        let (number, token) = winner.unwrap();
        assert!(token > last_token, "round {round}");
        assert!(held.iter().all(|seen| *seen == token), "round {round}");
        last_token = token;
        workers[number].tell("release");
        assert_eq!(workers[number].next_line(), "released");
    }
}

/// One term, as its holder wrote it down on the host's boot clock.
#[derive(Debug)]
struct Term {
    sent: Duration,
    answered: Duration,
    /// When the last request that was confirmed had been sent.
    confirmed: Duration,
    /// When the release was sent.
    released: Option<Duration>,
}

fn note(terms: &mut BTreeMap<u64, Term>, line: &str) {
    let words: Vec<_> = line.split(' ').collect();
    let token = |word: &str| word.parse::<u64>().unwrap();
    match words.as_slice() {
        ["granted", number, sent, answered] => {
            let sent = parse_nanos(sent);
            let term = Term {
                sent,
                answered: parse_nanos(answered),
                confirmed: sent,
                released: None,
            };
            assert!(
                terms.insert(token(number), term).is_none(),
                "{number} was granted twice"
            );
        }
        ["renewed", number, sent] => {
            terms.get_mut(&token(number)).unwrap().confirmed = parse_nanos(sent);
        }
        ["releasing", number, sent] => {
            terms.get_mut(&token(number)).unwrap().released = Some(parse_nanos(sent));
        }
        _ => panic!("a worker said: {line}"),
    }
}

fn killed_processes_leave_a_sound_file() {
    let (_directory, path) = place();
    let start = |number: usize| Worker::start("churner", &path, &format!("worker {number}"));
    let mut workers: Vec<_> = (0..4).map(start).collect();
    let mut terms = BTreeMap::new();
    for kill in 0..50 {
        let victim = workers.swap_remove(kill % 4);
        // Let it be in the middle of things.
        loop {
            let line = victim.next_line();
            note(&mut terms, &line);
            if line.starts_with("granted") {
                break;
            }
        }
        thread::sleep(Duration::from_micros(random_below(5000)));
        for line in victim.kill() {
            note(&mut terms, &line);
        }
        workers.push(start(4 + kill));
    }
    for worker in workers {
        for line in worker.kill() {
            note(&mut terms, &line);
        }
    }

    let mut earlier: Option<&Term> = None;
    for (token, term) in &terms {
        if let Some(earlier) = earlier {
            // A release that was sent too late found the lease expired already.
            let expired = earlier.confirmed + CHURN_TTL;
            let free = earlier.released.map_or(expired, |sent| sent.min(expired));
            assert!(
                term.answered >= free,
                "{token} was granted before {earlier:?} had ended: {term:?}"
            );
            assert!(term.answered >= earlier.sent, "tokens rise with time");
        }
        earlier = Some(term);
    }
    assert!(terms.len() >= 50);
    assert_sound(&path);
}

fn assert_sound(path: &Path) {
    let verdict: String = rusqlite::Connection::open(path)
        .unwrap()
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(verdict, "ok");
}

fn a_frozen_process_loses_its_lease() {
    let (_directory, path) = place();
    let mut worker = Worker::start("holder", &path, "a");
    let granted = worker.next_line();
    let sent = parse_nanos(granted.strip_prefix("granted ").unwrap());
    // It has its answer, so its transaction is over.
    worker.signal(Signal::STOP);

    let store = open(&path);
    let (election, b) = (election(), candidate("b"));
    let acquire = || block_on(store.acquire(&election, &b, FROZEN_TTL)).unwrap();
    while let Acquired::Held(record) = acquire() {
        thread::sleep(record.remaining);
    }
    assert!(BootClock.now().since_origin() >= sent + FROZEN_TTL);

    worker.signal(Signal::CONT);
    worker.tell("renew");
    assert_eq!(worker.next_line(), "lost");
}

/// The kernel refuses the worker to let any file grow beyond a limit, as it does on a full quota,
/// and so its commits fail half-way.
fn a_failing_disk_takes_no_lease() {
    let (_directory, path) = place();
    let mut command = Command::new("sh");
    command
        .args(["-c", "trap '' XFSZ; ulimit -f 256; exec \"$0\" \"$@\""])
        .arg(env::current_exe().unwrap())
        .args(["worker", "spender"])
        .arg(&path)
        .arg("a");
    let mut worker = Worker::from(command);
    assert_eq!(worker.next_line(), "indeterminate");
    assert_eq!(worker.next_line(), "still held");

    let store = open(&path);
    let record = block_on(store.read(&election())).unwrap().unwrap();
    let renewed = block_on(store.renew(&record.lease, Duration::from_secs(3600))).unwrap();
    assert!(matches!(renewed, Renewed::Extended { .. }), "{renewed:?}");
    worker.tell("end");
    worker.child.wait().unwrap();
    assert_sound(&path);
}

#[cfg(target_os = "linux")]
fn a_thousand_cycles_leak_nothing() {
    let (_directory, path) = place();
    let worker = Worker::start("cycles", &path, "a");
    assert_eq!(worker.next_line(), "nothing leaked");
}

fn random_below(bound: u64) -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0) % bound
}
