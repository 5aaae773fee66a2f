//! U, E: replies that are lost, or come too late.

use election_core::{Acquired, LeaseRecord, Released, Renewed, StoreError, StoreErrorKind};

use super::tokens::rises;
use crate::{
    check::{Judgement, Stop, require},
    client::{Call, Client},
    context::{Context, LONG},
    line::{Line, Loss},
    wording,
};

/// The losses of U: a connection that ends quietly, and one that lives.
const QUIET: [Loss; 2] = [Loss::Closed, Loss::Late];

pub(super) async fn an_acquire_whose_reply_is_lost_is_indeterminate_and_can_be_repeated(
    cx: &Context,
) -> Judgement {
    let (line, b) = (cx.line("A").await?, cx.client("B").await?);
    for loss in QUIET {
        acquire_unanswered(cx, &line, &b, loss).await?;
    }
    Ok(())
}

pub(super) async fn a_renewal_whose_reply_is_lost_is_indeterminate_and_can_be_repeated(
    cx: &Context,
) -> Judgement {
    let (line, b) = (cx.line("A").await?, cx.client("B").await?);
    for loss in QUIET {
        renewal_unanswered(cx, &line, &b, loss).await?;
    }
    Ok(())
}

pub(super) async fn a_release_whose_reply_is_lost_is_indeterminate_and_can_be_repeated(
    cx: &Context,
) -> Judgement {
    let (line, b) = (cx.line("A").await?, cx.client("B").await?);
    for loss in QUIET {
        release_unanswered(cx, &line, &b, loss).await?;
    }
    Ok(())
}

pub(super) async fn a_call_that_is_reset_half_way_is_indeterminate(cx: &Context) -> Judgement {
    let (line, b) = (cx.line("A").await?, cx.client("B").await?);
    acquire_unanswered(cx, &line, &b, Loss::Reset).await?;
    renewal_unanswered(cx, &line, &b, Loss::Reset).await?;
    release_unanswered(cx, &line, &b, Loss::Reset).await?;
    let election = cx.election("read")?;
    let read = line
        .unanswered(Loss::Reset, line.client.attempt_read(&election))
        .await?;
    failed(
        read.map(|call| wording::optional_record(call.answer.as_ref())),
        false,
    )?;
    answers_its_own(cx, &line.client, "after a read").await
}

async fn acquire_unanswered(cx: &Context, line: &Line, b: &Client, loss: Loss) -> Judgement {
    let a = &line.client;
    let (election, ada) = (
        cx.election(&format!("acquire {loss}"))?,
        cx.candidate("ada")?,
    );
    let outcome = line
        .unanswered(loss, a.attempt_acquire(&election, &ada, LONG))
        .await?;
    let applied = b.read(&election).await?.answer;
    failed(
        outcome.map(|call| wording::acquired(&call.answer)),
        applied.is_some(),
    )?;
    answers_its_own(cx, a, &format!("after an acquire {loss}")).await?;

    let again = cx.at_last(|| a.attempt_acquire(&election, &ada, LONG));
    let again = again.await?.decided().map_err(|refusal| {
        Stop::violation(
            "the holder whose reply was lost is granted the lease when it asks again",
            format!("Held: {}", wording::record(&refusal.answer)),
        )
    })?;
    rises(applied.map(|found| found.lease.token), again.lease.token)?;
    b.holds(&again.lease).await?;
    cx.at_last(|| a.attempt_release(&again.lease)).await?;
    // Nothing lingers that would take the lease once more.
    cx.stays_free(b, &election).await
}

