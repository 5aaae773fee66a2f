//! What a scenario needs: a supervisor to order about, and processes to watch die.

use std::{
    collections::HashMap,
    env, fs,
    io::{BufRead, BufReader, Read, Write},
    os::{
        fd::OwnedFd,
        unix::{
            net::{UnixListener, UnixStream},
            process::CommandExt,
        },
    },
    process::{Child, Command, Stdio},
    rc::Rc,
    thread,
    time::Duration,
};

use election_clock::BootClock;
use election_core::{Clock, Instant};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal},
};
use tempfile::TempDir;

use crate::role;

/// Whatever takes longer than this is not going to happen.
const PATIENCE: Duration = Duration::from_secs(30);

/// One supervisor with one guarded command, from the test's point of view.
pub(crate) struct Stage {
    pub(crate) supervisor: Child,
    /// A place for files, which vanishes with the stage.
    pub(crate) place: TempDir,
    control: BufReader<UnixStream>,
    output: BufReader<UnixStream>,
    announced: HashMap<String, Process>,
    seen: Vec<Process>,
}

/// How a [`Stage`] is set up.
pub(crate) struct Setting {
    /// The first trust, `forever` or two durations in milliseconds: its length and the grace.
    pub(crate) trust: &'static str,
    pub(crate) linger_ms: u64,
    pub(crate) input: Stdio,
    /// A shell script that ends by executing the supervisor, `"$@"`.
    pub(crate) wrapper: Option<&'static str>,
}

impl Default for Setting {
    fn default() -> Self {
        Self {
            trust: "forever",
            linger_ms: 200,
            input: Stdio::null(),
            wrapper: None,
        }
    }
}

impl Setting {
    /// Starts a supervisor that guards a shell with this script.
    pub(crate) fn script(self, script: &str) -> Stage {
        self.command(&["/bin/sh", "-c", script])
    }

    /// Starts a supervisor that guards this command.
    pub(crate) fn command(self, command: &[&str]) -> Stage {
        let place = tempfile::tempdir().unwrap();
        let socket = place.path().join("control");
        let listener = UnixListener::bind(&socket).unwrap();
        let (output, theirs) = UnixStream::pair().unwrap();
        let image = env::current_exe().unwrap();
        let mut supervisor = match self.wrapper {
            None => Command::new(image),
            Some(script) => {
                let mut shell = Command::new("/bin/sh");
                shell.args(["-c", script, "sh"]).arg(image);
                shell
            }
        };
        let supervisor = supervisor
            .arg(role::ROLE)
            .arg(&socket)
            .arg(self.linger_ms.to_string())
            .arg(self.trust)
            .args(command)
            .env("PLACE", place.path())
            .stdin(self.input)
            .stdout(OwnedFd::from(theirs))
            .process_group(0)
            .spawn()
            .unwrap();
        readable(&listener);
        let (control, _) = listener.accept().unwrap();
        control.set_read_timeout(Some(PATIENCE)).unwrap();
        output.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut stage = Stage {
            supervisor,
            place,
            control: BufReader::new(control),
            output: BufReader::new(output),
            announced: HashMap::new(),
            seen: Vec::new(),
        };
        stage.expect("spawned");
        stage
    }
}

impl Stage {
    /// The supervisor's next word.
    pub(crate) fn event(&mut self) -> String {
        line_of(&mut self.control, "the supervisor")
    }

    pub(crate) fn expect(&mut self, event: &str) {
        assert_eq!(self.event(), event);
    }

    /// The end of the trust the supervisor has just given.
    pub(crate) fn expect_trusted(&mut self) -> Instant {
        let event = self.event();
        let until = event.strip_prefix("trusted ").unwrap_or_else(|| {
            panic!("expected trust, not {event:?}");
        });
        Instant::from_origin(Duration::from_nanos(until.parse().unwrap()))
    }

    /// Waits until the command runs.
    pub(crate) fn expect_started(&mut self) -> Process {
        let event = self.event();
        let pid = event.strip_prefix("started ").unwrap_or_else(|| {
            panic!("expected a start, not {event:?}");
        });
        self.see(pid)
    }

    /// The parent of a guarded command.
    pub(crate) fn watchdog_of(&mut self, command: &Process) -> Process {
        let stat = fs::read_to_string(format!("/proc/{}/stat", command.pid.as_raw_pid())).unwrap();
        let (_, fields) = stat.rsplit_once(") ").unwrap();
        self.see(fields.split(' ').nth(1).unwrap())
    }

