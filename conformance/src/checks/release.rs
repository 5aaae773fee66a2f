//! L: a release frees exactly one lease, at once.

use std::time::Duration;

use election_core::{FencingToken, Lease, Released};
use futures_util::future::{join, try_join_all};

use super::{contest::together, renew::wrong_leases, tokens::rises};
use crate::{
    check::{Judgement, require},
    client::Client,
    context::{Context, LONG},
};

pub(super) async fn a_released_lease_is_free_at_once(cx: &Context) -> Judgement {
    let (a, b) = (cx.client("A").await?, cx.client("B").await?);
    let election = cx.election("free")?;
    for round in 0..10 {
        let (releaser, taker) = if round % 2 == 0 { (&a, &b) } else { (&b, &a) };
        let grant = releaser
            .granted(&election, &cx.candidate("ada")?, LONG)
            .await?;
        releaser.released(&grant.lease).await?;
        taker.nobody(&election).await?;
        let next = taker
            .granted(&election, &cx.candidate("bob")?, LONG)
            .await?;
        taker.released(&next.lease).await?;
    }
    Ok(())
}

pub(super) async fn a_second_release_changes_nothing(cx: &Context) -> Judgement {
    let (a, b) = (cx.client("A").await?, cx.client("B").await?);
    let election = cx.election("twice")?;
    let grant = a.granted(&election, &cx.candidate("ada")?, LONG).await?;
    a.released(&grant.lease).await?;
    a.not_held(&grant.lease).await?;
    let next = b.granted(&election, &cx.candidate("bob")?, LONG).await?;
    a.not_held(&grant.lease).await?;
    b.holds(&next.lease).await?;
    Ok(())
}

pub(super) async fn a_release_after_a_takeover_changes_nothing(cx: &Context) -> Judgement {
    let (a, b) = (cx.client("A").await?, cx.client("B").await?);
    let election = cx.election("takeover")?;
    let old = a
        .granted(&election, &cx.candidate("ada")?, cx.short())
        .await?;
    cx.past(&old).await;
    let new = b.granted(&election, &cx.candidate("bob")?, LONG).await?;
    for client in [&a, &b] {
        client.not_held(&old.lease).await?;
        b.holds(&new.lease).await?;
    }
    b.extended(&new.lease, LONG).await?;

    let trials: Vec<usize> = (0..cx.scale().of(24, 1_000)).collect();
    // By hand one after another, as each turns the one clock.
    let beside = if cx.time().is_by_hand() { 1 } else { 24 };
    for batch in trials.chunks(beside) {
        try_join_all(batch.iter().map(|trial| race(cx, &a, &b, *trial))).await?;
    }
    Ok(())
}

/// A release and a takeover a moment before, at and after the end of a lease.
async fn race(cx: &Context, a: &Client, b: &Client, trial: usize) -> Judgement {
    let election = cx.election(&format!("race {trial}"))?;
    let (ada, bob) = (cx.candidate("ada")?, cx.candidate("bob")?);
    let first = a.granted(&election, &ada, cx.short()).await?;
    let offset = Duration::from_micros(400) * u32::try_from(trial % 12).unwrap_or(0);
    let moment = cx.earliest_end(&first).minus(Duration::from_millis(2));
    cx.time().until(moment.plus(offset)).await;
    let (release, takeover) = join(a.release(&first.lease), b.acquire(&election, &bob, LONG)).await;
    release?;
    match takeover?.decided() {
        Ok(next) => {
            b.holds(&next.lease).await?;
            a.not_held(&first.lease).await?;
            b.holds(&next.lease).await?;
            Ok(())
        }
        // It came before the release and before the end; both are over by now.
        Err(_) => {
            cx.past(&first).await;
            b.nobody(&election).await
        }
    }
}

pub(super) async fn a_release_after_the_end_is_not_held(cx: &Context) -> Judgement {
    let (a, b) = (cx.client("A").await?, cx.client("B").await?);
    let election = cx.election("ended")?;
    let grant = a
        .granted(&election, &cx.candidate("ada")?, cx.short())
        .await?;
    cx.past(&grant).await;
    a.not_held(&grant.lease).await?;
    b.nobody(&election).await
}

