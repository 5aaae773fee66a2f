//! Where servers come from, and what is said where none can be had.
//!
//! The environment of a process cannot be changed safely from within, so another one is asked: this
//! very program, for one of its own trials.

use std::{
    env,
    process::{Command, Output},
    sync::Arc,
};

use election_conformance::servers::{Kind, Server, Servers};
use libtest_mimic::{Failed, Trial};

use crate::{Found, endings::NOWHERE, plain::Conversation, trial};

const PAUSE_REDIS: &str = "redis::a_paused_server_is_silent_and_answers_when_resumed";

pub(crate) fn trials(servers: &Arc<Servers>) -> Vec<Trial> {
    vec![
        trial(
            "environment::a_given_server_is_used_and_not_harmed".to_owned(),
            Kind::Redis,
            servers,
            a_given_server_is_used_and_not_harmed,
        ),
        Trial::test(
            "environment::a_given_server_that_is_dead_is_a_failure",
            || {
                let url = [(Kind::Redis.url_variable(), "redis://127.0.0.1:1")];
                let output = run_trial(&url)?;
                expect(
                    &output,
                    false,
                    &["ELECTION_TEST_REDIS_URL is set, but no redis server answers"],
                )
            },
        ),
        Trial::test("nowhere::what_is_not_run_is_told_with_every_reason", || {
            let output = run_trial(&[])?;
            expect(
                &output,
                true,
                &[
                    "1 ignored",
                    "not run: ELECTION_TEST_REDIS_URL is not set; containers: no Docker engine answers",
                    "; binaries: no program redis-server or valkey-server is installed",
                ],
            )
        }),
        Trial::test("nowhere::what_is_required_and_not_run_is_a_failure", || {
            let output = run_trial(&[("ELECTION_REQUIRE", "postgres, redis")])?;
            expect(
                &output,
                false,
                &["not run: ELECTION_TEST_REDIS_URL is not set"],
            )
        }),
    ]
}

async fn a_given_server_is_used_and_not_harmed(server: Server) -> Found {
    let output = run_trial(&[(Kind::Redis.url_variable(), server.url())])?;
    expect(
        &output,
        false,
        &[
            server.version(),
            "environment",
            "the server that ELECTION_TEST_REDIS_URL names is not ours to harm",
        ],
    )?;
    let mut conversation = Conversation::begin(server.kind(), server.address()).await?;
    conversation.ask().await?;
    conversation.answer().await?;
    Ok(())
}

/// One trial of this program, on a machine without engine and programs.
fn run_trial(variables: &[(&str, &str)]) -> Result<Output, Failed> {
    let mut command = Command::new(env::current_exe()?);
    for kind in Kind::ALL {
        command.env_remove(kind.url_variable());
    }
    Ok(command
        .args(["--exact", PAUSE_REDIS])
        .env_remove("ELECTION_REQUIRE")
        .env("DOCKER_HOST", NOWHERE)
        .env("PATH", "")
        .envs(variables.iter().copied())
        .output()?)
}

fn expect(output: &Output, success: bool, words: &[&str]) -> Found {
    let said = String::from_utf8_lossy(&output.stdout);
    match words.iter().find(|words| !said.contains(**words)) {
        Some(missing) => Err(format!("it does not say `{missing}`, but:\n{said}").into()),
        None if output.status.success() != success => {
            Err(format!("it ended with {}, saying:\n{said}", output.status).into())
        }
        None => Ok(()),
    }
}