async fn renewal_unanswered(cx: &Context, line: &Line, b: &Client, loss: Loss) -> Judgement {
    let a = &line.client;
    let election = cx.election(&format!("renewal {loss}"))?;
    let grant = a.granted(&election, &cx.candidate("ada")?, LONG).await?;
    let longer = LONG * 3;
    let outcome = line
        .unanswered(loss, a.attempt_renew(&grant.lease, longer))
        .await?;
    let found = b.holds(&grant.lease).await?;
    let extended = found.answer.remaining > (grant.ttl + cx.lag()) * 2;
    failed(outcome.map(|call| wording::renewed(&call.answer)), extended)?;
    answers_its_own(cx, a, &format!("after a renewal {loss}")).await?;

    let again = cx.at_last(|| a.attempt_renew(&grant.lease, longer)).await?;
    require(
        matches!(again.answer, Renewed::Extended { .. }),
        "the renewal whose reply was lost is Extended when it is repeated",
        || wording::renewed(&again.answer),
    )?;
    let found = b.holds(&grant.lease).await?;
    require(
        found.answer.remaining > grant.ttl * 2,
        "the lease is extended by then",
        || wording::record(&found.answer),
    )
}

async fn release_unanswered(cx: &Context, line: &Line, b: &Client, loss: Loss) -> Judgement {
    let a = &line.client;
    let election = cx.election(&format!("release {loss}"))?;
    let grant = a.granted(&election, &cx.candidate("ada")?, LONG).await?;
    let outcome = line
        .unanswered(loss, a.attempt_release(&grant.lease))
        .await?;
    let freed = b.read(&election).await?.answer.is_none();
    failed(outcome.map(|call| wording::released(call.answer)), freed)?;
    answers_its_own(cx, a, &format!("after a release {loss}")).await?;

    let again = cx.at_last(|| a.attempt_release(&grant.lease)).await?;
    require(
        again.answer == Released::NotHeld || !freed,
        "the release whose reply was lost finds nothing to free when it is repeated",
        || wording::released(again.answer),
    )?;
    b.nobody(&election).await?;
    let next = b.granted(&election, &cx.candidate("bob")?, LONG).await?;
    rises(Some(grant.lease.token), next.lease.token)?;
    let late = cx.at_last(|| a.attempt_release(&grant.lease)).await?;
    require(
        late.answer == Released::NotHeld,
        "the release of the earlier term is NotHeld",
        || wording::released(late.answer),
    )?;
    b.holds(&next.lease).await?;
    Ok(())
}

/// Convicts unless a call without a reply failed, and honestly so.
pub(super) fn failed(outcome: Result<String, StoreError>, applied: bool) -> Judgement {
    let error = match outcome {
        Ok(answer) => return Err(Stop::violation("an error, as no reply came", answer)),
        Err(error) => error,
    };
    let honest = match error.kind() {
        StoreErrorKind::Indeterminate => true,
        StoreErrorKind::Unavailable => !applied,
        StoreErrorKind::Fatal => false,
    };
    require(
        honest,
        "an Indeterminate error, or an Unavailable one if nothing was applied",
        || {
            let applied = if applied { "was applied" } else { "may be" };
            format!("the {} error: {error}; the call {applied}", error.kind())
        },
    )
}

/// Whatever became of the call before, the next ones get answers of their own.
pub(super) async fn answers_its_own(cx: &Context, a: &Client, label: &str) -> Judgement {
    let (free, held) = (
        cx.election(&format!("{label}, free"))?,
        cx.election(&format!("{label}, held"))?,
    );
    let read = cx.at_last(|| a.attempt_read(&free)).await?;
    own(read.answer.is_none(), || {
        wording::optional_record(read.answer.as_ref())
    })?;
    let bob = cx.candidate("bob")?;
    let call: Call<Acquired> = cx.at_last(|| a.attempt_acquire(&held, &bob, LONG)).await?;
    let told = wording::acquired(&call.answer);
    let grant = call.decided().ok();
    let grant = grant.filter(|of| of.lease.election == held && of.lease.holder == bob.holder());
    let Some(grant) = grant else {
        return own(false, || told);
    };
    let read: Call<Option<LeaseRecord>> = cx.at_last(|| a.attempt_read(&held)).await?;
    let same = read.answer.as_ref().map(|found| &found.lease) == Some(&grant.lease);
    own(same, || wording::optional_record(read.answer.as_ref()))?;
    cx.at_last(|| a.attempt_release(&grant.lease)).await?;
    Ok(())
}

fn own(kept: bool, observed: impl FnOnce() -> String) -> Judgement {
    require(
        kept,
        "the calls after one without a reply get answers of their own",
        observed,
    )
}
