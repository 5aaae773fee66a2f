//! T: a lease lasts as long as was granted, and no longer.

use std::time::Duration;

use election_core::{ElectionName, MAX_TTL, MIN_TTL, Renewed, StoreError, StoreErrorKind};
use futures_util::future::try_join_all;

use crate::{
    check::{Judgement, Stop, require},
    client::Client,
    context::{Context, LONG, ROUNDING},
    wording,
};

pub(super) async fn a_lease_never_ends_early(cx: &Context) -> Judgement {
    let (a, b) = (cx.client("A").await?, cx.client("B").await?);
    let ttls = [MIN_TTL, cx.short(), cx.short() * 5 + ROUNDING];
    if cx.time().is_by_hand() {
        // One after another, as each turns the one clock; the longest costs nothing either.
        for ttl in ttls.into_iter().chain([MAX_TTL]) {
            lasts(cx, &a, &b, ttl).await?;
        }
        return Ok(());
    }
    let samples = cx.scale().of(2, 40);
    let runs = ttls.iter().cycle().take(ttls.len() * samples);
    try_join_all(runs.enumerate().map(|(run, ttl)| {
        let (a, b) = (&a, &b);
        async move {
            // Spread over the ticks of whatever clock the store has.
            tokio::time::sleep(Duration::from_micros(330) * u32::try_from(run).unwrap_or(0)).await;
            lasts(cx, a, b, *ttl).await
        }
    }))
    .await?;
    Ok(())
}

/// Nobody else is granted a lease of `ttl` before its end. Coming late is another row's concern.
async fn lasts(cx: &Context, a: &Client, b: &Client, ttl: Duration) -> Judgement {
    let (ada, bob) = (cx.candidate("ada")?, cx.candidate("bob")?);
    // The candidate's number makes the name fresh.
    let election = cx.election(&format!("{ttl:?} {}", wording::holder(&ada.holder())))?;
    let grant = a.granted(&election, &ada, ttl).await?;
    cx.successor(&grant, b, &bob, LONG).await?;
    Ok(())
}

pub(super) async fn a_lease_nobody_renews_ends_in_time(cx: &Context) -> Judgement {
    let (a, b) = (cx.client("A").await?, cx.client("B").await?);
    let election = cx.election("late")?;
    let grant = a
        .granted(&election, &cx.candidate("ada")?, cx.short())
        .await?;
    cx.past(&grant).await;
    b.granted(&election, &cx.candidate("bob")?, LONG).await?;
    Ok(())
}

pub(super) async fn a_granted_ttl_is_never_shorter_than_asked(cx: &Context) -> Judgement {
    let (a, b) = (cx.client("A").await?, cx.client("B").await?);
    for millis in [1, 7, 999, 1_000, 1_001, 1_500, 2_500, 61_001, 86_400_000] {
        let asked = Duration::from_millis(millis);
        let election = cx.election(&format!("{millis} ms"))?;
        let grant = a.granted(&election, &cx.candidate("ada")?, asked).await?;
        not_shorter(asked, grant.ttl)?;
        let read = b.read(&election).await?;
        if let Some(found) = read.answer {
            require(
                found.remaining <= grant.ttl + cx.lag() + ROUNDING,
                "no more time remaining than was granted, plus lag",
                || format!("{:?} of {:?}", found.remaining, grant.ttl),
            )?;
        } else {
            require(
                read.replied >= cx.earliest_end(&grant),
                "a lease is held from its grant until its ttl is over",
                || "nobody holds it".to_owned(),
            )?;
        }
        let doubled = asked * 2;
        if doubled <= MAX_TTL
            && let Renewed::Extended { ttl } = a.renew(&grant.lease, doubled).await?.answer
        {
            not_shorter(doubled, ttl)?;
        }
    }
    Ok(())
}

fn not_shorter(asked: Duration, granted: Duration) -> Judgement {
    require(granted >= asked, "a ttl not shorter than asked", || {
        format!("{granted:?} instead of {asked:?}")
    })
}

pub(super) async fn an_illegal_ttl_is_refused_and_changes_nothing(cx: &Context) -> Judgement {
    let (a, b) = (cx.client("A").await?, cx.client("B").await?);
    let (free, held) = (cx.election("free")?, cx.election("held")?);
    let ada = cx.candidate("ada")?;
    let grant = a.granted(&held, &ada, LONG).await?;
    let illegal = [
        Duration::ZERO,
        Duration::from_micros(999),
        MAX_TTL + MIN_TTL,
        Duration::MAX,
    ];
    for ttl in illegal {
        let asked = a.attempt_acquire(&free, &ada, ttl).await?;
        fatal(asked.map(|call| wording::acquired(&call.answer)), ttl)?;
        let asked = a.attempt_acquire(&held, &ada, ttl).await?;
        fatal(asked.map(|call| wording::acquired(&call.answer)), ttl)?;
        let asked = a.attempt_renew(&grant.lease, ttl).await?;
        fatal(asked.map(|call| wording::renewed(&call.answer)), ttl)?;
        b.nobody(&free).await?;
        b.holds(&grant.lease).await?;
    }
    Ok(())
}

