//! R: a renewal extends exactly one lease, from the moment it arrives.

use std::time::Duration;

use election_core::{Acquired, FencingToken, Incarnation, Lease, Metadata, Renewed};
use futures_util::future::try_join_all;

use super::contest::together;
use crate::{
    check::{Judgement, Stop, require},
    client::Client,
    context::{Context, LONG, ROUNDING},
    wording,
};

pub(super) async fn a_renewal_counts_from_its_receipt(cx: &Context) -> Judgement {
    let (a, b) = (cx.client("A").await?, cx.client("B").await?);
    let election = cx.election("receipt")?;
    let mut grant = a
        .granted(&election, &cx.candidate("ada")?, cx.short())
        .await?;
    for _ in 0..3 {
        cx.time().until(cx.now().plus(grant.ttl / 2)).await;
        grant = cx.extended(&a, &grant, cx.short()).await?;
    }
    let successor = cx
        .successor(&grant, &b, &cx.candidate("bob")?, LONG)
        .await?;
    require(
        successor.is_some(),
        "the lease ends by the last renewal's reply + ttl + lag",
        || "Held by a request sent later".to_owned(),
    )
}

pub(super) async fn a_renewal_replaces_the_ttl(cx: &Context) -> Judgement {
    let (a, b) = (cx.client("A").await?, cx.client("B").await?);
    let election = cx.election("replace")?;
    let first = a.granted(&election, &cx.candidate("ada")?, LONG).await?;
    for ttl in [LONG * 3, LONG / 2, LONG * 2] {
        let grant = a.extended(&first.lease, ttl).await?;
        let found = b.holds(&first.lease).await?;
        let least = cx.earliest_end(&grant).saturating_since(found.replied);
        let most = cx.latest_end(&grant).saturating_since(found.sent) + ROUNDING;
        require(
            (least..=most).contains(&found.answer.remaining),
            &format!("after a renewal for {ttl:?}, from {least:?} to {most:?} left"),
            || format!("{:?}", found.answer.remaining),
        )?;
    }
    let short = a.extended(&first.lease, cx.short()).await?;
    cx.past(&short).await;
    b.granted(&election, &cx.candidate("bob")?, LONG).await?;
    Ok(())
}

pub(super) async fn an_expired_lease_is_not_renewed_back(cx: &Context) -> Judgement {
    let (a, b) = (cx.client("A").await?, cx.client("B").await?);
    let election = cx.election("expired")?;
    let grant = a
        .granted(&election, &cx.candidate("ada")?, cx.short())
        .await?;
    cx.past(&grant).await;
    let found = a.lost(&grant.lease, LONG).await?;
    require(found.is_none(), "lost to nobody", || {
        wording::optional_record(found.as_ref())
    })?;
    b.nobody(&election).await?;
    b.granted(&election, &cx.candidate("bob")?, LONG).await?;
    Ok(())
}

pub(super) async fn a_renewal_after_a_takeover_is_lost_and_changes_nothing(
    cx: &Context,
) -> Judgement {
    let (a, b, c) = (
        cx.client("A").await?,
        cx.client("B").await?,
        cx.client("C").await?,
    );
    let election = cx.election("takeover")?;
    let old = a
        .granted(&election, &cx.candidate("ada")?, cx.short())
        .await?;
    cx.past(&old).await;
    let metadata = Metadata::default().with("says", "bob").unwrap_or_default();
    let bob = cx.candidate_with("bob", metadata)?;
    let new = b.granted(&election, &bob, LONG).await?;
    let told = a.lost(&old.lease, LONG * 50).await?;
    require(
        told.as_ref().is_some_and(|told| told.lease == new.lease),
        "lost to the present holder, by name",
        || wording::optional_record(told.as_ref()),
    )?;
    let found = c.holds(&new.lease).await?;
    let most = cx.latest_end(&new).saturating_since(found.sent) + ROUNDING;
    require(
        found.answer.remaining <= most && found.answer.metadata == bob.metadata,
        "the present holder's lease is as it was",
        || wording::record(&found.answer),
    )?;
    b.extended(&new.lease, LONG).await?;
    Ok(())
}

pub(super) async fn a_renewal_needs_the_exact_lease(cx: &Context) -> Judgement {
    let (a, b) = (cx.client("A").await?, cx.client("B").await?);
    let grant = a
        .granted(&cx.election("exact")?, &cx.candidate("ada")?, LONG)
        .await?;
    for (wrong, lease) in wrong_leases(cx, &grant.lease)? {
        a.note(&format!("tries a lease with a wrong {wrong}"));
        for client in [&a, &b] {
            client.lost(&lease, LONG * 50).await?;
            let found = b.holds(&grant.lease).await?;
            let most = cx.latest_end(&grant).saturating_since(found.sent) + ROUNDING;
            require(
                found.answer.remaining <= most,
                "a renewal that is Lost extends nothing",
                || wording::record(&found.answer),
            )?;
        }
        if lease.election != grant.lease.election {
            b.nobody(&lease.election).await?;
        }
    }
    a.extended(&grant.lease, LONG).await?;
    Ok(())
}

