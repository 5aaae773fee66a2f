//! The watchdog: a small process whose one duty is to end the command in time.
//!
//! It has one thread, takes no lock and does nothing between events, so there is little that could
//! keep it from its duty. It needs nobody's word to kill: silence is enough.

use std::{
    collections::HashSet,
    ffi::OsString,
    io::{self, Read},
    os::{
        fd::{AsFd, OwnedFd},
        unix::net::UnixStream,
    },
    time::Duration,
};

use election_clock::BootClock;
use election_core::{Clock, Instant};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    net::{RecvFlags, recv, send},
    process::{Pid, Signal, WaitOptions, getpid, kill_process, kill_process_group, wait},
};
use signal_hook::low_level::pipe;

use super::{
    handover,
    launcher::{Launch, Launched},
    not_called_by_a_guard, os,
    protocol::{Lines, Order, Report},
    tree::Tree,
    trust::Trust,
};

/// The longest sleep with a deadline ahead: `poll` does not count suspended time, deadlines do.
const MAX_SLEEP: Duration = Duration::from_secs(1);
/// How long killing goes on without another look for descendants who are not children.
const SURVEY_AGAIN: Duration = Duration::from_millis(10);

/// Signals that mean the supervisor or the command, but may be sent to all processes at once.
///
/// Whoever stops a whole service that way leaves it to the supervisor to stop the command; a
/// watchdog that obeyed would cut the command's good end short.
const IGNORED: [Signal; 6] = [
    Signal::HUP,
    Signal::INT,
    Signal::QUIT,
    Signal::TERM,
    Signal::USR1,
    Signal::USR2,
];

/// Runs the command until it and all its descendants are gone.
///
/// # Errors
///
/// If this process was not started by [`Guard::spawn`](super::Guard::spawn), or the system denies
/// what a watchdog needs. Then nothing has been started.
pub(super) fn run(mut args: impl Iterator<Item = OsString>) -> io::Result<()> {
    let linger = args.next().and_then(|nanos| nanos.to_str()?.parse().ok());
    let command: Vec<OsString> = args.collect();
    let (Some(linger), false) = (linger, command.is_empty()) else {
        return Err(not_called_by_a_guard());
    };
    os::show_as_watchdog();
    os::adopt_orphans()?;
    let wake = wake_on_signals()?;
    let control = io::stdin().as_fd().try_clone_to_owned()?;
    let mut first = Vec::new();
    let Ok(Some(input)) = handover::receive(&control, &mut first) else {
        return Err(not_called_by_a_guard());
    };
    let mut watchdog = Watchdog {
        control,
        orders: Lines::default(),
        wake,
        command: None,
        launch: None,
        refusal: None,
        stopped: false,
        linger: Duration::from_nanos(linger),
        deadlines: Deadlines::default(),
    };
    watchdog.orders.push(&first);
    if watchdog.may_launch() {
        watchdog.launch(input, &command);
    }
    watchdog.watch();
    Ok(())
}

struct Watchdog {
    control: OwnedFd,
    orders: Lines,
    /// Readable after a signal: a child has ended, or one of [`IGNORED`].
    wake: UnixStream,
    /// The command until it has been waited for; until then nobody else can have its number.
    command: Option<Pid>,
    /// The command until it has been executed.
    launch: Option<Launch>,
    /// Why the command could not be executed.
    refusal: Option<i32>,
    /// Whether the supervisor has asked for the end.
    stopped: bool,
    linger: Duration,
    deadlines: Deadlines,
}

#[derive(Debug, Default)]
struct Deadlines {
    /// SIGTERM, as long as it has not been sent.
    terminate: Option<Instant>,
    /// SIGKILL because the trust ends.
    trust: Option<Instant>,
    /// SIGKILL because the supervisor said so.
    stop: Option<Instant>,
    /// SIGKILL for what the command has left behind.
    linger: Option<Instant>,
}

impl Deadlines {
    fn kill(&self) -> Option<Instant> {
        [self.trust, self.stop, self.linger]
            .into_iter()
            .flatten()
            .min()
    }

    fn next(&self) -> Option<Instant> {
        self.terminate.into_iter().chain(self.kill()).min()
    }
}

/// Whether anybody is left to be waited for.
#[derive(PartialEq, Eq)]
enum Children {
    Left,
    Gone,
}

impl Watchdog {
    /// Whether the command may still be started: its supervisor may have been frozen since it wrote
    /// the first order, or may have thought better of it.
    fn may_launch(&mut self) -> bool {
        let heard = self.obey().is_ok();
        let in_time = self.deadlines.next().is_none_or(|at| at > BootClock.now());
        heard && in_time && !self.stopped
    }

    fn launch(&mut self, input: OwnedFd, command: &[OsString]) {
        match Launch::begin(input, command) {
            Ok(launch) => {
                self.command = Some(launch.pid);
                self.launch = Some(launch);
            }
            Err(refusal) => self.report(&Report::NotStarted {
                errno: refusal
                    .raw_os_error()
                    .unwrap_or(Errno::INVAL.raw_os_error()),
            }),
        }
    }

    fn watch(&mut self) {
        while self.reap() == Children::Left {
            if self.obey().is_err() {
                self.kill_tree();
                break;
            }
            let now = BootClock.now();
            if self.deadlines.kill().is_some_and(|at| at <= now) {
                self.kill_tree();
                break;
            }
            if self.deadlines.terminate.is_some_and(|at| at <= now) {
                self.terminate();
            }
            self.follow_launch();
            self.sleep_until(self.deadlines.next());
        }
        self.report(&Report::Gone);
    }

