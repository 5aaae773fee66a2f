//! Each fault, as a plain client meets it.

use std::{sync::Arc, time::Duration};

use election_conformance::servers::{Kind, Server, Servers};
use libtest_mimic::Trial;
use tokio::time::timeout;

use crate::{Found, plain::Conversation, trial};

/// How long a frozen server is listened to.
const SILENCE: Duration = Duration::from_millis(300);

pub(crate) fn trials(servers: &Arc<Servers>) -> Vec<Trial> {
    Kind::ALL
        .into_iter()
        .flat_map(|kind| {
            [
                trial(
                    format!("{kind}::a_paused_server_is_silent_and_answers_when_resumed"),
                    kind,
                    servers,
                    a_paused_server_is_silent_and_answers_when_resumed,
                ),
                trial(
                    format!("{kind}::a_killed_server_comes_back_at_its_port_with_its_data"),
                    kind,
                    servers,
                    a_killed_server_comes_back_at_its_port_with_its_data,
                ),
                trial(
                    format!("{kind}::a_stopped_server_comes_back_at_its_port_with_its_data"),
                    kind,
                    servers,
                    a_stopped_server_comes_back_at_its_port_with_its_data,
                ),
                trial(
                    format!("{kind}::a_wiped_server_comes_back_at_its_port_without_its_data"),
                    kind,
                    servers,
                    a_wiped_server_comes_back_at_its_port_without_its_data,
                ),
            ]
        })
        .collect()
}

async fn begin(server: &Server) -> std::io::Result<Conversation> {
    Conversation::begin(server.kind(), server.address()).await
}

async fn a_paused_server_is_silent_and_answers_when_resumed(server: Server) -> Found {
    let mut before = begin(&server).await?;
    before.ask().await?;
    before.answer().await?;

    server.pause().await?;
    server.pause().await?; // once more changes nothing
    before.ask().await?;
    if timeout(SILENCE, before.answer()).await.is_ok() {
        return Err("it answers while it is paused".into());
    }

    server.resume().await?;
    server.resume().await?;
    before.answer().await?;
    Ok(())
}

async fn a_killed_server_comes_back_at_its_port_with_its_data(server: Server) -> Found {
    let began = server.start_time();
    let mut before = begin(&server).await?;
    before.leave_mark().await?;

    // Also out of a pause, in which no signal but this one reaches it.
    server.pause().await?;
    server.kill().await?;
    server.kill().await?;
    before
        .ask()
        .await
        .and(before.answer().await)
        .expect_err("it is dead");
    begin(&server)
        .await
        .err()
        .ok_or("it is dead, but can be connected to")?;

    server.restart().await?;
    assert!(server.start_time() > began);
    expect_mark(&server, true).await
}

async fn a_stopped_server_comes_back_at_its_port_with_its_data(server: Server) -> Found {
    let mut before = begin(&server).await?;
    before.leave_mark().await?;

    server.stop().await?;
    server.stop().await?;
    begin(&server)
        .await
        .err()
        .ok_or("it is down, but can be connected to")?;

    server.restart().await?;
    server.restart().await?;
    expect_mark(&server, true).await
}

async fn a_wiped_server_comes_back_at_its_port_without_its_data(server: Server) -> Found {
    begin(&server).await?.leave_mark().await?;
    expect_mark(&server, true).await?;

    server.wipe().await?;
    expect_mark(&server, false).await
}

async fn expect_mark(server: &Server, expected: bool) -> Found {
    let found = begin(server).await?.finds_mark().await?;
    if found == expected {
        Ok(())
    } else {
        Err(format!("its data is there: {found}, should be: {expected}").into())
    }
}
