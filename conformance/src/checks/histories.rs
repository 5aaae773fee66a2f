//! X: histories of concurrent calls, and whether one lease explains them.

use std::{sync::Arc, time::Duration};

use election_core::LeaseStore;
use futures_util::future::{Either, select};

use crate::{
    check::{Judgement, Stop},
    client::Client,
    context::{Context, LONG},
    history::{Checker, Length, Tolerance, Verdict, Workload},
    line::Line,
    proxy::{Fault, Proxy, Then, Trigger},
};

/// How many clients play with each other.
const PLAYERS: usize = 4;
/// Between two harms to the network.
const HARM_EVERY: Duration = Duration::from_millis(7);
/// The configurations searched before a history counts as too hard.
const SEARCH_LIMIT: usize = 200_000;

pub(super) async fn every_history_has_an_order_that_explains_it(cx: &Context) -> Judgement {
    let clients = cx.clients(PLAYERS).await?;
    let stores: Vec<_> = clients.iter().map(|of| Arc::clone(of.store())).collect();
    for round in 0..cx.scale().of(4, 200) {
        let workload = workload(cx, &format!("history {round}"), round as u64)?;
        explained(cx, &clients[0], &workload, &stores).await?;
    }
    Ok(())
}

pub(super) async fn every_history_on_a_bad_line_has_an_order_that_explains_it(
    cx: &Context,
) -> Judgement {
    let mut lines = Vec::with_capacity(PLAYERS);
    for number in 1..=PLAYERS {
        lines.push(cx.line(&number.to_string()).await?);
    }
    let stores: Vec<_> = lines
        .iter()
        .map(|line| Arc::clone(line.client.store()))
        .collect();
    for round in 0..cx.scale().of(5, 100) {
        let workload = workload(cx, &format!("bad line {round}"), round as u64)?;
        let playing = Box::pin(explained(cx, &lines[0].client, &workload, &stores));
        match select(playing, Box::pin(disturb(&lines))).await {
            Either::Left((judgement, _)) => judgement?,
            Either::Right(_) => unreachable!("the disturbance has no end"),
        }
        for line in &lines {
            line.proxy.heal();
        }
    }
    Ok(())
}

fn workload(cx: &Context, label: &str, seed: u64) -> Judgement<Workload> {
    let elections = [cx.election(label)?, cx.election(&format!("{label}, too"))?];
    Ok(Workload {
        length: Length::Calls(30),
        patience: cx.call_limit(),
        ..Workload::new(seed, elections.to_vec())
    })
}

/// Lets the clients play, and convicts the store if no order of their calls is that of one lease.
async fn explained(
    cx: &Context,
    probe: &Client,
    workload: &Workload,
    stores: &[Arc<dyn LeaseStore>],
) -> Judgement {
    let checker = Checker::new(tolerance(cx, probe, workload).await?).with_limit(SEARCH_LIMIT);
    let history = workload.run(stores, cx.time()).await;
    match checker.check(&history) {
        Verdict::Linearizable => Ok(()),
        Verdict::Violation(found) => Err(Stop::violation(
            "an order of the concurrent calls in which every answer is right",
            found.to_string(),
        )),
        undecided @ Verdict::Undecided { .. } => Err(Stop::Broken(undecided.to_string())),
    }
}

/// What the store claims, what clocks may differ by, and how much more than asked it grants.
async fn tolerance(cx: &Context, probe: &Client, workload: &Workload) -> Judgement<Tolerance> {
    let shortest = *workload.ttl.start();
    let election = cx.election("probe")?;
    let call = cx
        .at_last(|| async {
            let ada = cx.candidate("ada")?;
            probe.attempt_acquire(&election, &ada, shortest).await
        })
        .await?;
    let more = match call.decided() {
        Ok(grant) => grant.ttl.saturating_sub(shortest),
        // The one before has not ended yet, so it was for no less than what is left of it.
        Err(refusal) => refusal.answer.remaining.saturating_sub(shortest),
    };
    let ppm = cx.time().rate_error(LONG).as_micros() / LONG.as_secs().max(1) as u128;
    let tolerance =
        Tolerance::of(cx.capabilities()).with_clock_error(u32::try_from(ppm).unwrap_or(u32::MAX));
    Ok(Tolerance {
        // A store that rounds up may do so by another second elsewhere.
        ttl_surplus: if more.is_zero() {
            more
        } else {
            more + Duration::from_secs(1)
        },
        ..tolerance
    })
}

/// Harms one line after the other, without end.
async fn disturb(lines: &[Line]) {
    for (place, line) in lines.iter().cycle().enumerate() {
        harm(&line.proxy, place);
        tokio::time::sleep(HARM_EVERY).await;
    }
}

/// Has every fourth reply lost, and something else happen besides.
fn harm(proxy: &Proxy, place: usize) {
    proxy.heal();
    let then = if place.is_multiple_of(3) {
        Then::Reset
    } else {
        Then::Close
    };
    let fourth = Fault::DropReply(then).on(Trigger::Nth(4));
    proxy.inject(fourth.repeatedly());
    match place % 5 {
        0 => proxy.inject(Fault::Close),
        1 => proxy.inject(Fault::Latency {
            fixed: Duration::from_millis(1),
            jitter: Duration::from_millis(5),
        }),
        2 => proxy.inject(Fault::slice(3)),
        3 => proxy.inject(Fault::Reset.on(Trigger::Nth(2))),
        _ => {}
    }
}
