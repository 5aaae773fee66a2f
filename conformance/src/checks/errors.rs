//! E: errors that can be acted on, and a server in trouble.

use std::{error::Error, time::Duration};

use election_core::{Disaster, MAX_TTL, StoreError, StoreErrorKind};
use futures_util::future;

use crate::{
    check::{Judgement, require},
    context::{Context, LONG},
    secrets,
};

pub(super) async fn every_call_ends_while_the_server_is_paused(cx: &Context) -> Judgement {
    let server = cx.server()?;
    let a = cx.client("A").await?;
    let (election, ada) = (cx.election("paused")?, cx.candidate("ada")?);
    let grant = a.granted(&election, &ada, LONG).await?;
    server.pause().await?;
    a.note("has its server paused");
    // Each call is bounded by the client; an error and a late answer are both right.
    let calls = future::join4(
        a.attempt_read(&election),
        a.attempt_acquire(&election, &ada, LONG),
        a.attempt_renew(&grant.lease, LONG),
        a.attempt_release(&grant.lease),
    )
    .await;
    server.resume().await?;
    calls.0?.ok();
    calls.1?.ok();
    calls.2?.ok();
    calls.3?.ok();
    Ok(())
}

pub(super) async fn what_was_called_unavailable_is_never_applied(cx: &Context) -> Judgement {
    let server = cx.server()?;
    let (a, b) = (cx.client("A").await?, cx.client("B").await?);
    let election = cx.election("unavailable")?;
    server.pause().await?;
    let outcome = a
        .attempt_acquire(&election, &cx.candidate("ada")?, LONG)
        .await;
    server.resume().await?;
    match outcome? {
        Err(error) if error.kind() == StoreErrorKind::Unavailable => {}
        // Anything else promises nothing about what was applied.
        _ => return Ok(()),
    }
    for _ in 0..5 {
        b.nobody(&election).await?;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

pub(super) async fn a_client_outlives_a_restart(cx: &Context) -> Judgement {
    let server = cx.server()?;
    let a = cx.client("A").await?;
    let ada = cx.candidate("ada")?;
    a.granted(&cx.election("before")?, &ada, LONG).await?;
    server.inflict(Disaster::Restart).await?;
    a.note("has its server restarted");
    let after = cx.election("after")?;
    cx.grant_at_last(&a, &after, &ada, Duration::ZERO).await?;
    Ok(())
}

pub(super) async fn no_secret_is_shown(cx: &Context) -> Judgement {
    let a = cx.client("A").await?;
    let (election, ada) = (cx.election("secret")?, cx.candidate("ada")?);
    let grant = a.granted(&election, &ada, LONG).await?;
    let hints = a.hints(&election).await?;
    let mut shown = vec![
        ("the Debug of the store", format!("{:?}", a.store())),
        ("the pretty Debug of the store", format!("{:#?}", a.store())),
        ("the Debug of its hints", format!("{hints:?}")),
        (
            "the Debug of its capabilities",
            format!("{:?}", a.store().capabilities()),
        ),
    ];
    let illegal = MAX_TTL * 2;
    if let Err(error) = a.attempt_acquire(&election, &ada, illegal).await? {
        shown.push(("an error of acquire", everything_about(&error)));
    }
    if let Err(error) = a.attempt_renew(&grant.lease, illegal).await? {
        shown.push(("an error of renew", everything_about(&error)));
    }
    for secret in cx.secrets() {
        for (place, text) in &shown {
            require(
                !secrets::is_shown(&secret, text),
                "no secret, in any spelling",
                // The report is shared too: it must not repeat the secret.
                || format!("one in {place}"),
            )?;
        }
    }
    Ok(())
}

/// Display and Debug of an error and of all its sources.
fn everything_about(error: &StoreError) -> String {
    let mut text = format!("{error} {error:?} {error:#?}");
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(" {cause} {cause:?}"));
        source = cause.source();
    }
    text
}
