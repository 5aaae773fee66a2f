//! Servers of every kind start, suffer each fault, keep what they should, and leave nothing behind.
//!
//! They are spoken to in the plain words of their protocols. A kind that cannot be had is listed as
//! ignored, with the reasons; if `ELECTION_REQUIRE` names it, it fails.

// A test program that is no test function.
#![allow(clippy::expect_used, clippy::print_stdout)]

#[path = "servers/endings.rs"]
mod endings;
#[path = "servers/faults.rs"]
mod faults;
#[path = "servers/plain.rs"]
mod plain;
#[path = "servers/providers.rs"]
mod providers;

use std::{
    process::ExitCode,
    sync::{Arc, LazyLock},
    time::Duration,
};

use election_conformance::servers::{Kind, Server, Servers, required};
use libtest_mimic::{Arguments, Completion, Failed, Trial};
use tokio::{runtime::Runtime, time::timeout};

/// What a check returns: nothing, or what is not as it should be.
type Found = Result<(), Failed>;

/// A check that takes longer waits for what never comes.
const LIMIT: Duration = Duration::from_secs(180);

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));

fn main() -> ExitCode {
    if let Some(code) = endings::play_a_part() {
        return code;
    }
    let servers = Arc::new(Servers::new());
    let trials = [
        faults::trials(&servers),
        providers::trials(&servers),
        endings::trials(),
    ];
    let arguments = Arguments::from_args();
    let conclusion = libtest_mimic::run(&arguments, trials.into_iter().flatten().collect());
    if !arguments.list {
        println!("{}\n", servers.summary());
    }
    conclusion.exit_code()
}

/// A trial of one server, or why there is none.
fn trial<Check>(name: String, kind: Kind, servers: &Arc<Servers>, check: Check) -> Trial
where
    Check: AsyncFnOnce(Server) -> Found + Send + 'static,
{
    let servers = Arc::clone(servers);
    Trial::ignorable_test(name, move || {
        RUNTIME.block_on(async {
            match servers.provide(kind).await {
                Ok(server) => {
                    timeout(LIMIT, check(server))
                        .await
                        .map_err(|_| format!("not done within {LIMIT:?}"))??;
                    Ok(Completion::Completed)
                }
                Err(not_run) if required(kind) => Err(Failed::from(not_run)),
                Err(_) => Ok(Completion::ignored_with("not run, for the reasons below")),
            }
        })
    })
}
