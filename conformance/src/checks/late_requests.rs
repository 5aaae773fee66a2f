//! U, R, L: requests that are delivered late, or twice.

use election_core::{Candidate, ElectionName, LeaseRecord, Released, Renewed};

use super::{
    lost_replies::{answers_its_own, failed},
    tokens::rises,
};
use crate::{
    check::{Judgement, Stop, require},
    client::{Client, Grant},
    context::{Context, LONG, ROUNDING},
    line::Line,
    proxy::Capture,
    wording,
};

pub(super) async fn an_acquire_delivered_late_is_believed_by_nobody_and_ends(
    cx: &Context,
) -> Judgement {
    let (line, b) = (replayable(cx, "A").await?, cx.client("B").await?);
    let (ada, bob) = (cx.candidate("ada")?, cx.candidate("bob")?);
    let whole = line
        .client
        .granted(&cx.election("whole")?, &ada, cx.short())
        .await?;
    let election = cx.election("late")?;
    let mark = cx.network()?.mark(&election);
    let call = line.client.attempt_acquire(&election, &ada, cx.short());
    let (outcome, acquire) = line.withheld(&mark, call).await?;
    failed(outcome.map(|call| wording::acquired(&call.answer)), false)?;
    b.nobody(&election).await?;

    let meanwhile = b.granted(&election, &bob, cx.short()).await?;
    cx.time().until(cx.now().plus(whole.ttl * 3)).await;
    cx.past(&meanwhile).await;
    ghost_ends(cx, &line, &b, &acquire, (&ada, &whole), &meanwhile).await
}

pub(super) async fn an_acquire_delivered_again_after_the_release_is_one_new_term_at_most(
    cx: &Context,
) -> Judgement {
    let (line, b) = (replayable(cx, "A").await?, cx.client("B").await?);
    let (election, ada) = (cx.election("twice")?, cx.candidate("ada")?);
    let mark = cx.network()?.mark(&election);
    let call = line.client.granted(&election, &ada, cx.short());
    let (grant, acquire) = line.captured(&mark, call).await?;
    let answer = line.client.release(&grant.lease).await?.answer;
    if answer == Released::NotHeld {
        return Err(Stop::TooSlow);
    }
    ghost_ends(cx, &line, &b, &acquire, (&ada, &grant), &grant).await
}

/// Delivers an acquire that nobody waits for. What it is granted is new, and ends by itself.
async fn ghost_ends(
    cx: &Context,
    line: &Line,
    b: &Client,
    acquire: &Capture,
    (ada, like): (&Candidate, &Grant),
    before: &Grant,
) -> Judgement {
    let election = &before.lease.election;
    let sent = cx.now();
    line.replay(cx, acquire).await?;
    let replied = cx.now();
    answers_its_own(cx, &line.client, "beside the ghost").await?;
    if let Some(found) = b.read(election).await?.answer {
        require(
            found.lease.holder == ada.holder(),
            "a late acquire is granted to the one that asked, or to nobody",
            || wording::record(&found),
        )?;
        rises(Some(before.lease.token), found.lease.token)?;
        line.client.lost(&before.lease, LONG).await?;
        line.client.not_held(&before.lease).await?;
        let ghost = Grant {
            lease: found.lease,
            sent,
            replied,
            ttl: like.ttl,
        };
        cx.past(&ghost).await;
        let next = b.granted(election, &cx.candidate("cyd")?, LONG).await?;
        return rises(Some(ghost.lease.token), next.lease.token);
    }
    let next = b.granted(election, &cx.candidate("cyd")?, LONG).await?;
    rises(Some(before.lease.token), next.lease.token)
}

pub(super) async fn a_renewal_delivered_again_after_the_end_changes_nothing(
    cx: &Context,
) -> Judgement {
    let (line, b) = (replayable(cx, "A").await?, cx.client("B").await?);
    let mut recorded = Vec::new();
    for label in ["to nobody", "to another"] {
        let election = cx.election(label)?;
        let grant = line
            .client
            .granted(&election, &cx.candidate("ada")?, cx.short())
            .await?;
        let mark = cx.network()?.mark(&election);
        let call = cx.extended(&line.client, &grant, cx.short());
        recorded.push(line.captured(&mark, call).await?);
    }
    let [(free, to_nobody), (taken, to_another)] = &recorded[..] else {
        return Err(Stop::Broken("two elections are not two".to_owned()));
    };
    cx.time().until(cx.now().plus(taken.ttl * 2)).await;
    cx.past(taken).await;
    let election = &taken.lease.election;
    let other = b.granted(election, &cx.candidate("bob")?, LONG).await?;

    line.replay(cx, to_nobody).await?;
    line.replay(cx, to_another).await?;
    b.nobody(&free.lease.election).await?;
    let found = b.holds(&other.lease).await?;
    let most = cx.latest_end(&other).saturating_since(found.sent) + ROUNDING;
    require(
        found.answer.remaining <= most,
        "a late renewal extends nothing",
        || wording::record(&found.answer),
    )?;
    b.granted(&free.lease.election, &cx.candidate("bob")?, LONG)
        .await?;
    Ok(())
}

pub(super) async fn a_release_delivered_after_a_second_acquire_changes_nothing(
    cx: &Context,
) -> Judgement {
    let (line, b) = (replayable(cx, "A").await?, cx.client("B").await?);
    let (election, ada) = (cx.election("late release")?, cx.candidate("ada")?);
    let mark = cx.network()?.mark(&election);
    let first = line.client.granted(&election, &ada, LONG).await?;
    let call = line.client.attempt_release(&first.lease);
    let (outcome, release) = line.withheld(&mark, call).await?;
    failed(outcome.map(|call| wording::released(call.answer)), false)?;
    b.holds(&first.lease).await?;

    let second = acquired_again(cx, &line.client, &election, &ada).await?;
    line.replay(cx, &release).await?;
    holds_alone(&b.read(&election).await?.answer, &second)?;
    let a = &line.client;
    let renewal = cx.at_last(|| a.attempt_renew(&second.lease, LONG)).await?;
    require(
        matches!(renewal.answer, Renewed::Extended { .. }),
        "the later term is extended",
        || wording::renewed(&renewal.answer),
    )
}

async fn acquired_again(
    cx: &Context,
    a: &Client,
    election: &ElectionName,
    ada: &Candidate,
) -> Judgement<Grant> {
    let call = cx
        .at_last(|| a.attempt_acquire(election, ada, LONG))
        .await?;
    call.decided().map_err(|refusal| {
        Stop::violation(
            "the holder is granted its lease again",
            format!("Held: {}", wording::record(&refusal.answer)),
        )
    })
}

fn holds_alone(found: &Option<LeaseRecord>, grant: &Grant) -> Judgement {
    require(
        found.as_ref().map(|found| &found.lease) == Some(&grant.lease),
        "a late release leaves the later term as it was",
        || wording::optional_record(found.as_ref()),
    )
}

/// A line on which recorded requests can be delivered again.
async fn replayable(cx: &Context, label: &str) -> Judgement<Line> {
    cx.network()?.handshake()?;
    cx.line(label).await
}