    /// Follows all orders that have arrived; fails if there will be no more.
    fn obey(&mut self) -> Result<(), SupervisorLost> {
        loop {
            while let Some(order) = self.orders.next() {
                // A supervisor that cannot be understood cannot be relied upon to stop the command.
                self.follow(order.map_err(|_| SupervisorLost)?);
            }
            let mut buffer = [0; 1024];
            match recv(&self.control, &mut buffer, RecvFlags::DONTWAIT) {
                Err(Errno::AGAIN) => return Ok(()),
                Err(Errno::INTR) => {}
                Ok((_, 0)) | Err(_) => return Err(SupervisorLost),
                Ok((_, received)) => self.orders.push(&buffer[..received]),
            }
        }
    }

    fn follow(&mut self, order: Order) {
        match order {
            Order::Trust(trust) => self.trust(trust),
            Order::Signal(signal) => self.signal(signal),
            Order::Stop { kill_by } => {
                self.stopped = true;
                self.deadlines.stop = self.deadlines.stop.into_iter().chain(kill_by).min();
                self.terminate();
            }
        }
    }

    fn trust(&mut self, trust: Trust) {
        self.deadlines.terminate = trust.terminate_at();
        self.deadlines.trust = trust.kill_at();
    }

    fn terminate(&mut self) {
        self.deadlines.terminate = None;
        self.signal(Signal::TERM);
        // A stopped process receives it only once it goes on.
        self.signal(Signal::CONT);
    }

    /// Signals the command's process group, as long as the command lives.
    fn signal(&self, signal: Signal) {
        let Some(command) = self.command else { return };
        if kill_process_group(command, signal).is_err() {
            // It may have moved to another group and left its own empty.
            let _ = kill_process(command, signal);
        }
    }

    fn follow_launch(&mut self) {
        let Some(launch) = &self.launch else { return };
        match launch.look() {
            Launched::NotYet => return,
            Launched::Running => self.report(&Report::Started(launch.pid)),
            Launched::Refused { errno } => self.refusal = Some(errno),
        }
        self.launch = None;
    }

    /// Waits for all children that have ended, orphans of the command among them.
    fn reap(&mut self) -> Children {
        loop {
            match wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) if Some(pid) == self.command => {
                    self.follow_launch();
                    self.command = None;
                    self.report(&match self.refusal {
                        Some(errno) => Report::NotStarted { errno },
                        None => Report::exited(status),
                    });
                    self.end_what_is_left();
                }
                Ok(Some(_)) | Err(Errno::INTR) => {}
                Ok(None) => return Children::Left,
                Err(_) => return Children::Gone,
            }
        }
    }

    fn end_what_is_left(&mut self) {
        self.deadlines.linger = Some(BootClock.now().plus(self.linger));
        if let Ok(tree) = Tree::survey(getpid(), &HashSet::new()) {
            tree.terminate();
        }
    }

    /// Kills until no child is left. As orphans become children here, nobody else is left either.
    fn kill_tree(&mut self) {
        loop {
            // The group first: it needs no survey.
            self.signal(Signal::KILL);
            if let Ok(tree) = Tree::survey(getpid(), &HashSet::new()) {
                tree.kill();
            }
            if self.kill_children(BootClock.now().plus(SURVEY_AGAIN)) == Children::Gone {
                return;
            }
        }
    }

    /// Kills whoever is or becomes a child until `deadline`, which takes no survey.
    ///
    /// So processes that go on forking and ending are outrun: the end of a parent, which makes its
    /// child a child of this process, is at once the signal to kill that one.
    fn kill_children(&mut self, deadline: Instant) -> Children {
        loop {
            if self.reap() == Children::Gone {
                return Children::Gone;
            }
            for child in os::children().unwrap_or_default() {
                // The number is still the child's: only this process waits for it.
                let _ = kill_process(child, Signal::KILL);
            }
            let left = deadline.saturating_since(BootClock.now());
            if left.is_zero() {
                return Children::Left;
            }
            let left = Timespec::try_from(left).ok();
            let _ = poll(&mut [PollFd::new(&self.wake, PollFlags::IN)], left.as_ref());
            self.drain_wake();
        }
    }

    /// Sleeps until something happens, at the latest about when `deadline` comes.
    fn sleep_until(&mut self, deadline: Option<Instant>) {
        let sleep = deadline.map(|at| at.saturating_since(BootClock.now()).min(MAX_SLEEP));
        let sleep = sleep.and_then(|sleep| Timespec::try_from(sleep).ok());
        let mut awaited = vec![
            PollFd::new(&self.control, PollFlags::IN),
            PollFd::new(&self.wake, PollFlags::IN),
        ];
        if let Some(launch) = &self.launch {
            awaited.push(PollFd::new(launch, PollFlags::IN));
        }
        // Interrupted or not, the caller looks at everything.
        let _ = poll(&mut awaited, sleep.as_ref());
        self.drain_wake();
    }

    fn drain_wake(&mut self) {
        while matches!(self.wake.read(&mut [0; 64]), Ok(1..)) {}
    }

    fn report(&self, report: &Report) {
        let line = format!("{report}\n");
        // The supervisor may be gone or frozen; neither may keep the watchdog from its duty.
        let _ = send(&self.control, line.as_bytes(), os::AT_ONCE);
    }
}

/// The control socket is closed, or speaks nonsense.
struct SupervisorLost;

fn wake_on_signals() -> io::Result<UnixStream> {
    let (wake, signalled) = UnixStream::pair()?;
    wake.set_nonblocking(true)?;
    for signal in IGNORED.into_iter().chain([Signal::CHILD]) {
        pipe::register(signal.as_raw(), signalled.try_clone()?)?;
    }
    Ok(wake)
}
