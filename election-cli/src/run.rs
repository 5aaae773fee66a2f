//! `elect run`: campaign, run the program while leading, campaign again.

use std::{ffi::OsString, process::ExitCode};

use election::settings::Settings;
use election::{BootClock, Cause, Clock, Elector, ElectorError, Handle, Leadership};
use tokio::select;

use crate::{
    cli::Run,
    exit::{Code, Failure},
    guard::{Exit, Guard, GuardEvent, GuardedCommand, Trust},
    program,
    restart::Restart,
    signals::{Signals, Wish},
};

/// What comes after a program has gone.
enum After {
    /// It ended by itself.
    Ended(Exit),
    /// It was ended with its term, or because `elect` is to stop.
    Stopped,
}

pub(crate) async fn run(run: Run) -> Result<ExitCode, Failure> {
    let election = run.election.name()?;
    let settings = run.sources.settings()?;
    let restart = run.restart()?;
    let command = program::resolve(run.command)?;
    let mut signals = Signals::catch()?;
    if !settings.enabled {
        return without_election(&settings, restart, &command, &mut signals).await;
    }

    let (settings, store) = run.sources.connect().await?;
    let kind = store.capabilities().kind;
    let mut elector = Elector::builder(store, election.clone())
        .id(settings.id.clone())
        .metadata(settings.metadata.clone())
        .timing(settings.timing.clone())
        .start()?;
    let handle = elector.handle();
    let environment = [
        ("ELECT_ELECTION", election.as_str().to_owned()),
        ("ELECT_ID", settings.id.as_str().to_owned()),
        ("ELECT_STORE_KIND", kind.to_owned()),
        ("ELECT_STORE_ADDRESS", settings.store.to_string()),
    ];

    loop {
        let guard = select! {
            term = elector.campaign() => match term {
                Ok(guard) => guard,
                Err(ElectorError::Stopped) => return Ok(Code::Done.into()),
                Err(error) => return Err(error.into()),
            },
            wish = signals.next() => {
                if wish == Wish::Stop {
                    handle.shutdown();
                }
                continue; // There is no program that another signal could be meant for.
            }
        };
        let mut command = command.clone();
        command.env = environment
            .iter()
            .map(|(key, value)| ((*key).into(), value.into()))
            .collect();
        let token = guard.fencing_token().to_string();
        command
            .env
            .push(("ELECT_FENCING_TOKEN".into(), OsString::from(token)));

        let mut term = Term {
            leadership: guard.leadership(),
            handle: handle.clone(),
            settings: &settings,
        };
        let after = term.work(command, &mut signals).await?;
        // Only now, with nothing left alive: dropping the guard releases the lease.
        drop(guard);
        if let After::Ended(exit) = after {
            tracing::info!(%election, token = term.leadership.fencing_token().as_u64(), "the program {exit}");
            if !restart.again_after(&exit) {
                elector.shutdown().await;
                return ended(&exit);
            }
        }
    }
}

/// One term, from the program's start to the end of everything it started.
struct Term<'a> {
    leadership: Leadership,
    handle: Handle,
    settings: &'a Settings,
}

impl Term<'_> {
    async fn work(
        &mut self,
        command: GuardedCommand,
        signals: &mut Signals,
    ) -> Result<After, Failure> {
        let Some(mut trust) = self.trust() else {
            return Ok(After::Stopped);
        };
        let mut child = Guard::spawn(command, trust).map_err(|error| {
            Failure::internal(format!("the process guard cannot be started: {error}"))
        })?;
        let leadership = self.leadership.clone();
        let mut stopping = false;
        loop {
            select! {
                event = child.next() => match event {
                    GuardEvent::Started { pid } => tracing::info!(pid, "the program runs"),
                    GuardEvent::Exited(_) => {}
                    GuardEvent::Gone(_) if stopping || self.has_run_out() => return Ok(After::Stopped),
                    GuardEvent::Gone(exit) => return Ok(After::Ended(exit)),
                },
                cause = leadership.revoked(), if !stopping => {
                    stopping = true;
                    child.stop(match cause {
                        Cause::Superseded => Some(BootClock.now()), // Somebody else may lead already.
                        _ => trust.kill_at(),
                    });
                }
                // Renewed: the watchdog may wait longer.
                _ = self.handle.status_changed(), if !stopping => {
                    if let Some(longer) = self.trust() && longer != trust {
                        trust = longer;
                        child.trust(trust);
                    }
                }
                wish = signals.next() => match wish {
                    Wish::Stop => self.handle.shutdown(),
                    Wish::StopNow => child.stop(Some(BootClock.now())),
                    Wish::PassOn(signal) => child.signal(signal),
                },
            }
        }
    }

    /// How long the program may run if nothing more is heard; nothing if the term is over.
    fn trust(&self) -> Option<Trust> {
        let term = self.handle.status().term?;
        let grace = self.settings.timing.stop_grace();
        (term.fencing_token == self.leadership.fencing_token()).then_some(Trust::Until {
            valid_until: term.valid_until,
            grace,
        })
    }

    /// Whether the watchdog had reason to end the program before the elector could say so: this
    /// process may have been frozen.
    fn has_run_out(&self) -> bool {
        self.leadership.remaining() <= self.settings.timing.stop_grace()
    }
}

/// `--enabled false`: the same supervision, without a lease.
async fn without_election(
    settings: &Settings,
    restart: Restart,
    command: &GuardedCommand,
    signals: &mut Signals,
) -> Result<ExitCode, Failure> {
    loop {
        let mut child = Guard::spawn(command.clone(), Trust::Forever).map_err(|error| {
            Failure::internal(format!("the process guard cannot be started: {error}"))
        })?;
        let mut stopping = false;
        let exit = loop {
            select! {
                event = child.next() => if let GuardEvent::Gone(exit) = event { break exit },
                wish = signals.next() => match wish {
                    Wish::Stop => {
                        stopping = true;
                        child.stop(None);
                    }
                    Wish::StopNow => child.stop(Some(BootClock.now())),
                    Wish::PassOn(signal) => child.signal(signal),
                },
            }
        };
        if stopping {
            return Ok(Code::Done.into());
        }
        if !restart.again_after(&exit) {
            return ended(&exit);
        }
        // The pace at which an election would let it come back.
        select! {
            () = tokio::time::sleep(settings.timing.retry_interval()) => {}
            wish = signals.next() => if wish != Wish::StopNow && !matches!(wish, Wish::PassOn(_)) {
                return Ok(Code::Done.into());
            },
        }
    }
}

fn ended(exit: &Exit) -> Result<ExitCode, Failure> {
    match exit {
        Exit::NotStarted(refusal) => Err(program::refused(refusal)),
        exit => Ok(ExitCode::from(exit.shell_code())),
    }
}
