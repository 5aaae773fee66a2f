//! E, S: connections that fall silent, are refused, or are slow.

use std::time::Duration;

use election_core::{Metadata, Renewed, StoreErrorKind};
use futures_util::future;

use super::lost_replies::{answers_its_own, failed};
use crate::{
    check::{Judgement, Stop, require},
    context::{Context, LONG},
    proxy::{Direction, Fault},
    wording,
};

/// How many connections a client may find dead one by one before it meets the refusal.
const ATTEMPTS: usize = 20;

pub(super) async fn every_call_ends_though_no_reply_comes(cx: &Context) -> Judgement {
    let (line, b) = (cx.line("A").await?, cx.client("B").await?);
    let a = &line.client;
    let ada = cx.candidate("ada")?;
    let (held, freed, free) = (
        cx.election("renewed")?,
        cx.election("released")?,
        cx.election("acquired")?,
    );
    let renewed = a.granted(&held, &ada, LONG).await?;
    let released = a.granted(&freed, &ada, LONG).await?;
    line.proxy
        .inject(Fault::Blackhole.toward(Direction::ToClient));
    a.note("has all replies swallowed");
    // Each call is bounded by the client.
    let calls = future::join4(
        a.attempt_read(&held),
        a.attempt_acquire(&free, &ada, LONG),
        a.attempt_renew(&renewed.lease, LONG * 3),
        a.attempt_release(&released.lease),
    )
    .await;
    line.proxy.inject(Fault::Close);
    line.proxy.heal();
    a.note("has its connections closed, and gets replies again");
    let is_held = b.read(&free).await?.answer.is_some();
    let is_freed = b.read(&freed).await?.answer.is_none();
    let found = b.holds(&renewed.lease).await?;
    let is_renewed = found.answer.remaining > (renewed.ttl + cx.lag()) * 2;
    let read = calls.0?;
    failed(
        read.map(|call| wording::optional_record(call.answer.as_ref())),
        false,
    )?;
    failed(
        calls.1?.map(|call| wording::acquired(&call.answer)),
        is_held,
    )?;
    failed(
        calls.2?.map(|call| wording::renewed(&call.answer)),
        is_renewed,
    )?;
    failed(
        calls.3?.map(|call| wording::released(call.answer)),
        is_freed,
    )?;
    answers_its_own(cx, a, "after the silence").await
}

pub(super) async fn a_refused_connection_is_unavailable(cx: &Context) -> Judgement {
    let (line, b) = (cx.line("A").await?, cx.client("B").await?);
    let a = &line.client;
    let (election, ada) = (cx.election("refused")?, cx.candidate("ada")?);
    line.proxy.inject(Fault::Refuse);
    line.proxy.inject(Fault::Close);
    a.note("has its connections closed and new ones refused");
    let mut last = String::new();
    let mut refused = false;
    for _ in 0..ATTEMPTS {
        match a.attempt_acquire(&election, &ada, LONG).await? {
            Ok(call) => {
                return Err(Stop::violation(
                    "an error, as no connection is to be had",
                    wording::acquired(&call.answer),
                ));
            }
            Err(error) => {
                refused = error.kind() == StoreErrorKind::Unavailable;
                last = format!("the {} error: {error}", error.kind());
                // Indeterminate is right for a connection that ended unnoticed.
                if refused || error.kind() == StoreErrorKind::Fatal {
                    break;
                }
            }
        }
    }
    require(
        refused,
        &format!("an Unavailable error within {ATTEMPTS} attempts"),
        || last,
    )?;
    line.proxy.heal();
    a.note("is let in again");
    b.nobody(&election).await?;
    answers_its_own(cx, a, "after the refusal").await
}

pub(super) async fn replies_in_single_bytes_are_understood(cx: &Context) -> Judgement {
    let line = cx.line("A").await?;
    let a = &line.client;
    line.proxy.inject(Fault::slice(1));
    let metadata = Metadata::default()
        .with("long", "ä".repeat(700))
        .unwrap_or_default();
    let ada = cx.candidate_with("ada", metadata)?;
    let election = cx.election("sliced")?;
    let grant = a.granted(&election, &ada, LONG).await?;
    let found = a.holds(&grant.lease).await?;
    require(
        found.answer.metadata == ada.metadata,
        "the metadata is kept exactly",
        || wording::record(&found.answer),
    )?;
    let refusal = a.refused(&election, &cx.candidate("bob")?, LONG).await?;
    require(
        refusal.answer.lease == grant.lease,
        "the refusal names the lease in force",
        || wording::record(&refusal.answer),
    )?;
    a.extended(&grant.lease, LONG).await?;
    a.released(&grant.lease).await?;
    a.nobody(&election).await
}

pub(super) async fn a_lease_on_a_slow_line_is_kept_and_ends_no_later(cx: &Context) -> Judgement {
    let (line, b) = (cx.line("A").await?, cx.client("B").await?);
    let (election, bob) = (cx.election("slow")?, cx.candidate("bob")?);
    let one_way = cx.short() * 3 / 20;
    line.proxy.inject(Fault::Latency {
        fixed: one_way,
        jitter: Duration::ZERO,
    });
    let ada = cx.candidate("ada")?;
    let mut grant = line.client.granted(&election, &ada, cx.short()).await?;
    for _ in 0..3 {
        let call = line.client.renew(&grant.lease, cx.short()).await?;
        match call.answer {
            Renewed::Extended { .. } => {}
            // Sent and arrived in time it would have been in force.
            Renewed::Lost(_) if call.replied >= cx.earliest_end(&grant) => {
                return Err(Stop::TooSlow);
            }
            Renewed::Lost(_) => {}
        }
        grant = call.decided(&grant.lease).map_err(|loss| {
            Stop::violation(
                "a lease is kept though every round trip takes a third of it",
                format!("Lost to {}", wording::optional_record(loss.answer.as_ref())),
            )
        })?;
    }
    // What the holder may trust is counted from before its request, however long that took.
    let successor = cx.successor(&grant, &b, &bob, LONG).await?;
    require(
        successor.is_some(),
        "a request sent after reply + ttl + lag is granted",
        || "Held".to_owned(),
    )
}
