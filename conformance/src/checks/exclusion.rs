//! X: at most one is granted, and everybody else is told the truth.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use election_core::{Acquired, Candidate, ElectionName, Instant, Lease, Metadata};

use super::contest::{all_acquire, together};
use crate::{
    check::{Judgement, Stop, require},
    client::{Call, Client, Grant},
    context::{Context, LONG, ROUNDING},
    wording,
};

pub(super) async fn the_first_acquire_is_granted(cx: &Context) -> Judgement {
    let (a, b) = (cx.client("A").await?, cx.client("B").await?);
    let (election, ada) = (cx.election("first")?, cx.candidate("ada")?);
    let grant = a.granted(&election, &ada, LONG).await?;
    require(
        grant.lease.election == election && grant.lease.holder == ada.holder(),
        "the lease names the election and the candidate that were asked for",
        || wording::lease(&grant.lease),
    )?;
    require(grant.ttl >= LONG, "a ttl not shorter than asked", || {
        format!("{:?}", grant.ttl)
    })?;
    b.refused(&election, &cx.candidate("bob")?, LONG).await?;
    b.holds(&grant.lease).await?;
    Ok(())
}

pub(super) async fn one_of_many_contenders_is_granted(cx: &Context) -> Judgement {
    let clients = cx.clients(cx.scale().of(8, 64)).await?;
    let mut contenders = Vec::new();
    for client in clients {
        contenders.push((client, cx.candidate("contender")?));
    }
    let election = cx.election("contest")?;
    for round in 1..=cx.scale().of(25, 200) {
        let calls = all_acquire(&contenders, &election, LONG).await?;
        let lease = sole_winner(&calls)?;
        let place = contenders
            .iter()
            .position(|(_, candidate)| candidate.holder() == lease.holder)
            .ok_or_else(|| Stop::violation("the winner is a contender", wording::lease(&lease)))?;
        contenders[place].0.note(&format!("won round {round}"));
        contenders[place].0.released(&lease).await?;
    }
    Ok(())
}

/// The one lease that was granted; everybody else must have been told of that one, or of nothing
/// else: nobody held the election before.
fn sole_winner(calls: &[Call<Acquired>]) -> Judgement<Lease> {
    let granted: Vec<&Lease> = calls
        .iter()
        .filter_map(|call| match &call.answer {
            Acquired::Granted { lease, .. } => Some(lease),
            Acquired::Held(_) => None,
        })
        .collect();
    let [winner] = granted[..] else {
        let leases: Vec<String> = granted.iter().map(|lease| wording::lease(lease)).collect();
        return Err(Stop::violation(
            format!("1 of {} contenders is granted", calls.len()),
            format!("{} are: {}", leases.len(), leases.join("; ")),
        ));
    };
    for call in calls {
        if let Acquired::Held(found) = &call.answer {
            require(
                found.lease == *winner,
                "the refused are told of the winner",
                || format!("{}, but {} won", wording::record(found), winner.token),
            )?;
        }
    }
    Ok(winner.clone())
}

pub(super) async fn one_contender_is_granted_when_a_lease_ends(cx: &Context) -> Judgement {
    let (a, b) = (cx.client("A").await?, cx.client("B").await?);
    let clients = cx.clients(cx.scale().of(6, 32)).await?;
    let election = cx.election("end")?;
    let first = a
        .granted(&election, &cx.candidate("ada")?, cx.short())
        .await?;
    cx.time()
        .until(cx.earliest_end(&first).minus(cx.short() / 8))
        .await;
    let mut probers = Vec::new();
    for client in clients {
        probers.push(probe_until_decided(
            client,
            election.clone(),
            cx.candidate("prober")?,
            first.lease.clone(),
            cx.latest_end(&first),
        ));
    }
    let probing = tokio::spawn(together(probers));
    cx.past(&first).await;
    let outcomes = probing.await??;
    let winners: Vec<&Grant> = outcomes.iter().flatten().collect();
    let [winner] = winners[..] else {
        return Err(Stop::violation(
            "1 prober is granted when the lease has ended",
            format!("{} are", winners.len()),
        ));
    };
    cx.not_early(&first, winner)?;
    require(
        winner.lease.token > first.lease.token,
        "a greater token than the lease that ended",
        || format!("{} after {}", winner.lease.token, first.lease.token),
    )?;
    b.holds(&winner.lease).await?;
    Ok(())
}

/// Asks until somebody is granted: this prober, or another that holds the lease from then on.
async fn probe_until_decided(
    client: Client,
    election: ElectionName,
    candidate: Candidate,
    first: Lease,
    latest_end: Instant,
) -> Judgement<Option<Grant>> {
    loop {
        let probe = client.acquire(&election, &candidate, LONG).await?;
        match probe.decided() {
            Ok(grant) => return Ok(Some(grant)),
            Err(refusal) if refusal.answer.lease != first => return Ok(None),
            Err(refusal) if refusal.sent > latest_end => return Ok(None),
            Err(_) => tokio::time::sleep(Duration::from_millis(1)).await,
        }
    }
}

