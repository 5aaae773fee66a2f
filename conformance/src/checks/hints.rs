//! W: hints, where a store claims them: "look again", in time.

use election_core::{Hint, Hints};
use futures_util::{FutureExt, StreamExt};

use crate::{
    check::{Judgement, Stop},
    client::Client,
    context::{Context, LONG},
};

/// Waits for a hint as long as the declared bound, plus what a slow tester may add.
///
/// Lateness within the harness's call limit is not judged: from here it cannot be told from a
/// tester that was not scheduled. A hint that never comes is.
pub(super) async fn is_told(cx: &Context, hints: &mut Hints, why: &str) -> Judgement {
    let patience = cx.hint_within() + cx.call_limit();
    match tokio::time::timeout(patience, hints.next()).await {
        Ok(Some(Hint)) => Ok(()),
        Ok(None) => Err(Stop::violation(
            format!("a hint after {why}"),
            "the stream ended, though nothing happened to the store",
        )),
        Err(_) => Err(Stop::violation(
            format!("a hint after {why} within {:?}", cx.hint_within()),
            format!("none within {patience:?}"),
        )),
    }
}

/// Takes the hints that are there already, so that the next one is about what comes next.
pub(super) fn drain(hints: &mut Hints) {
    while let Some(Some(Hint)) = hints.next().now_or_never() {}
}

pub(super) async fn watching(cx: &Context, client: &Client, label: &str) -> Judgement<Hints> {
    let mut hints = client.hints(&cx.election(label)?).await?;
    is_told(cx, &mut hints, "opening the stream").await?;
    Ok(hints)
}

pub(super) async fn the_first_hint_comes_by_itself(cx: &Context) -> Judgement {
    let (a, b) = (cx.client("A").await?, cx.client("B").await?);
    watching(cx, &a, "nobody holds it").await?;
    let held = cx.election("somebody holds it")?;
    b.granted(&held, &cx.candidate("bob")?, LONG).await?;
    watching(cx, &a, "somebody holds it").await?;
    Ok(())
}

pub(super) async fn every_change_of_holder_is_followed_by_a_hint(cx: &Context) -> Judgement {
    let (a, b) = (cx.client("A").await?, cx.client("B").await?);
    let election = cx.election("changes")?;
    let mut hints = watching(cx, &b, "changes").await?;
    for _ in 0..6 {
        drain(&mut hints);
        let grant = a.granted(&election, &cx.candidate("ada")?, LONG).await?;
        is_told(cx, &mut hints, "a grant").await?;
        drain(&mut hints);
        a.released(&grant.lease).await?;
        is_told(cx, &mut hints, "a release").await?;
    }
    Ok(())
}

pub(super) async fn every_watcher_of_every_client_is_told(cx: &Context) -> Judgement {
    let (a, b) = (cx.client("A").await?, cx.client("B").await?);
    let mut streams = Vec::new();
    for client in [&a, &a, &b, &b] {
        streams.push(watching(cx, client, "shared").await?);
    }
    let election = cx.election("shared")?;
    for client in [&a, &b] {
        let grant = client
            .granted(&election, &cx.candidate("ada")?, LONG)
            .await?;
        for hints in &mut streams {
            is_told(cx, hints, "a grant").await?;
            drain(hints);
        }
        client.released(&grant.lease).await?;
        for hints in &mut streams {
            is_told(cx, hints, "a release").await?;
            drain(hints);
        }
    }
    Ok(())
}

pub(super) async fn a_watcher_that_never_listens_disturbs_nobody(cx: &Context) -> Judgement {
    let (a, b) = (cx.client("A").await?, cx.client("B").await?);
    let election = cx.election("deaf")?;
    let mut deaf = b.hints(&election).await?;
    let mut keen = watching(cx, &b, "deaf").await?;
    for _ in 0..cx.scale().of(100, 5_000) {
        let grant = a.granted(&election, &cx.candidate("ada")?, LONG).await?;
        a.released(&grant.lease).await?;
    }
    drain(&mut keen);
    let last = a.granted(&election, &cx.candidate("ada")?, LONG).await?;
    is_told(
        cx,
        &mut keen,
        "a grant, beside a watcher that never listens",
    )
    .await?;
    is_told(cx, &mut deaf, "many changes nobody listened to").await?;
    b.holds(&last.lease).await?;
    Ok(())
}

pub(super) async fn watchers_that_are_gone_disturb_nobody(cx: &Context) -> Judgement {
    let (a, b) = (cx.client("A").await?, cx.client("B").await?);
    let election = cx.election("gone")?;
    for _ in 0..cx.scale().of(50, 1_000) {
        drop(b.hints(&election).await?);
    }
    let mut hints = watching(cx, &b, "gone").await?;
    // The first change may be what finds out that the others are gone.
    for _ in 0..2 {
        drain(&mut hints);
        let grant = a.granted(&election, &cx.candidate("ada")?, LONG).await?;
        is_told(cx, &mut hints, "a grant, with other watchers gone").await?;
        drain(&mut hints);
        a.released(&grant.lease).await?;
        is_told(cx, &mut hints, "a release, with other watchers gone").await?;
    }
    Ok(())
}
