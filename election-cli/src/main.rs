//! `elect`: runs a program only while it leads.

mod cli;
mod conformance;
mod demo;
mod exit;
mod program;
mod restart;
mod run;
mod signals;
mod watch;

use std::{
    io::{IsTerminal, Write},
    process::ExitCode,
};

use clap::Parser;
use election_cli::guard;
use tracing_subscriber::EnvFilter;

use crate::{
    cli::{Command, Elect},
    exit::Failure,
};

fn main() -> ExitCode {
    // First of all: the guard starts this program again in roles that know nothing of elections.
    if let Some(code) = guard::intercept().or_else(demo::intercept) {
        return code;
    }
    let Elect { command } = Elect::parse();
    match perform(command) {
        Ok(code) => code,
        Err(failure) => {
            // Standard error may be closed; then nobody can be told.
            let _ = writeln!(std::io::stderr(), "elect: {failure}");
            failure.code.into()
        }
    }
}

fn perform(command: Command) -> Result<ExitCode, Failure> {
    log_to_standard_error(matches!(command, Command::Run(_)));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::internal(format!("the runtime cannot be started: {error}")))?;
    runtime.block_on(async {
        match command {
            Command::Run(run) => run::run(run).await,
            Command::Demo(demo) => demo::run(demo).await,
            Command::Status(status) => watch::status(status).await,
            Command::Observe(observe) => watch::observe(observe).await,
            Command::Conformance(conformance) => conformance::judge(conformance).await,
        }
    })
}

/// `ELECT_LOG` says what is logged, as `tracing` filters do: `debug`, `election=trace`, …
fn log_to_standard_error(talkative: bool) {
    let default = if talkative { "info" } else { "warn" };
    let filter = EnvFilter::try_from_env("ELECT_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .init();
}