fn fatal(outcome: Result<String, StoreError>, ttl: Duration) -> Judgement {
    let expected = format!("a Fatal error for a ttl of {ttl:?}");
    match outcome {
        Err(error) if error.kind() == StoreErrorKind::Fatal => Ok(()),
        Err(error) => Err(Stop::violation(
            expected,
            format!("the {} error: {error}", error.kind()),
        )),
        Ok(answer) => Err(Stop::violation(expected, answer)),
    }
}

pub(super) async fn many_leases_that_end_together_end_in_time(cx: &Context) -> Judgement {
    let (a, b) = (cx.client("A").await?, cx.client("B").await?);
    let (ada, bob) = (cx.candidate("ada")?, cx.candidate("bob")?);
    let elections: Vec<ElectionName> = (0..cx.scale().of(100, 10_000))
        .map(|number| cx.election(&number.to_string()))
        .collect::<Judgement<_>>()?;
    let mut grants = Vec::with_capacity(elections.len());
    for election in &elections {
        grants.push(a.granted(election, &ada, cx.short()).await?);
    }
    for grant in &grants {
        let probe = b.acquire(&grant.lease.election, &bob, LONG).await?;
        if let Ok(next) = probe.decided() {
            cx.not_early(grant, &next)?;
        }
    }
    if let Some(last) = grants.last() {
        cx.past(last).await;
    }
    for grant in &grants {
        // Bob's own if the first probe came after the end already.
        b.granted(&grant.lease.election, &bob, LONG).await?;
    }
    Ok(())
}

pub(super) async fn a_lease_ends_though_nobody_looks(cx: &Context) -> Judgement {
    let (a, b) = (cx.client("A").await?, cx.client("B").await?);
    let election = cx.election("quiet")?;
    let grant = a
        .granted(&election, &cx.candidate("ada")?, cx.short())
        .await?;
    cx.past(&grant).await;
    b.nobody(&election).await?;
    a.lost(&grant.lease, LONG).await?;
    b.nobody(&election).await
}

pub(super) async fn a_read_shows_a_lease_until_it_ends(cx: &Context) -> Judgement {
    let (a, b) = (cx.client("A").await?, cx.client("B").await?);
    let election = cx.election("shown")?;
    let grant = a
        .granted(&election, &cx.candidate("ada")?, cx.short())
        .await?;
    loop {
        let read = b.read(&election).await?;
        match read.answer {
            Some(found) => {
                require(
                    found.lease == grant.lease,
                    "a read finds the lease in force",
                    || wording::record(&found),
                )?;
                require(
                    read.sent <= cx.latest_end(&grant),
                    "a read finds nobody once the lease has ended",
                    || wording::record(&found),
                )?;
                cx.between_probes(&grant).await;
            }
            None => {
                let earliest = cx.earliest_end(&grant);
                return require(
                    read.replied >= earliest,
                    "a read finds the lease until request + ttl",
                    || {
                        let early = earliest.saturating_since(read.replied);
                        format!("nobody, {early:?} too early")
                    },
                );
            }
        }
    }
}

pub(super) async fn the_time_remaining_is_true_and_rounded_up(cx: &Context) -> Judgement {
    let (a, b) = (cx.client("A").await?, cx.client("B").await?);
    let (ada, bob) = (cx.candidate("ada")?, cx.candidate("bob")?);
    let election = cx.election("remaining")?;
    let ttl = LONG + Duration::from_millis(717);
    let grant = a.granted(&election, &ada, ttl).await?;
    for _ in 0..5 {
        let read = b.holds(&grant.lease).await?;
        let refusal = b.refused(&election, &bob, cx.short()).await?;
        for told in [read, refusal] {
            let least = cx.earliest_end(&grant).saturating_since(told.replied);
            let most = cx.latest_end(&grant).saturating_since(told.sent) + ROUNDING;
            require(
                (least..=most).contains(&told.answer.remaining),
                &format!("a time remaining from {least:?} to {most:?}"),
                || format!("{:?}", told.answer.remaining),
            )?;
        }
        cx.time()
            .until(cx.now().plus(Duration::from_micros(31_700)))
            .await;
    }
    Ok(())
}

pub(super) async fn a_lease_ends_in_time_though_others_ask_for_it(cx: &Context) -> Judgement {
    let (a, b) = (cx.client("A").await?, cx.client("B").await?);
    let election = cx.election("asked for")?;
    let grant = a
        .granted(&election, &cx.candidate("ada")?, cx.short())
        .await?;
    // An asker's own ttl is none of the holder's business.
    let successor = cx
        .successor(&grant, &b, &cx.candidate("bob")?, LONG)
        .await?;
    require(
        successor.is_some(),
        "a request sent after reply + ttl + lag is granted, however often it was refused before",
        || "Held".to_owned(),
    )
}
