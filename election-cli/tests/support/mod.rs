//! `elect run` processes with jobs that record their own lives.
#![allow(dead_code)] // Each test uses its part.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    thread,
    time::{Duration, Instant},
};

use election_clock::BootClock;
use election_core::Clock;
use rustix::process::{Pid, Signal, kill_process};

/// Longer than anything here takes on the busiest machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn elect() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_elect"));
    // What this machine has set must not change what is tested.
    for (key, _) in std::env::vars_os() {
        if key.to_string_lossy().starts_with("ELECT_") {
            command.env_remove(key);
        }
    }
    command.stdin(Stdio::null());
    command
}

/// Nanoseconds of the boot clock, as the jobs record them.
pub(crate) fn now() -> u64 {
    u64::try_from(BootClock.now().since_origin().as_nanos()).unwrap()
}

pub(crate) fn signal(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(pid.try_into().unwrap()).unwrap(), signal).unwrap();
}

/// What a job has written, or `Closed` when its node, watchdog and job are all gone.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Line {
    Start { at: u64, pid: u32, token: u64 },
    Beat { at: u64 },
    NotAlone,
    Closed,
}

/// Several `elect run` on one election, and everything their jobs record, in one stream.
pub(crate) struct Stage {
    place: tempfile::TempDir,
    lease: &'static str,
    nodes: Vec<Child>,
    sender: Sender<(usize, Line)>,
    lines: Receiver<(usize, Line)>,
    last_beat: u64,
    last_token: u64,
}

impl Stage {
    pub(crate) fn with_lease(lease: &'static str) -> Self {
        let (sender, lines) = channel();
        let place = tempfile::tempdir().unwrap();
        Self {
            place,
            lease,
            nodes: Vec::new(),
            sender,
            lines,
            last_beat: 0,
            last_token: 0,
        }
    }

    pub(crate) fn place(&self) -> &Path {
        self.place.path()
    }

    /// Starts one more copy; its index is its name from here on.
    pub(crate) fn start(&mut self) -> usize {
        let index = self.nodes.len();
        let mut node = elect()
            .args([
                "run",
                "trial",
                "--lease-duration",
                self.lease,
                "--id",
                &format!("node-{index}"),
            ])
            .arg("--store")
            .arg(format!(
                "sqlite:{}",
                self.place().join("trial.db").display()
            ))
            .arg("--")
            .args([env!("CARGO_BIN_EXE_elect"), "__demo-job"])
            .arg(self.place())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(self.place().join(format!("{index}.log"))).unwrap())
            .spawn()
            .unwrap();
        let out = BufReader::new(node.stdout.take().unwrap());
        let sender = self.sender.clone();
        thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                let _ = sender.send((index, parse(&line)));
            }
            let _ = sender.send((index, Line::Closed));
        });
        self.nodes.push(node);
        index
    }

    pub(crate) fn pid(&self, node: usize) -> u32 {
        self.nodes[node].id()
    }

    /// The next job that starts. Everything before it is checked: one job at a time, rising tokens.
    pub(crate) fn next_start(&mut self) -> (usize, u64, u32) {
        loop {
            let (node, line) = self.next_line();
            if let Line::Start { at, pid, .. } = line {
                return (node, at, pid);
            }
        }
    }

    /// The moment at which nothing of this node was left.
    pub(crate) fn closed(&mut self, node: usize) -> u64 {
        while self.next_line() != (node, Line::Closed) {}
        let seen_at = now();
        self.nodes[node].wait().unwrap();
        seen_at
    }

    /// Takes in what the jobs record for a while.
    pub(crate) fn watch_for(&mut self, time: Duration) {
        let end = Instant::now() + time;
        loop {
            match self
                .lines
                .recv_timeout(end.saturating_duration_since(Instant::now()))
            {
                Ok((_, line)) => self.check(&line),
                Err(RecvTimeoutError::Timeout) => return,
                Err(RecvTimeoutError::Disconnected) => unreachable!("the stage holds a sender"),
            }
        }
    }

    fn next_line(&mut self) -> (usize, Line) {
        let Ok((node, line)) = self.lines.recv_timeout(PATIENCE) else {
            panic!("nothing was recorded for {PATIENCE:?}\n{}", self.logs())
        };
        self.check(&line);
        (node, line)
    }

    fn check(&mut self, line: &Line) {
        match *line {
            Line::Start { at, token, .. } => {
                assert!(
                    at > self.last_beat,
                    "a job began before the last one's last beat"
                );
                assert!(
                    token > self.last_token,
                    "token {token} after {}",
                    self.last_token
                );
                self.last_token = token;
            }
            Line::Beat { at } => self.last_beat = self.last_beat.max(at),
            Line::NotAlone => panic!("two jobs are alive\n{}", self.logs()),
            Line::Closed => {}
        }
    }

    fn logs(&self) -> String {
        let read = |index| std::fs::read_to_string(self.place().join(format!("{index}.log")));
        (0..self.nodes.len())
            .map(|i| format!("--- {i}\n{}", read(i).unwrap_or_default()))
            .collect()
    }
}

/// Nothing of ours outlives a test, also if it fails.
impl Drop for Stage {
    fn drop(&mut self) {
        for node in &mut self.nodes {
            let _ = node.kill(); // The watchdog kills the rest.
            let _ = node.wait();
        }
    }
}

fn parse(line: &str) -> Line {
    let words: Vec<_> = line.split(' ').collect();
    let number = |index: usize| words[index].parse::<u64>().unwrap();
    match words[0] {
        "start" => Line::Start {
            at: number(1),
            pid: u32::try_from(number(2)).unwrap(),
            token: number(3),
        },
        "beat" => Line::Beat { at: number(1) },
        "not-alone" => Line::NotAlone,
        _ => panic!("not a record: {line:?}"),
    }
}

/// Prints a distribution of nanoseconds, for people.
pub(crate) fn report(what: &str, mut nanos: Vec<u64>) {
    nanos.sort_unstable();
    let at = |percent: usize| nanos[(nanos.len() * percent).div_ceil(100).max(1) - 1] as f64 / 1e6;
    println!(
        "{what}: n {}  min {:.1}  p50 {:.1}  p90 {:.1}  p99 {:.1}  max {:.1} ms",
        nanos.len(),
        at(0),
        at(50),
        at(90),
        at(99),
        at(100)
    );
}
