//! W: hints over a network that fails.

use std::time::Duration;

use election_core::{Disaster, ElectionName, Hint, Hints};
use futures_util::StreamExt;

use super::{
    hints::{drain, is_told, watching},
    lost_replies::answers_its_own,
};
use crate::{
    check::{Judgement, Stop, require},
    client::Client,
    context::{Context, LONG},
    line::Line,
    proxy::{Connections, Direction, Fault, Proxy},
    wording,
};

/// How long to wait before a stream that has ended is opened again.
const REOPEN_AFTER: Duration = Duration::from_millis(5);

/// Waits for a hint from a stream, or from the next one if it ends: it then asks to be reopened.
async fn is_told_at_last(
    cx: &Context,
    client: &Client,
    (election, hints): (&ElectionName, &mut Hints),
    after: &str,
) -> Judgement {
    let patience = cx.hint_within() + cx.call_limit();
    let told = async {
        while hints.next().await != Some(Hint) {
            tokio::time::sleep(REOPEN_AFTER).await;
            if let Ok(again) = client.store().hints(election).await {
                *hints = again;
            }
        }
    };
    tokio::time::timeout(patience, told).await.map_err(|_| {
        Stop::violation(
            format!("a hint, or the end of the stream and a hint from the next, after {after}"),
            format!("neither within {patience:?}"),
        )
    })
}

pub(super) async fn a_watcher_is_told_to_look_after_a_restart(cx: &Context) -> Judgement {
    cx.claims_hints()?;
    let server = cx.server()?;
    let b = cx.client("B").await?;
    let election = cx.election("restart")?;
    let mut hints = watching(cx, &b, "restart").await?;
    drain(&mut hints);
    server.inflict(Disaster::Restart).await?;
    b.note("restart of the server");
    is_told_at_last(cx, &b, (&election, &mut hints), "a restart").await
}

pub(super) async fn a_watcher_learns_of_changes_made_while_it_was_cut_off(
    cx: &Context,
) -> Judgement {
    cx.claims_hints()?;
    let (line, b) = (cx.line("A").await?, cx.client("B").await?);
    let election = cx.election("cut off")?;
    let mut hints = watching(cx, &line.client, "cut off").await?;
    drain(&mut hints);
    line.proxy.inject(Fault::Refuse);
    line.proxy.inject(Fault::Close);
    line.client.note("is cut off");
    line.within("the cut", line.proxy.until_connections(0))
        .await?;
    let first = b.granted(&election, &cx.candidate("ada")?, LONG).await?;
    b.released(&first.lease).await?;
    let second = b.granted(&election, &cx.candidate("bob")?, LONG).await?;
    // What the stream said of the cut itself is no news of the changes.
    drain(&mut hints);
    line.proxy.heal();
    line.client.note("is connected again");
    let watched = (&election, &mut hints);
    is_told_at_last(cx, &line.client, watched, "the line was cut").await?;
    drain(&mut hints);
    // And the stream is alive again, not merely ended.
    b.released(&second.lease).await?;
    let watched = (&election, &mut hints);
    is_told_at_last(cx, &line.client, watched, "a change on the mended line").await
}

pub(super) async fn polling_finds_what_a_silent_line_does_not_tell(cx: &Context) -> Judgement {
    cx.claims_hints()?;
    let (line, b) = (cx.line("A").await?, cx.client("B").await?);
    let a = &line.client;
    let election = cx.election("silent")?;
    let before = line.proxy.connections();
    let last = before.iter().map(|of| of.number).max().unwrap_or_default();
    let mut hints = watching(cx, a, "silent").await?;
    cx.at_last(|| a.attempt_read(&election)).await?;
    let opened = line.proxy.connections();
    let mut own: Vec<Connections> = opened
        .iter()
        .filter(|of| of.number > last)
        .map(|of| Connections::Number(of.number))
        .collect();
    let shared = own.is_empty();
    if shared {
        own.push(Connections::All);
    }
    for connections in own {
        let silence = Fault::Blackhole.toward(Direction::ToClient);
        line.proxy.inject(silence.to(connections));
    }
    a.note("has its hints swallowed");
    let grant = b.granted(&election, &cx.candidate("bob")?, LONG).await?;
    if shared {
        // Hints and calls travel together here: the poll has to find a new connection.
        line.proxy.inject(Fault::Close);
        line.proxy.heal();
    }
    let polled = cx.at_last(|| a.attempt_read(&election)).await?.answer;
    require(
        polled.as_ref().map(|found| &found.lease) == Some(&grant.lease),
        "polling finds the change, though no hint came",
        || wording::optional_record(polled.as_ref()),
    )?;
    drain(&mut hints);
    line.proxy.heal();
    b.released(&grant.lease).await?;
    let watched = (&election, &mut hints);
    is_told_at_last(cx, a, watched, "a change on a line that speaks again").await?;
    let polled = cx.at_last(|| a.attempt_read(&election)).await?.answer;
    require(polled.is_none(), "polling finds the release", || {
        wording::optional_record(polled.as_ref())
    })
}

pub(super) async fn streams_that_are_dropped_leave_no_connection(cx: &Context) -> Judgement {
    cx.claims_hints()?;
    let line = cx.line("A").await?;
    let election = cx.election("dropped")?;
    let one = line.client.hints(&election).await?;
    let most = line.proxy.connections().len() + 1;
    drop(one);
    for _ in 0..cx.scale().of(100, 1_000) {
        let mut hints = line.client.hints(&election).await?;
        is_told(cx, &mut hints, "opening the stream").await?;
    }
    at_most(cx, &line.proxy, most, "streams are dropped").await?;
    answers_its_own(cx, &line.client, "after the streams").await?;
    let Line { client, proxy, .. } = line;
    drop(client);
    at_most(cx, &proxy, 0, "the client is dropped").await
}

/// Convicts unless no more than `most` connections are open in the end.
async fn at_most(cx: &Context, proxy: &Proxy, most: usize, when: &str) -> Judgement {
    let waiting = proxy.until(|_| proxy.connections().len() <= most);
    let ended = tokio::time::timeout(cx.call_limit(), waiting).await;
    require(
        ended.is_ok(),
        &format!("at most {most} connections when {when}"),
        || format!("{} are open", proxy.connections().len()),
    )
}
