//! S, E: a server that stands still, or is started again.

use std::time::Duration;

use election_core::{Disaster, Renewed, StoreErrorKind};
use futures_util::future;

use super::lost_replies::answers_its_own;
use crate::{
    check::{Judgement, Stop, require},
    client::{Client, Grant},
    context::{Context, LONG},
    wording,
};

/// Between two renewals of one holder.
const RENEW_EVERY: Duration = Duration::from_millis(20);

pub(super) async fn a_pause_of_the_server_leaves_no_two_holders(cx: &Context) -> Judgement {
    let server = cx.server()?;
    let (a, b) = (cx.client("A").await?, cx.client("B").await?);
    let (election, bob) = (cx.election("paused")?, cx.candidate("bob")?);
    let first = a
        .granted(&election, &cx.candidate("ada")?, cx.short())
        .await?;
    server.pause().await?;
    a.note("has its server paused");
    let end = cx.now().plus(first.ttl * 3);
    // The holder renews all the while, as an elector does; the last renewal outlives the pause.
    let renewing = async {
        let mut proof = first.clone();
        while cx.now() < end {
            if let Ok(call) = a.attempt_renew(&first.lease, first.ttl).await?
                && let Ok(extension) = call.decided(&first.lease)
            {
                proof = extension;
            }
            cx.time()
                .until(cx.now().plus(RENEW_EVERY.min(first.ttl / 4)))
                .await;
        }
        Ok::<_, Stop>(proof)
    };
    let (proof, resumed) = if cx.time().is_by_hand() {
        // The renewals turn the one clock.
        (renewing.await, server.resume().await)
    } else {
        let resuming = async {
            cx.time().until(end).await;
            server.resume().await
        };
        future::join(renewing, resuming).await
    };
    resumed?;
    a.note("has its server back");
    let proof = proof?;

    let (renewal, takeover) = future::join(
        cx.at_last(|| a.attempt_renew(&first.lease, LONG)),
        cx.at_last(|| b.attempt_acquire(&election, &bob, LONG)),
    )
    .await;
    let (renewal, takeover) = (renewal?.decided(&first.lease), takeover?);
    let told = wording::acquired(&takeover.answer);
    match (renewal, takeover.decided()) {
        (Ok(kept), Ok(_)) => Err(Stop::violation(
            "the renewal after the pause is Lost, or the lease was kept",
            format!("Extended for {:?}, and B: {told}", kept.ttl),
        )),
        (Ok(_), Err(_)) => {
            b.holds(&first.lease).await?;
            Ok(())
        }
        (Err(_), Ok(next)) => cx.not_early(&proof, &next),
        (Err(_), Err(_)) => freed_at_last(cx, &b, &proof).await,
    }
}

/// The takeover came just before the end, and the renewal just after.
async fn freed_at_last(cx: &Context, b: &Client, proof: &Grant) -> Judgement {
    let election = &proof.lease.election;
    let wait = (proof.ttl + cx.lag()) * 2;
    let next = cx
        .grant_at_last(b, election, &cx.candidate("cyd")?, wait)
        .await?;
    cx.not_early(proof, &next)
}

pub(super) async fn a_restart_neither_ends_nor_revives_a_lease(cx: &Context) -> Judgement {
    let server = cx.server()?;
    let (a, b) = (cx.client("A").await?, cx.client("B").await?);
    let (ada, bob) = (cx.candidate("ada")?, cx.candidate("bob")?);
    let held = a.granted(&cx.election("held")?, &ada, LONG).await?;
    let released = a.granted(&cx.election("released")?, &ada, LONG).await?;
    a.released(&released.lease).await?;
    let ended = a.granted(&cx.election("ended")?, &ada, cx.short()).await?;
    cx.past(&ended).await;
    server.inflict(Disaster::Restart).await?;
    a.note("has its server restarted");

    let election = &held.lease.election;
    let call = cx
        .at_last(|| b.attempt_acquire(election, &bob, LONG))
        .await?;
    if let Ok(next) = call.decided() {
        cx.not_early(&held, &next)?;
    }
    for gone in [&released, &ended] {
        let call = cx.at_last(|| a.attempt_renew(&gone.lease, LONG)).await?;
        require(
            matches!(call.answer, Renewed::Lost(_)),
            "a lease that was over before the restart is Lost after it",
            || wording::renewed(&call.answer),
        )?;
        let election = &gone.lease.election;
        let read = cx.at_last(|| b.attempt_read(election)).await?;
        require(
            read.answer.is_none(),
            "a lease that was over before the restart is held by nobody after it",
            || wording::optional_record(read.answer.as_ref()),
        )?;
    }
    Ok(())
}

pub(super) async fn a_client_outlives_a_restart(cx: &Context) -> Judgement {
    let server = cx.server()?;
    let a = cx.client("A").await?;
    let ada = cx.candidate("ada")?;
    let before = a.granted(&cx.election("before")?, &ada, LONG).await?;
    server.inflict(Disaster::Restart).await?;
    a.note("has its server restarted");
    let election = &before.lease.election;
    // Each call in turn, as each may have a connection of its own.
    cx.at_last(|| a.attempt_read(election)).await?;
    cx.at_last(|| a.attempt_renew(&before.lease, LONG)).await?;
    cx.at_last(|| a.attempt_release(&before.lease)).await?;
    answers_its_own(cx, &a, "after the restart").await
}

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
        Ok(_) | Err(_) => return Ok(()),
    }
    cx.stays_free(&b, &election).await
}