pub(super) async fn a_refusal_tells_who_holds_the_lease_now(cx: &Context) -> Judgement {
    let (a, b, c) = (
        cx.client("A").await?,
        cx.client("B").await?,
        cx.client("C").await?,
    );
    let election = cx.election("refusal")?;
    let asker = cx.candidate_with("asker", told("asker"))?;
    for (client, id) in [(&a, "ada"), (&b, "bob"), (&a, "cyd")] {
        let holder = cx.candidate_with(id, told(id))?;
        let grant = client.granted(&election, &holder, LONG).await?;
        let found = c.refused(&election, &asker, cx.short()).await?;
        require(
            found.answer.lease == grant.lease,
            "the refusal names the lease in force",
            || wording::record(&found.answer),
        )?;
        require(
            found.answer.metadata == holder.metadata,
            "the refusal shows the holder's metadata",
            || wording::record(&found.answer),
        )?;
        // Anything else would send the asker back too early, or keep it away for too long.
        let least = cx.earliest_end(&grant).saturating_since(found.replied);
        require(
            found.answer.remaining >= least,
            "the time remaining is the holder's",
            || wording::record(&found.answer),
        )?;
        client.released(&grant.lease).await?;
    }
    Ok(())
}

fn told(id: &str) -> Metadata {
    Metadata::default().with("told by", id).unwrap_or_default()
}

pub(super) async fn a_holder_that_acquires_again_gets_a_new_token_and_a_full_ttl(
    cx: &Context,
) -> Judgement {
    let (a, b) = (cx.client("A").await?, cx.client("B").await?);
    let (election, ada) = (cx.election("again")?, cx.candidate("ada")?);
    let mut last = a.granted(&election, &ada, LONG).await?;
    for factor in [2, 3, 4] {
        let next = a.granted(&election, &ada, LONG * factor).await?;
        require(
            next.lease.token > last.lease.token,
            "a second acquire by the holder has a greater token",
            || format!("{} after {}", next.lease.token, last.lease.token),
        )?;
        let found = b.holds(&next.lease).await?;
        let least = cx.earliest_end(&next).saturating_since(found.replied);
        require(
            found.answer.remaining >= least,
            "the second acquire has a full ttl",
            || wording::record(&found.answer),
        )?;
        last = next;
    }
    b.refused(&election, &cx.candidate("bob")?, LONG).await?;
    Ok(())
}

pub(super) async fn the_lease_before_a_second_acquire_is_dead(cx: &Context) -> Judgement {
    let (a, b) = (cx.client("A").await?, cx.client("B").await?);
    let (election, ada) = (cx.election("dead")?, cx.candidate("ada")?);
    let first = a.granted(&election, &ada, LONG).await?;
    let second = a.granted(&election, &ada, LONG).await?;
    a.lost(&first.lease, LONG * 50).await?;
    let found = b.holds(&second.lease).await?;
    let most = cx.latest_end(&second).saturating_since(found.sent);
    require(
        found.answer.remaining <= most + ROUNDING,
        "renewing the first lease leaves the second as it was",
        || wording::record(&found.answer),
    )?;
    a.not_held(&first.lease).await?;
    b.holds(&second.lease).await?;
    a.extended(&second.lease, LONG).await?;
    Ok(())
}

pub(super) async fn a_read_shows_what_was_answered_before_it(cx: &Context) -> Judgement {
    let (a, b) = (cx.client("A").await?, cx.client("B").await?);
    let election = cx.election("read")?;
    for id in ["ada", "bob", "cyd"] {
        let holder = cx.candidate_with(id, told(id))?;
        let grant = a.granted(&election, &holder, LONG).await?;
        let found = b.holds(&grant.lease).await?;
        require(
            found.answer.metadata == holder.metadata,
            "a read shows the holder's metadata",
            || wording::record(&found.answer),
        )?;
        a.extended(&grant.lease, LONG * 3).await?;
        let after = b.holds(&grant.lease).await?;
        require(
            after.answer.remaining > LONG * 2,
            "a read shows the renewal answered before it",
            || wording::record(&after.answer),
        )?;
        a.released(&grant.lease).await?;
        b.nobody(&election).await?;
    }
    Ok(())
}

pub(super) async fn reads_never_step_back(cx: &Context) -> Judgement {
    let (a, b) = (cx.client("A").await?, cx.client("B").await?);
    let (election, ada) = (cx.election("forward")?, cx.candidate("ada")?);
    let first = a.granted(&election, &ada, LONG).await?;
    let answered = Arc::new(AtomicU64::new(first.lease.token.as_u64()));
    let rounds = cx.scale().of(40, 2_000);
    let writer = {
        let (answered, election) = (Arc::clone(&answered), election.clone());
        tokio::spawn(async move {
            for _ in 0..rounds {
                let grant = a.granted(&election, &ada, LONG).await?;
                answered.store(grant.lease.token.as_u64(), Ordering::SeqCst);
            }
            Ok(())
        })
    };
    while !writer.is_finished() {
        let least = answered.load(Ordering::SeqCst);
        let found = b.read(&election).await?.answer;
        let token = found.as_ref().map_or(0, |found| found.lease.token.as_u64());
        require(
            token >= least,
            "a read shows no earlier term than was answered before it was asked",
            || {
                format!(
                    "{}, after token {least}",
                    wording::optional_record(found.as_ref())
                )
            },
        )?;
        answered.fetch_max(token, Ordering::SeqCst);
        tokio::task::yield_now().await;
    }
    writer.await?
}
