//! I: a candidate is its id and its incarnation, and nothing else is.

use election_core::Acquired;

use super::contest::all_acquire;
use crate::{
    check::{Judgement, require},
    context::{Context, LONG},
    wording,
};

pub(super) async fn of_two_candidates_with_one_id_one_is_granted(cx: &Context) -> Judgement {
    let (a, b) = (cx.client("A").await?, cx.client("B").await?);
    let election = cx.election("one id")?;
    for _ in 0..cx.scale().of(20, 1_000) {
        let contenders = [
            (a.clone(), cx.candidate("ada")?),
            (b.clone(), cx.candidate("ada")?),
        ];
        let calls = all_acquire(&contenders, &election, LONG).await?;
        let mut winners = Vec::new();
        for ((client, _), call) in contenders.iter().zip(&calls) {
            if let Acquired::Granted { lease, .. } = &call.answer {
                winners.push((client, lease));
            }
        }
        require(
            winners.len() == 1,
            "1 of 2 candidates with one id is granted",
            || format!("{} are", winners.len()),
        )?;
        for (client, lease) in winners {
            client.released(lease).await?;
        }
    }
    Ok(())
}

pub(super) async fn a_restarted_candidate_waits_like_a_stranger(cx: &Context) -> Judgement {
    let (a, b) = (cx.client("A").await?, cx.client("B").await?);
    let election = cx.election("restarted")?;
    let grant = a
        .granted(&election, &cx.candidate("ada")?, cx.short())
        .await?;
    let reborn = cx.candidate("ada")?;
    let Some(next) = cx.successor(&grant, &b, &reborn, LONG).await? else {
        return require(false, "granted once the former lease has ended", || {
            "Held".to_owned()
        });
    };
    require(
        next.lease.holder == reborn.holder() && next.lease.token > grant.lease.token,
        "a lease of its own, with a greater token",
        || wording::lease(&next.lease),
    )?;
    a.lost(&grant.lease, LONG).await?;
    a.not_held(&grant.lease).await?;
    b.holds(&next.lease).await?;
    Ok(())
}

pub(super) async fn two_candidates_of_one_client_are_strangers(cx: &Context) -> Judgement {
    let a = cx.client("A").await?;
    let election = cx.election("one client")?;
    let grant = a.granted(&election, &cx.candidate("ada")?, LONG).await?;
    for id in ["ada", "bob"] {
        let stranger = cx.candidate(id)?;
        let found = a.refused(&election, &stranger, LONG).await?.answer;
        require(
            found.lease == grant.lease,
            "the refusal names the lease in force",
            || wording::record(&found),
        )?;
        let mut stolen = grant.lease.clone();
        stolen.holder = stranger.holder();
        a.lost(&stolen, LONG).await?;
        a.not_held(&stolen).await?;
    }
    a.extended(&grant.lease, LONG).await?;
    Ok(())
}