/// Leases that differ from `right` in one part each, and the name of that part.
pub(super) fn wrong_leases(cx: &Context, right: &Lease) -> Judgement<Vec<(&'static str, Lease)>> {
    let mut leases = Vec::new();
    let number = right.token.as_u64();
    for other in [number.saturating_sub(1), number + 1, number + 1_000_000] {
        if let Some(token) = FencingToken::new(other) {
            let mut lease = right.clone();
            lease.token = token;
            leases.push(("token", lease));
        }
    }
    let mut lease = right.clone();
    lease.holder.incarnation = Incarnation(right.holder.incarnation.0 ^ 1 << 127);
    leases.push(("incarnation", lease));
    let mut lease = right.clone();
    lease.holder.incarnation = Incarnation(right.holder.incarnation.0 ^ 1);
    leases.push(("incarnation", lease));
    let mut lease = right.clone();
    lease.holder.id = cx.candidate("eve")?.id;
    leases.push(("id", lease));
    let mut lease = right.clone();
    lease.election = cx.election("another")?;
    leases.push(("election", lease));
    Ok(leases)
}

pub(super) async fn renewals_at_the_same_time_are_all_extended(cx: &Context) -> Judgement {
    let a = cx.client("A").await?;
    let election = cx.election("together")?;
    let grant = a.granted(&election, &cx.candidate("ada")?, LONG).await?;
    for _ in 0..cx.scale().of(10, 200) {
        let renewals = (0..4).map(|_| {
            let (client, lease) = (a.clone(), grant.lease.clone());
            async move { client.extended(&lease, LONG).await }
        });
        together(renewals).await?;
    }
    a.holds(&grant.lease).await?;
    Ok(())
}

pub(super) async fn a_renewal_and_a_takeover_are_never_both_granted(cx: &Context) -> Judgement {
    let (a, b) = (cx.client("A").await?, cx.client("B").await?);
    let trials = cx.scale().of(24, 1_000);
    // By hand one after another, as each turns the one clock.
    let beside = if cx.time().is_by_hand() { 1 } else { 24 };
    let numbers: Vec<usize> = (0..trials).collect();
    for batch in numbers.chunks(beside) {
        try_join_all(batch.iter().map(|trial| race(cx, &a, &b, *trial))).await?;
    }
    Ok(())
}

/// A renewal and a takeover a moment before, at and after the end of a lease.
async fn race(cx: &Context, a: &Client, b: &Client, trial: usize) -> Judgement {
    let election = cx.election(&format!("race {trial}"))?;
    let (ada, bob) = (cx.candidate("ada")?, cx.candidate("bob")?);
    let first = a.granted(&election, &ada, cx.short()).await?;
    let offset = Duration::from_micros(400) * u32::try_from(trial % 12).unwrap_or(0);
    let moment = cx.earliest_end(&first).minus(Duration::from_millis(2));
    cx.time().until(moment.plus(offset)).await;
    let (renewal, takeover) = futures_util::future::join(
        a.renew(&first.lease, LONG),
        b.acquire(&election, &bob, LONG),
    )
    .await;
    let (renewal, takeover) = (renewal?, takeover?);
    match (&renewal.answer, &takeover.answer) {
        (Renewed::Extended { .. }, Acquired::Granted { .. }) => Err(Stop::violation(
            "either the renewal or the takeover is granted",
            "both are",
        )),
        (Renewed::Extended { .. }, Acquired::Held(_)) => {
            b.holds(&first.lease).await?;
            Ok(())
        }
        (Renewed::Lost(_), Acquired::Granted { lease, .. }) => {
            b.holds(lease).await?;
            Ok(())
        }
        // The takeover came before the end and the renewal after it.
        (Renewed::Lost(_), Acquired::Held(_)) => {
            cx.past(&first).await;
            b.nobody(&election).await
        }
    }
}

pub(super) async fn a_renewal_keeps_token_and_metadata(cx: &Context) -> Judgement {
    let (a, b) = (cx.client("A").await?, cx.client("B").await?);
    let metadata = Metadata::default()
        .with("address", "10.0.0.1:8080")
        .unwrap_or_default();
    let ada = cx.candidate_with("ada", metadata)?;
    let grant = a.granted(&cx.election("kept")?, &ada, LONG).await?;
    for _ in 0..3 {
        a.extended(&grant.lease, LONG).await?;
        let found = b.holds(&grant.lease).await?;
        require(
            found.answer.metadata == ada.metadata,
            "a renewal keeps the metadata",
            || wording::record(&found.answer),
        )?;
    }
    Ok(())
}

pub(super) async fn a_renewal_in_an_election_nobody_held_is_lost(cx: &Context) -> Judgement {
    let (a, b) = (cx.client("A").await?, cx.client("B").await?);
    let election = cx.election("never")?;
    let lease = Lease {
        election: election.clone(),
        holder: cx.candidate("ada")?.holder(),
        token: FencingToken::FIRST,
    };
    let found = a.lost(&lease, LONG).await?;
    require(found.is_none(), "lost to nobody", || {
        wording::optional_record(found.as_ref())
    })?;
    b.nobody(&election).await?;
    b.granted(&election, &cx.candidate("bob")?, LONG).await?;
    Ok(())
}

pub(super) async fn a_released_lease_is_not_renewed_back(cx: &Context) -> Judgement {
    let (a, b) = (cx.client("A").await?, cx.client("B").await?);
    let election = cx.election("released")?;
    let grant = a.granted(&election, &cx.candidate("ada")?, LONG).await?;
    a.extended(&grant.lease, LONG).await?;
    a.released(&grant.lease).await?;
    a.lost(&grant.lease, LONG).await?;
    b.nobody(&election).await?;
    b.granted(&election, &cx.candidate("bob")?, LONG).await?;
    Ok(())
}