    /// Has the supervisor do something, and waits until it has.
    pub(crate) fn order(&mut self, order: &str) {
        writeln!(self.control.get_mut(), "{order}").unwrap();
    }

    /// The command's next line of output.
    pub(crate) fn line(&mut self) -> String {
        line_of(&mut self.output, "the command")
    }

    /// The process that has said, or will say, `name` and its process id in a line.
    pub(crate) fn process(&mut self, name: &str) -> Process {
        loop {
            if let Some(process) = self.announced.remove(name) {
                return process;
            }
            let line = self.line();
            let (name, pid) = line.split_once(' ').unwrap_or_else(|| {
                panic!("expected a name and a process id, not {line:?}");
            });
            let process = self.see(pid);
            self.announced.insert(name.to_owned(), process);
        }
    }

    /// Proves that no descendant is left, as each would hold its end of the output open.
    ///
    /// Returns what the command has said and nobody has read.
    pub(crate) fn expect_nobody_left(&mut self) -> String {
        self.end_supervisor();
        self.output.get_ref().set_nonblocking(true).unwrap();
        let mut rest = String::new();
        let end = self.output.read_to_string(&mut rest);
        assert!(end.is_ok(), "somebody lives, and has said {rest:?}");
        rest
    }

    fn end_supervisor(&mut self) {
        self.supervisor.kill().unwrap();
        self.supervisor.wait().unwrap();
    }

    fn see(&mut self, pid: &str) -> Process {
        let process = Process::of(pid);
        self.seen.push(process.clone());
        process
    }

    pub(crate) fn signal_supervisor(&self, signal: Signal) {
        let pid = Pid::from_child(&self.supervisor);
        rustix::process::kill_process(pid, signal).unwrap();
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.end_supervisor();
        // They should have ended long ago; after a failed test they may not have.
        for process in &self.seen {
            process.kill();
        }
    }
}

/// One process that was announced to the test, and never another with its number.
#[derive(Clone)]
pub(crate) struct Process {
    pub(crate) pid: Pid,
    /// `None` of a process that had ended before the test could look.
    pidfd: Option<Rc<OwnedFd>>,
}

impl Process {
    fn of(pid: &str) -> Self {
        let pid = pid.parse().ok().and_then(Pid::from_raw);
        let pid = pid.expect("a process id");
        let pidfd = match pidfd_open(pid, PidfdFlags::empty()) {
            Err(Errno::SRCH) => None,
            other => Some(Rc::new(other.unwrap())),
        };
        Self { pid, pidfd }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        pidfd_send_signal(self.pidfd.as_ref().unwrap(), signal).unwrap();
    }

    fn kill(&self) {
        if let Some(pidfd) = &self.pidfd {
            let _ = pidfd_send_signal(pidfd, Signal::KILL);
        }
    }

    /// Waits until it is suspended, for which the system has no event.
    pub(crate) fn suspended(&self) {
        let status = format!("/proc/{}/status", self.pid.as_raw_pid());
        while !fs::read_to_string(&status).unwrap().contains("State:\tT") {
            thread::yield_now();
        }
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.ends_within(Duration::ZERO)
    }

    /// Waits until it has ended, and returns when that was seen.
    pub(crate) fn ended(&self) -> Instant {
        assert!(
            self.ends_within(PATIENCE),
            "process {} outlived the test's patience",
            self.pid.as_raw_pid()
        );
        BootClock.now()
    }

    fn ends_within(&self, limit: Duration) -> bool {
        let Some(pidfd) = &self.pidfd else {
            return true;
        };
        let limit = Timespec::try_from(limit).unwrap();
        poll(&mut [PollFd::new(pidfd, PollFlags::IN)], Some(&limit)).unwrap() > 0
    }
}

fn line_of(stream: &mut BufReader<UnixStream>, speaker: &str) -> String {
    let mut line = String::new();
    if let Err(error) = stream.read_line(&mut line) {
        panic!("{speaker} said nothing for {PATIENCE:?}: {error}");
    }
    assert!(line.ends_with('\n'), "{speaker} fell silent after {line:?}");
    line.pop();
    line
}

fn readable(listener: &UnixListener) {
    let limit = Timespec::try_from(PATIENCE).unwrap();
    let ready = poll(&mut [PollFd::new(listener, PollFlags::IN)], Some(&limit)).unwrap();
    assert!(ready > 0, "the supervisor did not start");
}
