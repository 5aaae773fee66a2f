//! K: fencing tokens rise, whatever happens in between.

use std::time::Duration;

use election_core::{Acquired, Candidate, Disaster, FencingToken, StoreErrorKind};

use super::contest::together;
use crate::{
    check::{Judgement, Stop, require},
    client::{Client, Grant},
    context::{Context, LONG},
    wording,
};

pub(super) async fn tokens_rise_with_every_grant(cx: &Context) -> Judgement {
    let clients = cx.clients(3).await?;
    let election = cx.election("grants")?;
    let mut last: Option<FencingToken> = None;
    for round in 0..cx.scale().of(90, 10_000) {
        let client = &clients[round % clients.len()];
        let candidate = cx.candidate("candidate")?;
        // Every third holder acquires a second time before it releases.
        let terms = if round % 3 == 0 { 2 } else { 1 };
        for term in 1..=terms {
            let grant = client.granted(&election, &candidate, LONG).await?;
            rises(last, grant.lease.token)?;
            last = Some(grant.lease.token);
            if term == terms {
                client.released(&grant.lease).await?;
            }
        }
    }
    Ok(())
}

/// Convicts unless `next` is greater than the last token there was.
pub(super) fn rises(last: Option<FencingToken>, next: FencingToken) -> Judgement {
    require(
        last.is_none_or(|last| next > last),
        "a token greater than every one before",
        || match last {
            Some(last) => format!("{next} after {last}"),
            None => next.to_string(),
        },
    )
}

pub(super) async fn a_later_grant_has_the_greater_token(cx: &Context) -> Judgement {
    let clients = cx.clients(cx.scale().of(6, 64)).await?;
    let election = cx.election("order")?;
    let attempts = cx.scale().of(15, 200);
    let mut tasks = Vec::new();
    for client in clients {
        let (election, candidate) = (election.clone(), cx.candidate("candidate")?);
        tasks.push(async move {
            let mut grants = Vec::new();
            for _ in 0..attempts {
                let call = client.acquire(&election, &candidate, LONG).await?;
                if let Acquired::Granted { lease, .. } = call.answer {
                    client.release(&lease).await?;
                    grants.push((lease.token, call.sent, call.replied));
                }
                tokio::task::yield_now().await;
            }
            Ok(grants)
        });
    }
    let mut grants = together(tasks).await?.concat();
    grants.sort_unstable();
    for pair in grants.windows(2) {
        require(pair[0].0 != pair[1].0, "no token is granted twice", || {
            format!("{} twice", pair[0].0)
        })?;
    }
    // In the order of tokens, nobody was answered before an earlier one had asked.
    let mut latest_sent = None;
    for (token, sent, replied) in grants {
        require(
            latest_sent.is_none_or(|latest| replied >= latest),
            "a grant asked for after another was answered has the greater token",
            || format!("{token} was answered before a smaller token was asked for"),
        )?;
        latest_sent = latest_sent.max(Some(sent));
    }
    Ok(())
}

pub(super) async fn tokens_rise_when_a_lease_has_ended_by_itself(cx: &Context) -> Judgement {
    let (a, b) = (cx.client("A").await?, cx.client("B").await?);
    let (election, ada) = (cx.election("ends")?, cx.candidate("ada")?);
    let mut last = None;
    // A successor, and the same candidate coming back to its own expired lease.
    for (client, candidate) in [
        (&a, ada.clone()),
        (&b, cx.candidate("bob")?),
        (&a, ada.clone()),
        (&a, ada),
    ] {
        let grant = client.granted(&election, &candidate, cx.short()).await?;
        rises(last, grant.lease.token)?;
        last = Some(grant.lease.token);
        cx.past(&grant).await;
    }
    Ok(())
}

pub(super) async fn tokens_rise_across_a_restart(cx: &Context) -> Judgement {
    rise_across(cx, Disaster::Restart).await
}

pub(super) async fn tokens_rise_across_a_crash(cx: &Context) -> Judgement {
    rise_across(cx, Disaster::Crash).await
}

pub(super) async fn tokens_rise_across_a_loss_of_data(cx: &Context) -> Judgement {
    rise_across(cx, Disaster::DataLoss).await
}

pub(super) async fn tokens_rise_across_a_failover(cx: &Context) -> Judgement {
    rise_across(cx, Disaster::Failover).await
}

pub(super) async fn tokens_rise_when_an_election_was_deleted(cx: &Context) -> Judgement {
    let server = cx.server()?;
    let (a, b) = (cx.client("A").await?, cx.client("B").await?);
    for released in [true, false] {
        let election = cx.election(if released { "released" } else { "held" })?;
        let last = terms(&a, &election, &cx.candidate("ada")?, cx.short()).await?;
        if released {
            a.release(&last.lease).await?;
        }
        server.delete(&election).await?;
        a.note("has its election deleted by hand");
        let wait = (last.ttl + cx.lag()) * 2;
        let next = cx
            .grant_at_last(&b, &election, &cx.candidate("bob")?, wait)
            .await?;
        rises(Some(last.lease.token), next.lease.token)?;
    }
    Ok(())
}

/// The disaster strikes just after a grant was answered, with several terms behind it.
async fn rise_across(cx: &Context, disaster: Disaster) -> Judgement {
    let server = cx.server()?;
    let (a, b) = (cx.client("A").await?, cx.client("B").await?);
    for released in [true, false] {
        let election = cx.election(if released { "released" } else { "held" })?;
        let last = terms(&a, &election, &cx.candidate("ada")?, cx.short()).await?;
        if released {
            a.released(&last.lease).await?;
        }
        server.inflict(disaster).await?;
        a.note(&format!("{disaster:?} of the server"));
        // A store that may have forgotten a live lease waits one more ttl.
        let wait = (last.ttl + cx.lag()) * 2;
        let next = cx
            .grant_at_last(&b, &election, &cx.candidate("bob")?, wait)
            .await?;
        rises(Some(last.lease.token), next.lease.token)?;
    }
    Ok(())
}

async fn terms(
    client: &Client,
    election: &election_core::ElectionName,
    candidate: &Candidate,
    ttl: Duration,
) -> Judgement<Grant> {
    for _ in 0..5 {
        client.granted(election, candidate, LONG).await?;
    }
    client.granted(election, candidate, ttl).await
}

pub(super) async fn tokens_end_with_an_error_and_never_wrap(cx: &Context) -> Judgement {
    let server = cx.server()?;
    let (a, b) = (cx.client("A").await?, cx.client("B").await?);
    let (election, ada) = (cx.election("last token")?, cx.candidate("ada")?);
    let almost = FencingToken::new(FencingToken::MAX - 1)
        .ok_or_else(|| Stop::Broken("2^53 - 2 is no token".to_owned()))?;
    server.set_last_token(&election, almost).await?;
    a.note("has the last token set to 2^53 - 2");
    let last = a.granted(&election, &ada, LONG).await?;
    require(
        last.lease.token.as_u64() == FencingToken::MAX,
        "the last token, 2^53 - 1",
        || last.lease.token.to_string(),
    )?;
    a.released(&last.lease).await?;
    match a.attempt_acquire(&election, &ada, LONG).await? {
        Err(error) if error.kind() == StoreErrorKind::Fatal => {}
        Err(error) => {
            return Err(Stop::violation(
                "a Fatal error when the tokens are used up",
                format!("the {} error: {error}", error.kind()),
            ));
        }
        Ok(call) => {
            return Err(Stop::violation(
                "a Fatal error when the tokens are used up",
                wording::acquired(&call.answer),
            ));
        }
    }
    b.nobody(&election).await
}
