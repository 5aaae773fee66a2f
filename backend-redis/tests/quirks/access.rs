//! Logins and rights.

use election_backend_redis::{RedisConfig, RedisStore, Warning};
use election_conformance::servers::Server;
use election_core::{LeaseStore, Renewed, StoreErrorKind};
use futures_util::StreamExt;

use crate::{LONG, candidate, election, fails, granted, say, store, trials};

trials![
    the_rights_that_are_documented_are_enough,
    hints_are_lost_and_nothing_else_without_the_right_to_publish,
    a_wrong_password_is_fatal_and_shows_no_secret,
    a_missing_login_is_fatal,
    a_missing_right_is_fatal_and_names_itself,
    a_missing_database_is_fatal,
];

const PASSWORD: &str = "hunter2-and-more";

/// The commands the documentation lists.
const COMMANDS: &str = "-@all +ping +evalsha +eval +get +set +pexpire +pttl +del +hset +hget \
                        +hmget +hdel +time +publish +subscribe +unsubscribe";

/// A user with these rights, and the URL to log in as it.
async fn user(server: &Server, rights: &str) -> String {
    let _: String = say(server, &format!("ACL SETUSER app on >{PASSWORD} {rights}")).await;
    let url = server.url();
    url.replacen("redis://", &format!("redis://app:{PASSWORD}@"), 1) + "?request_limit=20s"
}

async fn connect(url: &str) -> Result<RedisStore, election_core::StoreError> {
    RedisStore::connect(RedisConfig::from_url(url)?).await
}

async fn the_rights_that_are_documented_are_enough(server: Server) {
    let url = user(&server, &format!("~app:* &app:* {COMMANDS}")).await;
    let store = connect(&url).await.unwrap();
    assert_eq!(store.warnings(), [Warning::NotChecked]);
    let mut hints = store.hints(&election("app:x")).await.unwrap();
    hints.next().await.unwrap();
    let lease = granted(&store, "app:x", "a", LONG).await;
    hints.next().await.unwrap();
    let renewed = store.renew(&lease, LONG).await.unwrap();
    assert_eq!(renewed, Renewed::Extended { ttl: LONG });
    assert!(store.read(&election("app:x")).await.unwrap().is_some());
    store.release(&lease).await.unwrap();
    let denied: Vec<redis::Value> = say(&server, "ACL LOG").await;
    // INFO, once.
    assert_eq!(denied.len(), 1, "{denied:?}");

    let answer = connect(&format!("{url}&restart_grace=true")).await;
    fails(answer, StoreErrorKind::Fatal, "+info");
    let more = user(&server, "+info").await;
    let store = connect(&more).await.unwrap();
    assert!(!store.warnings().contains(&Warning::NotChecked));
}

async fn hints_are_lost_and_nothing_else_without_the_right_to_publish(server: Server) {
    let url = user(&server, &format!("~app:* resetchannels {COMMANDS}")).await;
    let store = connect(&url).await.unwrap();
    let lease = granted(&store, "app:x", "a", LONG).await;
    store.release(&lease).await.unwrap();
    let answer = store.hints(&election("app:x")).await;
    fails(answer, StoreErrorKind::Fatal, "channels");
}

async fn a_wrong_password_is_fatal_and_shows_no_secret(server: Server) {
    user(&server, "~* &* +@all").await;
    let wrong = "correct-horse";
    let url = server
        .url()
        .replacen("redis://", &format!("redis://app:{wrong}@"), 1);
    let error = connect(&url).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Fatal);
    assert!(
        error.to_string().contains("check user and password"),
        "{error}"
    );
    let shown = format!("{error} {error:?} {error:#?}");
    assert!(!shown.contains(wrong), "{shown}");
}

async fn a_missing_login_is_fatal(server: Server) {
    let before = store(&server).await;
    let _: String = say(&server, &format!("CONFIG SET requirepass {PASSWORD}")).await;
    fails(connect(server.url()).await, StoreErrorKind::Fatal, "login");
    // Who was there before goes on.
    granted(&before, "x", "a", LONG).await;
    let url = server
        .url()
        .replacen("redis://", &format!("redis://:{PASSWORD}@"), 1);
    granted(&connect(&url).await.unwrap(), "y", "a", LONG).await;
}

async fn a_missing_right_is_fatal_and_names_itself(server: Server) {
    let url = user(&server, &format!("~app:* &app:* {COMMANDS} -set")).await;
    let store = connect(&url).await.unwrap();
    let (elsewhere, here) = (election("elsewhere"), election("app:x"));
    let answer = store.acquire(&elsewhere, &candidate("a"), LONG).await;
    fails(answer, StoreErrorKind::Fatal, "allow");
    let answer = store.acquire(&here, &candidate("a"), LONG).await;
    fails(answer, StoreErrorKind::Fatal, "allow");
    assert_eq!(store.read(&here).await.unwrap(), None);
}

async fn a_missing_database_is_fatal(server: Server) {
    let answer = connect(&format!("{}/99", server.url())).await;
    fails(answer, StoreErrorKind::Fatal, "database");
    let other = connect(&format!("{}/3", server.url())).await.unwrap();
    granted(&other, "x", "a", LONG).await;
    // Another database is another world.
    granted(&store(&server).await, "x", "b", LONG).await;
}