pub(super) async fn a_late_release_of_an_earlier_term_changes_nothing(cx: &Context) -> Judgement {
    let (a, b) = (cx.client("A").await?, cx.client("B").await?);
    let (election, ada) = (cx.election("late")?, cx.candidate("ada")?);
    let first = a.granted(&election, &ada, LONG).await?;
    a.released(&first.lease).await?;
    let second = a.granted(&election, &ada, LONG).await?;
    // As if the first release had been sent twice, or had lingered on the way.
    a.not_held(&first.lease).await?;
    b.holds(&second.lease).await?;
    let third = a.granted(&election, &ada, LONG).await?;
    a.not_held(&second.lease).await?;
    b.holds(&third.lease).await?;
    Ok(())
}

pub(super) async fn the_next_token_is_greater_than_the_released_one(cx: &Context) -> Judgement {
    let (a, b) = (cx.client("A").await?, cx.client("B").await?);
    let election = cx.election("counter")?;
    let mut last: Option<FencingToken> = None;
    for round in 0..6 {
        let client = if round % 2 == 0 { &a } else { &b };
        let grant = client
            .granted(&election, &cx.candidate("ada")?, LONG)
            .await?;
        rises(last, grant.lease.token)?;
        last = Some(grant.lease.token);
        client.released(&grant.lease).await?;
    }
    Ok(())
}

pub(super) async fn one_release_frees_a_lease_acquired_many_times(cx: &Context) -> Judgement {
    let (a, b) = (cx.client("A").await?, cx.client("B").await?);
    let (election, ada) = (cx.election("stacked")?, cx.candidate("ada")?);
    let mut grant = a.granted(&election, &ada, LONG).await?;
    for _ in 0..4 {
        grant = a.granted(&election, &ada, LONG).await?;
    }
    a.released(&grant.lease).await?;
    b.nobody(&election).await?;
    b.granted(&election, &cx.candidate("bob")?, LONG).await?;
    Ok(())
}

pub(super) async fn a_release_needs_the_exact_lease(cx: &Context) -> Judgement {
    let (a, b) = (cx.client("A").await?, cx.client("B").await?);
    let grant = a
        .granted(&cx.election("exact")?, &cx.candidate("ada")?, LONG)
        .await?;
    for (wrong, lease) in wrong_leases(cx, &grant.lease)? {
        a.note(&format!("tries a lease with a wrong {wrong}"));
        for client in [&a, &b] {
            client.not_held(&lease).await?;
            b.holds(&grant.lease).await?;
        }
    }
    a.released(&grant.lease).await
}

pub(super) async fn one_of_many_releases_at_the_same_time_is_done(cx: &Context) -> Judgement {
    let a = cx.client("A").await?;
    let election = cx.election("together")?;
    for _ in 0..cx.scale().of(10, 200) {
        let grant = a.granted(&election, &cx.candidate("ada")?, LONG).await?;
        let releases = (0..4).map(|_| {
            let (client, lease) = (a.clone(), grant.lease.clone());
            async move { client.release(&lease).await }
        });
        let answers = together(releases).await?;
        let done = answers
            .iter()
            .filter(|call| call.answer == Released::Done)
            .count();
        require(done == 1, "1 of 4 releases is Done", || {
            format!("{done} are")
        })?;
    }
    Ok(())
}

pub(super) async fn a_release_in_an_election_nobody_held_is_not_held(cx: &Context) -> Judgement {
    let a = cx.client("A").await?;
    let election = cx.election("never")?;
    let ada = cx.candidate("ada")?;
    let lease = Lease {
        election: election.clone(),
        holder: ada.holder(),
        token: FencingToken::FIRST,
    };
    a.not_held(&lease).await?;
    a.nobody(&election).await?;
    a.granted(&election, &ada, LONG).await?;
    Ok(())
}
