//! The supervisor under test: a process of its own, so that it can be frozen and killed.
//!
//! It follows orders that come in as lines over a socket, and answers with a line for every event.

use std::{ffi::OsString, path::PathBuf, process::ExitCode, time::Duration};

use election_cli::guard::{Exit, Guard, GuardEvent, GuardedCommand, Signal, Trust};
use election_clock::BootClock;
use election_core::{Clock, Instant};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::UnixStream,
    runtime,
};

/// The first argument of a process in this role; then come a socket's path, the linger in
/// milliseconds, the first trust, and the command.
pub(crate) const ROLE: &str = "supervise";

pub(crate) fn run(mut args: impl Iterator<Item = OsString>) -> ExitCode {
    let socket = PathBuf::from(args.next().unwrap());
    let linger = millis(args.next().unwrap().to_str().unwrap());
    let (_, trust) = trusted(args.next().unwrap().to_str().unwrap());
    let mut command = GuardedCommand::new(args.next().unwrap());
    command.args = args.collect();
    command.env = vec![("GUARDED_BY".into(), "a test".into())];
    command.linger = linger;
    // The guard must work from whatever thread of a busy runtime it is used on.
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let supervision = tokio::spawn(supervise(socket, trust, command));
        supervision.await.unwrap();
    });
    ExitCode::SUCCESS
}

async fn supervise(socket: PathBuf, trust: Trust, command: GuardedCommand) {
    let (orders, mut events) = UnixStream::connect(socket).await.unwrap().into_split();
    let mut orders = BufReader::new(orders).lines();
    let mut guard = Some(Guard::spawn(command, trust).unwrap());
    let mut told = "spawned".to_owned();
    loop {
        told.push('\n');
        events.write_all(told.as_bytes()).await.unwrap();
        let line = tokio::select! {
            event = async { guard.as_mut().unwrap().next().await }, if guard.is_some() => {
                let gone = matches!(event, GuardEvent::Gone(_));
                told = tell(event);
                if gone {
                    // Another question is answered like the first; it need not be told.
                    let again = tell(guard.as_mut().unwrap().next().await);
                    assert_eq!(again, told);
                    guard = None;
                }
                continue;
            }
            line = orders.next_line() => line.unwrap(),
        };
        let Some(line) = line else { return };
        let (order, details) = line.split_once(' ').unwrap_or((&line, ""));
        told = "done".to_owned();
        let Some(guarded) = guard.as_mut() else {
            continue;
        };
        match order {
            "trust" => {
                let (valid_until, trust) = trusted(details);
                guarded.trust(trust);
                told = format!("trusted {}", valid_until.since_origin().as_nanos());
            }
            "signal" => {
                guarded.signal(Signal::from_named_raw(details.parse().unwrap()).unwrap());
            }
            "stop" if details.is_empty() => guarded.stop(None),
            "stop" => guarded.stop(Some(BootClock.now().plus(millis(details)))),
            "gone" => {
                let kill_by = BootClock.now().plus(millis(details));
                told = tell(GuardEvent::Gone(guarded.gone(kill_by).await));
            }
            "drop" => guard = None,
            _ => panic!("unknown order {line:?}"),
        }
    }
}

fn trusted(words: &str) -> (Instant, Trust) {
    let Some((duration, grace)) = words.split_once(' ') else {
        assert_eq!(words, "forever");
        return (BootClock.now(), Trust::Forever);
    };
    let valid_until = BootClock.now().plus(millis(duration));
    let grace = millis(grace);
    (valid_until, Trust::Until { valid_until, grace })
}

fn tell(event: GuardEvent) -> String {
    match event {
        GuardEvent::Started { pid } => format!("started {pid}"),
        GuardEvent::Exited(exit) => format!("exited {}", tell_exit(&exit)),
        GuardEvent::Gone(exit) => format!("gone {}", tell_exit(&exit)),
    }
}

fn tell_exit(exit: &Exit) -> String {
    match exit {
        Exit::Code(code) => format!("code {code}"),
        Exit::Signal(signal) => format!("signal {signal}"),
        Exit::NotStarted(refusal) => format!("not-started {} {refusal}", exit.shell_code()),
    }
}

fn millis(digits: &str) -> Duration {
    Duration::from_millis(digits.parse().unwrap())
}
