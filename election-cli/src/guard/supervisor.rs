//! The supervisor's side: asynchronous, and the last resort if the watchdog fails.

use std::{
    collections::HashSet,
    ffi::OsString,
    io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::net::UnixStream as StdUnixStream,
    },
    process::Stdio,
    time::Duration,
};

use election_clock::BootClock;
use election_core::{Clock, Instant};
use rustix::{
    io::Errno,
    net::send,
    process::{Pid, Signal, WaitOptions, getpid, kill_process_group, waitpid},
};
use tokio::{
    net::UnixStream,
    process::{Child, Command},
    time::sleep,
};

use super::{
    Role,
    command::GuardedCommand,
    exit::{Exit, NotStarted},
    handover, os,
    protocol::{Lines, Order, Report, nanos},
    tree::Tree,
    trust::Trust,
};

/// How long after a deadline given by `stop` the supervisor still leaves the killing to the watchdog.
const PATIENCE: Duration = Duration::from_millis(100);
/// The longest sleep before a deadline: sleep does not count suspended time, deadlines do.
const MAX_SLEEP: Duration = Duration::from_secs(1);
/// The pause between two rounds of killing.
const KILL_AGAIN: Duration = Duration::from_millis(5);

/// A command under guard: it and all its descendants end with the trust, with this value, or before.
///
/// Dropping it kills the whole tree at once. To see the end, wait for [`GuardEvent::Gone`].
///
/// One process guards one command at a time and starts no other children meanwhile: if the watchdog
/// fails, children this process did not have before are taken for orphans of the command and killed.
#[derive(Debug)]
pub struct Guard {
    watchdog: Child,
    control: UnixStream,
    reports: Lines,
    program: OsString,
    spared: HashSet<Pid>,
    trust: Trust,
    kill_by: Option<Instant>,
    pid: Option<Pid>,
    exit: Option<Exit>,
    /// Whether the caller knows `exit`.
    told: bool,
    phase: Phase,
}

/// What has happened to a guarded command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GuardEvent {
    /// The command runs, under this process id, which is also its process group's.
    Started {
        /// The process id of the command.
        pid: u32,
    },
    /// The command has ended; processes it has left behind are being ended.
    Exited(Exit),
    /// The command and all its descendants have ended. Always comes after `Exited`, and last.
    ///
    /// How a command ended that went down with its watchdog may be unknown; then SIGKILL is told.
    Gone(Exit),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The watchdog is relied upon.
    Watched,
    /// The watchdog has failed or is late: this process ends the tree.
    Clearing,
    /// The watchdog has said that nobody is left, and is about to end.
    Parting,
    Gone,
}

impl Guard {
    /// Starts the watchdog, which starts the command.
    ///
    /// From here on this process adopts orphans among its descendants. Call it within a tokio
    /// runtime that has I/O and time enabled.
    ///
    /// # Errors
    ///
    /// If the watchdog cannot be started. A command that cannot be started is an
    /// [`Exit::NotStarted`].
    pub fn spawn(command: GuardedCommand, trust: Trust) -> io::Result<Self> {
        os::adopt_orphans()?;
        let spared = Tree::survey(getpid(), &HashSet::new())?
            .children()
            .collect();
        let (near, far) = StdUnixStream::pair()?;
        let first = format!("{}\n", Order::Trust(trust));
        handover::send(&near, first.as_bytes(), handover::command_input()?.as_fd())?;
        near.set_nonblocking(true)?;
        let watchdog = Command::new(os::own_image()?)
            .arg0("elect")
            .arg(Role::Watchdog.name())
            .arg(nanos(command.linger).to_string())
            .arg(&command.program)
            .args(command.args)
            .envs(command.env)
            .stdin(Stdio::from(OwnedFd::from(far)))
            // Ctrl-C in the terminal must not reach the watchdog.
            .process_group(0)
            .spawn()?;
        Ok(Self {
            watchdog,
            control: UnixStream::from_std(near)?,
            reports: Lines::default(),
            program: command.program,
            spared,
            trust,
            kill_by: None,
            pid: None,
            exit: None,
            told: false,
            phase: Phase::Watched,
        })
    }

    /// Replaces the trust: the old deadlines are void, the new ones count.
    ///
    /// It does not call off a stop, nor a SIGTERM already sent.
    pub fn trust(&mut self, trust: Trust) {
        self.trust = trust;
        self.order(Order::Trust(trust));
    }

    /// Sends a signal to the command's process group.
    pub fn signal(&mut self, signal: Signal) {
        self.order(Order::Signal(signal));
    }

    /// Sends SIGTERM to the command's process group, and SIGKILL to the whole tree at `kill_by`.
    ///
    /// Without `kill_by` only the trust limits how long the command takes. Of several deadlines the
    /// earliest counts.
    pub fn stop(&mut self, kill_by: Option<Instant>) {
        self.kill_by = self.kill_by.into_iter().chain(kill_by).min();
        self.order(Order::Stop { kill_by });
    }

    /// Waits for what happens next; after the end, [`GuardEvent::Gone`] again and again.
    ///
    /// Someone must be waiting here for the supervisor to step in when the watchdog fails.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: an event that was not returned is returned by the next call.
    pub async fn next(&mut self) -> GuardEvent {
        loop {
            match self.phase {
                Phase::Watched => {
                    if let Some(event) = self.reported() {
                        return event;
                    }
                    if self.phase == Phase::Watched {
                        self.watch().await;
                    }
                }
                Phase::Clearing => self.clear().await,
                Phase::Parting => self.part().await,
                Phase::Gone => {
                    let killed = Exit::Signal(Signal::KILL.as_raw());
                    let exit = self.exit.get_or_insert(killed).clone();
                    return if self.told {
                        GuardEvent::Gone(exit)
                    } else {
                        self.told = true;
                        GuardEvent::Exited(exit)
                    };
                }
            }
        }
    }

