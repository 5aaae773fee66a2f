//! U: calls that are dropped half-way, and clients that are gone.

use std::{future::poll_fn, pin::pin, task::Poll};

use election_core::{Acquired, Candidate, ElectionName};

use super::contest::together;
use crate::{
    check::{Judgement, Stop, require},
    client::Client,
    context::{Context, LONG},
    wording,
};

/// A call that awaits more often than this is dropped no later.
const MOST_AWAITS: usize = 24;

/// Drives a call until it has waited `awaits` times, then drops it. Its answer if it had ended.
async fn dropped_after<T>(awaits: usize, call: impl Future<Output = T>) -> Option<T> {
    let mut call = pin!(call);
    let mut waited = 0;
    poll_fn(|cx| match call.as_mut().poll(cx) {
        Poll::Ready(answer) => Poll::Ready(Some(answer)),
        Poll::Pending if waited == awaits => Poll::Ready(None),
        Poll::Pending => {
            waited += 1;
            Poll::Pending
        }
    })
    .await
}

/// Whatever was dropped before, the client's next calls get answers of their own.
async fn answers_its_own(cx: &Context, client: &Client, label: &str) -> Judgement {
    let (election, bob) = (cx.election(label)?, cx.candidate("bob")?);
    let grant = client.granted(&election, &bob, LONG).await?;
    require(
        grant.lease.election == election && grant.lease.holder == bob.holder(),
        "the call after a dropped one gets its own answer",
        || wording::lease(&grant.lease),
    )?;
    client.holds(&grant.lease).await?;
    client.released(&grant.lease).await
}

pub(super) async fn an_acquire_dropped_half_way_leaves_nothing_stuck(cx: &Context) -> Judgement {
    let (a, b) = (cx.client("A").await?, cx.client("B").await?);
    let ada = cx.candidate("ada")?;
    let whole = a.granted(&cx.election("whole")?, &ada, cx.short()).await?;
    for awaits in 0..MOST_AWAITS {
        let election = cx.election(&format!("dropped {awaits}"))?;
        let call = a.store().acquire(&election, &ada, cx.short());
        let ended = dropped_after(awaits, call).await.is_some();
        a.note(&format!(
            "acquire {} dropped at await {awaits}",
            wording::election(&election)
        ));
        answers_its_own(cx, &a, &format!("next {awaits}")).await?;
        cx.grant_at_last(&b, &election, &cx.candidate("bob")?, whole.ttl)
            .await?;
        if ended {
            break;
        }
    }
    Ok(())
}

pub(super) async fn a_renewal_or_release_dropped_half_way_leaves_nothing_stuck(
    cx: &Context,
) -> Judgement {
    let (a, b) = (cx.client("A").await?, cx.client("B").await?);
    let ada = cx.candidate("ada")?;
    for awaits in 0..MOST_AWAITS {
        let renewed = cx.election(&format!("renewed {awaits}"))?;
        let grant = a.granted(&renewed, &ada, cx.short()).await?;
        let call = a.store().renew(&grant.lease, cx.short());
        let renewal_ended = dropped_after(awaits, call).await.is_some();
        a.note(&format!("renewal dropped at await {awaits}"));
        answers_its_own(cx, &a, &format!("after renewal {awaits}")).await?;
        // The same renewal again, as an elector would.
        a.renew(&grant.lease, cx.short()).await?;

        let released = cx.election(&format!("released {awaits}"))?;
        let other = a.granted(&released, &ada, cx.short()).await?;
        let call = a.store().release(&other.lease);
        let release_ended = dropped_after(awaits, call).await.is_some();
        a.note(&format!("release dropped at await {awaits}"));
        answers_its_own(cx, &a, &format!("after release {awaits}")).await?;
        a.release(&other.lease).await?;

        for election in [&renewed, &released] {
            cx.grant_at_last(&b, election, &cx.candidate("bob")?, grant.ttl)
                .await?;
        }
        if renewal_ended && release_ended {
            break;
        }
    }
    Ok(())
}

pub(super) async fn a_lease_ends_in_time_though_its_client_is_gone(cx: &Context) -> Judgement {
    let (a, b, c) = (
        cx.client("A").await?,
        cx.client("B").await?,
        cx.client("C").await?,
    );
    let (gone, kept) = (cx.election("gone")?, cx.election("kept")?);
    let other = c.granted(&kept, &cx.candidate("cyd")?, LONG).await?;
    let grant = a.granted(&gone, &cx.candidate("ada")?, cx.short()).await?;
    a.note("is dropped");
    drop(a);
    c.extended(&other.lease, LONG).await?;
    cx.past(&grant).await;
    b.granted(&gone, &cx.candidate("bob")?, LONG).await?;
    b.holds(&other.lease).await?;
    c.extended(&other.lease, LONG).await?;
    Ok(())
}

pub(super) async fn an_acquire_whose_answer_was_lost_is_granted_when_repeated(
    cx: &Context,
) -> Judgement {
    let (a, b) = (cx.client("A").await?, cx.client("B").await?);
    let ada = cx.candidate("ada")?;
    for awaits in 0..MOST_AWAITS {
        let election = cx.election(&format!("lost {awaits}"))?;
        let call = a.store().acquire(&election, &ada, LONG);
        let first = match dropped_after(awaits, call).await {
            Some(Ok(Acquired::Granted { lease, .. })) => Some(lease.token),
            _ => None,
        };
        a.note(&format!("acquire dropped at await {awaits}"));
        let again = a.granted(&election, &ada, LONG).await?;
        require(
            first.is_none_or(|first| again.lease.token > first),
            "the repeated acquire has a greater token",
            || format!("{} after {first:?}", again.lease.token),
        )?;
        b.refused(&election, &cx.candidate("bob")?, LONG).await?;
        if first.is_some() {
            break;
        }
    }
    Ok(())
}

pub(super) async fn calls_at_the_same_time_get_their_own_answers(cx: &Context) -> Judgement {
    let a = cx.client("A").await?;
    let mut tasks = Vec::new();
    for number in 0..cx.scale().of(24, 500) {
        let election = cx.election(&number.to_string())?;
        let candidate = cx.candidate(&format!("candidate {number}"))?;
        tasks.push(own_answers(a.clone(), election, candidate));
    }
    together(tasks).await?;
    Ok(())
}

/// A whole term beside others on the same client.
async fn own_answers(client: Client, election: ElectionName, candidate: Candidate) -> Judgement {
    let grant = client.granted(&election, &candidate, LONG).await?;
    if grant.lease.election != election || grant.lease.holder != candidate.holder() {
        return Err(Stop::violation(
            format!(
                "a lease of {} for {}",
                wording::election(&election),
                wording::holder(&candidate.holder())
            ),
            wording::lease(&grant.lease),
        ));
    }
    client.holds(&grant.lease).await?;
    client.extended(&grant.lease, LONG).await?;
    client.released(&grant.lease).await?;
    client.nobody(&election).await
}
