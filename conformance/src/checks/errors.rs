//! E: what an error may show.

use std::error::Error;

use election_core::{MAX_TTL, StoreError};

use crate::{
    check::{Judgement, require},
    context::{Context, LONG},
    secrets,
};

pub(super) async fn no_secret_is_shown(cx: &Context) -> Judgement {
    let a = cx.client("A").await?;
    let (election, ada) = (cx.election("secret")?, cx.candidate("ada")?);
    let grant = a.granted(&election, &ada, LONG).await?;
    let hints = a.hints(&election).await?;
    let mut shown = vec![
        ("the Debug of the store", format!("{:?}", a.store())),
        ("the pretty Debug of the store", format!("{:#?}", a.store())),
        ("the Debug of its hints", format!("{hints:?}")),
        (
            "the Debug of its capabilities",
            format!("{:?}", a.store().capabilities()),
        ),
    ];
    let illegal = MAX_TTL * 2;
    if let Err(error) = a.attempt_acquire(&election, &ada, illegal).await? {
        shown.push(("an error of acquire", everything_about(&error)));
    }
    if let Err(error) = a.attempt_renew(&grant.lease, illegal).await? {
        shown.push(("an error of renew", everything_about(&error)));
    }
    for secret in cx.secrets() {
        for (place, text) in &shown {
            require(
                !secrets::is_shown(&secret, text),
                "no secret, in any spelling",
                // The report is shared too: it must not repeat the secret.
                || format!("one in {place}"),
            )?;
        }
    }
    Ok(())
}

/// Display and Debug of an error and of all its sources.
fn everything_about(error: &StoreError) -> String {
    let mut text = format!("{error} {error:?} {error:#?}");
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(" {cause} {cause:?}"));
        source = cause.source();
    }
    text
}