    /// Waits until the command and all its descendants have ended, and returns how the command did.
    ///
    /// If they have not by `kill_by`, they are killed then; nothing asks them to end before. Use
    /// [`Guard::stop`] for that.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it may be called again. The deadline stays.
    pub async fn gone(&mut self, kill_by: Instant) -> Exit {
        self.kill_by = self.kill_by.into_iter().chain([kill_by]).min();
        loop {
            if let GuardEvent::Gone(exit) = self.next().await {
                return exit;
            }
        }
    }

    /// The next event the watchdog has reported. A report without an event changes the phase.
    fn reported(&mut self) -> Option<GuardEvent> {
        let exit = match self.reports.next()? {
            Ok(Report::Started(pid)) => {
                self.pid = Some(pid);
                let pid = pid.as_raw_nonzero().get().unsigned_abs();
                return Some(GuardEvent::Started { pid });
            }
            Ok(Report::Gone) => {
                self.phase = Phase::Parting;
                return None;
            }
            Err(_) => {
                self.phase = Phase::Clearing;
                return None;
            }
            Ok(Report::Code(code)) => Exit::Code(code),
            Ok(Report::Signal(signal)) => Exit::Signal(signal),
            Ok(Report::NotStarted { errno }) => {
                Exit::NotStarted(NotStarted::new(self.program.clone(), errno))
            }
        };
        self.exit = Some(exit.clone());
        self.told = true;
        Some(GuardEvent::Exited(exit))
    }

    /// Waits until the watchdog has said something, or can no longer be relied upon.
    async fn watch(&mut self) {
        let mut buffer = [0; 1024];
        let received = tokio::select! {
            biased;
            received = receive(&self.control, &mut buffer) => received,
            () = reached(self.intervene_at()) => 0,
        };
        if received == 0 {
            self.phase = Phase::Clearing;
        }
        self.reports.push(&buffer[..received]);
    }

    fn intervene_at(&self) -> Option<Instant> {
        let stop = self.kill_by.map(|at| at.plus(PATIENCE));
        self.trust.intervene_at().into_iter().chain(stop).min()
    }

    /// Kills the watchdog and everybody it has left, until nobody is.
    ///
    /// The kernel kills the command with the watchdog and makes this process the parent of orphans.
    async fn clear(&mut self) {
        loop {
            // Before the survey: what it leaves behind must be seen by it.
            let ended = !matches!(self.watchdog.try_wait(), Ok(None));
            let _ = self.watchdog.start_kill();
            if let (Some(command), None) = (self.pid, &self.exit) {
                let _ = kill_process_group(command, Signal::KILL);
            }
            // Without a survey nobody can say that nobody is left.
            if let Ok(tree) = Tree::survey(getpid(), &self.spared) {
                tree.kill();
                self.reap(&tree);
                if ended && tree.is_empty() {
                    self.phase = Phase::Gone;
                    return;
                }
            }
            sleep(KILL_AGAIN).await;
        }
    }

    /// Waits for those of `tree` that have ended, except for the watchdog, which tokio waits for.
    fn reap(&mut self, tree: &Tree) {
        let watchdog = self.watchdog.id().and_then(|pid| pid.try_into().ok());
        let watchdog = watchdog.and_then(Pid::from_raw);
        for child in tree.children().filter(|child| Some(*child) != watchdog) {
            let waited = waitpid(Some(child), WaitOptions::NOHANG);
            if let (Ok(Some((_, status))), true) = (waited, Some(child) == self.pid) {
                self.exit.get_or_insert(Exit::of(status));
            }
        }
    }

    async fn part(&mut self) {
        // It ends by itself, unless somebody has frozen it just now.
        let _ = self.watchdog.start_kill();
        let _ = self.watchdog.wait().await;
        self.phase = Phase::Gone;
    }

    fn order(&mut self, order: Order) {
        if self.phase != Phase::Watched {
            return;
        }
        let line = format!("{order}\n");
        match send(&self.control, line.as_bytes(), os::AT_ONCE) {
            Ok(sent) if sent == line.len() => {}
            // The watchdog has ended. What it said last has yet to be read.
            Err(Errno::PIPE) => {}
            // The socket is full: nobody has read for thousands of orders.
            Ok(_) | Err(_) => self.phase = Phase::Clearing,
        }
    }
}

/// Reads from the socket; nothing if it is closed or broken. Cancel safe.
async fn receive(socket: &UnixStream, buffer: &mut [u8]) -> usize {
    loop {
        if socket.readable().await.is_err() {
            return 0;
        }
        match socket.try_read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            other => return other.unwrap_or(0),
        }
    }
}

/// Waits until the boot clock shows `deadline`; for ever if there is none.
async fn reached(deadline: Option<Instant>) {
    let Some(deadline) = deadline else {
        return std::future::pending().await;
    };
    loop {
        let left = deadline.saturating_since(BootClock.now());
        if left.is_zero() {
            return;
        }
        sleep(left.min(MAX_SLEEP)).await;
    }
}
