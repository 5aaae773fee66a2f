//! Other programs and people at the same keys.

use std::time::Duration;

use election_conformance::servers::Server;
use election_core::{FencingToken, Incarnation, LeaseStore, MAX_TTL, Released, Renewed};
use futures_util::StreamExt;

use crate::{LONG, election, granted, held, say, store, trials};

trials![
    the_leader_key_is_the_plain_id,
    a_deleted_key_frees_and_both_leader_and_followers_learn_of_it,
    a_program_that_sets_the_key_is_respected_and_respects_ours,
    a_key_under_our_own_id_that_is_not_ours_is_left_alone,
    a_key_without_an_end_is_waited_for,
    a_key_that_is_no_text_is_refused,
    a_lease_that_outlives_its_ttl_by_a_clock_set_back_is_cut_short,
    names_that_read_like_other_keys_are_elections_of_their_own,
];

async fn the_leader_key_is_the_plain_id(server: Server) {
    let store = store(&server).await;
    let lease = granted(&store, "grimnir:leader:scheduler", "radio-1", LONG).await;
    let id: String = say(&server, "GET grimnir:leader:scheduler").await;
    assert_eq!(id, "radio-1");
    let left: i64 = say(&server, "TTL grimnir:leader:scheduler").await;
    assert!((3500..=3600).contains(&left), "{left}");
    store.release(&lease).await.unwrap();
    let id: Option<String> = say(&server, "GET grimnir:leader:scheduler").await;
    assert_eq!(id, None);
}

async fn a_deleted_key_frees_and_both_leader_and_followers_learn_of_it(server: Server) {
    let (leader, follower) = (store(&server).await, store(&server).await);
    let lease = granted(&leader, "x", "a", LONG).await;
    let mut hints = follower.hints(&election("x")).await.unwrap();
    hints.next().await.unwrap();

    let _: i64 = say(&server, "DEL x").await;
    assert_eq!(
        leader.renew(&lease, LONG).await.unwrap(),
        Renewed::Lost(None)
    );
    hints.next().await.unwrap();
    let next = granted(&follower, "x", "b", LONG).await;
    assert!(next.token > lease.token);
    assert_eq!(leader.release(&lease).await.unwrap(), Released::NotHeld);
    assert_eq!(held(&leader, "x", "a").await.lease, next);
}

async fn a_program_that_sets_the_key_is_respected_and_respects_ours(server: Server) {
    let store = store(&server).await;
    let _: String = say(&server, "SET x old-1 NX EX 600").await;
    let record = held(&store, "x", "new-1").await;
    assert_eq!(record.lease.holder.id.as_str(), "old-1");
    assert_eq!(record.lease.holder.incarnation, Incarnation(0));
    assert_eq!(record.lease.token, FencingToken::FIRST);
    assert!(record.metadata.is_empty());
    assert!(record.remaining > Duration::from_secs(500), "{record:?}");
    assert!(
        record.remaining <= Duration::from_millis(600_001),
        "{record:?}"
    );
    assert_eq!(
        store.read(&election("x")).await.unwrap().unwrap().lease,
        record.lease
    );

    let _: i64 = say(&server, "DEL x").await;
    let ours = granted(&store, "x", "new-1", LONG).await;
    let refused: Option<String> = say(&server, "SET x old-1 NX EX 600").await;
    assert_eq!(refused, None);

    // One that takes it by force: we have lost it, and its last token is known.
    let _: String = say(&server, "SET x old-1 EX 600").await;
    match store.renew(&ours, LONG).await.unwrap() {
        Renewed::Lost(Some(record)) => {
            assert_eq!(record.lease.holder.id.as_str(), "old-1");
            assert_eq!(record.lease.token, ours.token);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(store.release(&ours).await.unwrap(), Released::NotHeld);
    let id: String = say(&server, "GET x").await;
    assert_eq!(id, "old-1");
}

/// As in a migration from a program that used the same id.
async fn a_key_under_our_own_id_that_is_not_ours_is_left_alone(server: Server) {
    let store = store(&server).await;
    let lease = granted(&store, "x", "a", Duration::from_millis(1)).await;
    while store.read(&election("x")).await.unwrap().is_some() {}
    let _: String = say(&server, "SET x a NX EX 600").await;

    let record = held(&store, "x", "a").await;
    assert_eq!(record.lease.holder.incarnation, Incarnation(0));
    match store.renew(&lease, LONG).await.unwrap() {
        Renewed::Lost(Some(found)) => assert_eq!(found.lease, record.lease),
        other => panic!("{other:?}"),
    }
    assert_eq!(store.release(&lease).await.unwrap(), Released::NotHeld);
    let left: i64 = say(&server, "TTL x").await;
    assert!((500..=600).contains(&left), "{left}");
}

async fn a_key_without_an_end_is_waited_for(server: Server) {
    let store = store(&server).await;
    let _: String = say(&server, "SET x nobody").await;
    assert_eq!(held(&store, "x", "a").await.remaining, LONG);
    let record = store.read(&election("x")).await.unwrap().unwrap();
    assert_eq!(record.remaining, MAX_TTL);
    let _: i64 = say(&server, "DEL x").await;
    granted(&store, "x", "a", LONG).await;
}

async fn a_key_that_is_no_text_is_refused(server: Server) {
    let store = store(&server).await;
    let _: i64 = say(&server, "RPUSH x 1").await;
    let answer = store.read(&election("x")).await;
    crate::fails(answer, election_core::StoreErrorKind::Fatal, "rename");
    granted(&store, "y", "a", LONG).await;
}

async fn a_lease_that_outlives_its_ttl_by_a_clock_set_back_is_cut_short(server: Server) {
    let store = store(&server).await;
    let ttl = Duration::from_secs(60);
    granted(&store, "x", "dead", ttl).await;
    // What an hour's step back looks like: the ends stay where they are, and now is earlier.
    let state = "x:lease:{x}";
    let end: i64 = say(&server, &format!("HGET {state} e")).await;
    let _: i64 = say(&server, &format!("HSET {state} e {}", end + 3_600_000)).await;
    let _: i64 = say(&server, &format!("PEXPIREAT x {}", end + 3_600_000)).await;

    let record = held(&store, "x", "b").await;
    assert_eq!(record.lease.holder.incarnation, Incarnation(7));
    assert!(
        record.remaining <= ttl + Duration::from_millis(1),
        "{record:?}"
    );
}

async fn names_that_read_like_other_keys_are_elections_of_their_own(server: Server) {
    let store = store(&server).await;
    let mut names = vec!["x".to_owned(), "{x}".to_owned(), "x}".to_owned()];
    for name in names.clone() {
        names.push(format!("{name}:lease"));
        names.push(format!("{name}:lease:{{{name}}}"));
        names.push(format!("{name}:lease:{{{name}}}:lease"));
        names.push(format!("{name}:events"));
    }
    let mut leases = Vec::new();
    for name in &names {
        leases.push(granted(&store, name, "a", LONG).await);
    }
    for lease in &leases {
        let renewed = store.renew(lease, LONG).await.unwrap();
        assert_eq!(renewed, Renewed::Extended { ttl: LONG }, "{lease:?}");
    }
    for lease in &leases {
        assert_eq!(
            store.release(lease).await.unwrap(),
            Released::Done,
            "{lease:?}"
        );
    }
}
