//! The supervisor: holds the server in hand, and lets it outlive nobody.

use std::{
    collections::hash_map::RandomState,
    env, fs,
    hash::{BuildHasher, Hasher},
    io::{self, BufRead, BufReader, Write},
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Mutex,
};

use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

/// Below the range from which systems give ports to clients: nobody takes one while its server is
/// down, unless by name.
const PORTS: std::ops::Range<u16> = 12_000..30_000;

/// Follows the orders on standard input, one line each, until that ends.
pub(crate) fn run(flaw: &str) {
    let directory = env::temp_dir().join(format!("lease-server-{:016x}", chance()));
    fs::create_dir(&directory).unwrap();
    let port = free_port();
    let mut server = Server::start(port, &directory.join("leases"), flaw);
    say(&format!("{port}"));
    for order in io::stdin().lock().lines() {
        let Ok(order) = order else { break };
        match order.as_str() {
            "pause" => server.pause(),
            "resume" => server.signal(Signal::CONT),
            "restart" => server.again(|_| {}),
            "wipe" => server.again(|file| fs::remove_file(file).unwrap()),
            other => panic!("there is no such order: {other}"),
        }
        say("done");
    }
    drop(server);
    let _ = fs::remove_dir_all(&directory);
}

fn say(word: &str) {
    // Whoever has gone need not be told.
    let _ = writeln!(io::stdout(), "{word}");
}

fn chance() -> u64 {
    RandomState::new().build_hasher().finish()
}

fn free_port() -> u16 {
    let width = u64::from(PORTS.end - PORTS.start);
    loop {
        let port = PORTS.start + u16::try_from(chance() % width).unwrap();
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}

/// The server's process; it is killed when dropped.
struct Server {
    port: u16,
    file: PathBuf,
    flaw: String,
    child: Child,
}

impl Server {
    fn start(port: u16, file: &Path, flaw: &str) -> Self {
        Self {
            port,
            file: file.to_owned(),
            flaw: flaw.to_owned(),
            child: started(port, file, flaw),
        }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Returns when it stands still.
    fn pause(&self) {
        self.signal(Signal::STOP);
        let pid = Pid::from_child(&self.child);
        waitpid(Some(pid), WaitOptions::UNTRACED).unwrap();
    }

    /// Kills it and starts it again at the same address, with its file as `between` leaves it.
    fn again(&mut self, between: impl FnOnce(&Path)) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        between(&self.file);
        self.child = started(self.port, &self.file, &self.flaw);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts a server, and returns when it serves.
fn started(port: u16, file: &Path, flaw: &str) -> Child {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["serve-leases", &port.to_string()])
        .arg(file)
        .arg(flaw)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut word = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut word).unwrap();
    assert_eq!(word, "ready\n", "the server did not start");
    child
}

/// The test's hand on a supervisor: each order returns when it is carried out.
pub(crate) struct Supervisor {
    child: Mutex<Child>,
    pub(crate) port: u16,
    words: Mutex<BufReader<std::process::ChildStdout>>,
}

impl Supervisor {
    pub(crate) fn start(flaw: &str) -> Self {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["supervise-leases", flaw])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut words = BufReader::new(child.stdout.take().unwrap());
        let mut port = String::new();
        words.read_line(&mut port).unwrap();
        Self {
            child: Mutex::new(child),
            port: port.trim().parse().unwrap(),
            words: Mutex::new(words),
        }
    }

    /// Has an order carried out. Blocks this thread while it is.
    pub(crate) fn order(&self, order: &str) {
        let mut child = self.child.lock().unwrap();
        writeln!(child.stdin.as_mut().unwrap(), "{order}").unwrap();
        let mut word = String::new();
        self.words.lock().unwrap().read_line(&mut word).unwrap();
        assert_eq!(word, "done\n", "the supervisor could not {order}");
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        let child = self.child.get_mut().unwrap();
        // The end of its orders is the order to end.
        drop(child.stdin.take());
        let _ = child.wait();
    }
}
