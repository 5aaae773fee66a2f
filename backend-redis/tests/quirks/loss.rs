//! What Redis forgets, and what it does not.

use std::time::Duration;

use election_backend_redis::Warning;
use election_conformance::servers::Server;
use election_core::{LeaseStore, Renewed, StoreErrorKind};
use futures_util::{StreamExt, future::join_all};

use crate::{
    LONG, candidate, election, fails, granted, patient, say, store, support::store_at, trials,
};

trials![
    tokens_rise_though_everything_was_flushed,
    a_server_that_has_just_started_empty_grants_nothing_during_its_grace,
    a_forgotten_script_is_sent_again,
    thousands_of_leases_are_renewed_on_one_connection,
    a_stream_of_hints_ends_with_its_connection_and_can_be_opened_again,
    a_dropped_store_leaves_no_connection,
];

async fn tokens_rise_though_everything_was_flushed(server: Server) {
    let store = store(&server).await;
    let old = granted(&store, "x", "a", LONG).await;
    let _: String = say(&server, "FLUSHALL").await;
    assert_eq!(store.renew(&old, LONG).await.unwrap(), Renewed::Lost(None));
    let new = granted(&store, "x", "b", LONG).await;
    assert!(new.token > old.token);
}

async fn a_server_that_has_just_started_empty_grants_nothing_during_its_grace(server: Server) {
    let url = format!("{}&restart_grace=true", patient(server.url()));
    let careful = store_at(&url).await.unwrap();
    let warnings = store(&server).await.warnings().to_vec();
    assert!(
        !careful.warnings().contains(&Warning::NoLog),
        "{warnings:?}"
    );

    server.wipe().await.unwrap();
    let (x, a) = (election("x"), candidate("a"));
    let answer = loop {
        match careful.acquire(&x, &a, LONG).await {
            // The connection to the server before.
            Err(error) if error.kind() == StoreErrorKind::Indeterminate => {}
            answer => break answer,
        }
    };
    fails(answer, StoreErrorKind::Unavailable, "may have forgotten");
    // What this server has granted itself it knows of.
    let lease = granted(&store(&server).await, "x", "a", LONG).await;
    let again = granted(&careful, "x", "a", LONG).await;
    assert!(again.token > lease.token);
    // After the time that could have been forgotten it grants like any other.
    let short = Duration::from_millis(10);
    while careful.acquire(&election("y"), &a, short).await.is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn a_forgotten_script_is_sent_again(server: Server) {
    let store = store(&server).await;
    let leases = join_all((0..50).map(async |number| {
        let name = number.to_string();
        granted(&store, &name, "a", LONG).await
    }))
    .await;
    let _: String = say(&server, "SCRIPT FLUSH").await;
    for renewed in join_all(leases.iter().map(|lease| store.renew(lease, LONG))).await {
        assert_eq!(renewed.unwrap(), Renewed::Extended { ttl: LONG });
    }
}

async fn thousands_of_leases_are_renewed_on_one_connection(server: Server) {
    let store = store(&server).await;
    let names: Vec<_> = (0..3000)
        .map(|number| format!("election {number}"))
        .collect();
    let leases = join_all(names.iter().map(|name| granted(&store, name, "a", LONG))).await;
    store.release(&leases[17]).await.unwrap();
    let renewals = join_all(leases.iter().map(|lease| store.renew(lease, LONG))).await;
    for (number, renewed) in renewals.into_iter().enumerate() {
        let expected = match number {
            17 => Renewed::Lost(None),
            _ => Renewed::Extended { ttl: LONG },
        };
        assert_eq!(renewed.unwrap(), expected, "election {number}");
    }
    assert_eq!(clients(&server).await, 1);
}

/// How many clients there are besides the one that asks.
async fn clients(server: &Server) -> usize {
    let list: String = say(server, "CLIENT LIST").await;
    list.lines().count() - 1
}

async fn a_stream_of_hints_ends_with_its_connection_and_can_be_opened_again(server: Server) {
    let store = store(&server).await;
    let mut one = store.hints(&election("x")).await.unwrap();
    let mut other = store.hints(&election("y")).await.unwrap();
    one.next().await.unwrap();
    other.next().await.unwrap();
    let _: i64 = say(&server, "CLIENT KILL TYPE pubsub").await;
    assert!(one.next().await.is_none() && other.next().await.is_none());

    let mut again = store.hints(&election("x")).await.unwrap();
    again.next().await.unwrap();
    granted(&store, "x", "a", LONG).await;
    again.next().await.unwrap();
}

async fn a_dropped_store_leaves_no_connection(server: Server) {
    let store = store(&server).await;
    let mut hints = store.hints(&election("x")).await.unwrap();
    hints.next().await.unwrap();
    assert_eq!(clients(&server).await, 2);
    // The last stream closes the connection for hints.
    drop(hints);
    while clients(&server).await > 1 {}
    let mut hints = store.hints(&election("x")).await.unwrap();
    hints.next().await.unwrap();
    drop(store);
    assert!(hints.next().await.is_none());
    while clients(&server).await > 0 {}
}
