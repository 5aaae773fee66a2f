//! A server that answers, and says no.

use election_backend_redis::Warning;
use election_conformance::servers::Server;
use election_core::{LeaseStore, Released, Renewed, StoreErrorKind};
use libtest_mimic::{Completion, Trial};

use crate::{
    LONG, candidate, election, fails, granted, patient, say, store,
    support::{self, store_at},
    trials,
};

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = certain_trials();
    let name = "a_grant_that_enough_replicas_have_stands";
    let trial = crate::trial_that_may_not_apply(name, a_grant_that_enough_replicas_have_stands);
    trials.push(trial);
    trials
}

trials![certain_trials:
    a_replica_is_unavailable_until_it_is_a_master,
    a_server_without_memory_grants_nothing_and_keeps_its_leader,
    a_server_without_its_replicas_changes_nothing,
    a_grant_that_too_few_replicas_have_is_taken_back,
    a_busy_server_is_unavailable,
];

async fn a_replica_is_unavailable_until_it_is_a_master(server: Server) {
    let store = store(&server).await;
    let lease = granted(&store, "x", "a", LONG).await;
    // Of nobody: that port is never served.
    let _: String = say(&server, "REPLICAOF 127.0.0.1 1").await;
    fails(
        store.renew(&lease, LONG).await,
        StoreErrorKind::Unavailable,
        "replica",
    );
    let answer = store.acquire(&election("y"), &candidate("b"), LONG).await;
    fails(answer, StoreErrorKind::Unavailable, "replica");
    let warned = store_at(server.url()).await.unwrap();
    assert!(warned.warnings().contains(&Warning::Replica));

    let _: String = say(&server, "REPLICAOF NO ONE").await;
    let renewed = store.renew(&lease, LONG).await.unwrap();
    assert_eq!(renewed, Renewed::Extended { ttl: LONG });
}

async fn a_server_without_memory_grants_nothing_and_keeps_its_leader(server: Server) {
    let store = store(&server).await;
    let lease = granted(&store, "x", "a", LONG).await;
    let _: String = say(&server, "CONFIG SET maxmemory 1").await;
    let answer = store.acquire(&election("y"), &candidate("a"), LONG).await;
    fails(answer, StoreErrorKind::Unavailable, "memory");
    let renewed = store.renew(&lease, LONG).await.unwrap();
    assert_eq!(renewed, Renewed::Extended { ttl: LONG });
    assert_eq!(store.release(&lease).await.unwrap(), Released::Done);

    let _: String = say(&server, "CONFIG SET maxmemory-policy volatile-ttl").await;
    let warned = store_at(&patient(server.url())).await.unwrap();
    let policy = "volatile-ttl".to_owned();
    assert!(warned.warnings().contains(&Warning::Eviction { policy }));
}

async fn a_server_without_its_replicas_changes_nothing(server: Server) {
    let store = store(&server).await;
    let lease = granted(&store, "x", "a", LONG).await;
    let _: String = say(&server, "CONFIG SET min-replicas-to-write 1").await;
    fails(
        store.renew(&lease, LONG).await,
        StoreErrorKind::Unavailable,
        "min-replicas-to-write",
    );
    let answer = store.acquire(&election("y"), &candidate("a"), LONG).await;
    fails(answer, StoreErrorKind::Unavailable, "min-replicas-to-write");
    assert_eq!(store.read(&election("y")).await.unwrap(), None);
}

async fn a_grant_that_too_few_replicas_have_is_taken_back(server: Server) {
    let plain = store(&server).await;
    let url = format!("{}&min_replica_acks=1", patient(server.url()));
    let careful = store_at(&url).await.unwrap();
    let (x, a) = (election("x"), candidate("a"));
    let answer = careful.acquire(&x, &a, LONG).await;
    fails(
        answer,
        StoreErrorKind::Indeterminate,
        "only 0 of the 1 replicas",
    );
    assert_eq!(plain.read(&x).await.unwrap(), None);

    let lease = granted(&plain, "x", "a", LONG).await;
    fails(
        careful.renew(&lease, LONG).await,
        StoreErrorKind::Indeterminate,
        "min_replica_acks",
    );
}

async fn a_grant_that_enough_replicas_have_stands(server: Server) -> Completion {
    let replica = support::server().await.unwrap();
    let (host, port) = server.address().rsplit_once(':').unwrap();
    let words = ["REPLICAOF", host, port];
    support::say::<String>(replica.url(), &words).await.unwrap();
    if !replicates(&server).await {
        return Completion::ignored_with("servers in containers cannot reach each other");
    }
    let url = format!("{}&min_replica_acks=1", patient(server.url()));
    let careful = store_at(&url).await.unwrap();
    let lease = granted(&careful, "x", "a", LONG).await;
    let renewed = careful.renew(&lease, LONG).await.unwrap();
    assert_eq!(renewed, Renewed::Extended { ttl: LONG });
    Completion::Completed
}

/// Whether a replica becomes connected within a few seconds.
async fn replicates(server: &Server) -> bool {
    for _ in 0..100 {
        let reached: i64 = say(server, "WAIT 1 100").await;
        if reached == 1 {
            return true;
        }
    }
    false
}

async fn a_busy_server_is_unavailable(server: Server) {
    let store = store(&server).await;
    let lease = granted(&store, "x", "a", LONG).await;
    let _: String = say(&server, "CONFIG SET lua-time-limit 1").await;
    let client = redis::Client::open(server.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let endless = tokio::spawn(async move {
        let mut command = redis::cmd("EVAL");
        command.arg("while true do end").arg(0);
        command.query_async::<i64>(&mut connection).await
    });
    // Until the script has begun, and then until it is allowed to be called busy.
    let answer = loop {
        match store.renew(&lease, LONG).await {
            Ok(_) => tokio::task::yield_now().await,
            answer => break answer,
        }
    };
    fails(answer, StoreErrorKind::Unavailable, "SCRIPT KILL");
    let _: String = say(&server, "SCRIPT KILL").await;
    assert!(endless.await.unwrap().is_err());
    let renewed = store.renew(&lease, LONG).await.unwrap();
    assert_eq!(renewed, Renewed::Extended { ttl: LONG });
}
