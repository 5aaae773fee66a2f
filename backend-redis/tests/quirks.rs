//! What only Redis can do wrong, tried on a real server.
//!
//! Without one, every trial is ignored, and says why; or fails, if `ELECTION_REQUIRE` lists redis.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod support;

#[path = "quirks/access.rs"]
mod access;
#[path = "quirks/loss.rs"]
mod loss;
#[path = "quirks/neighbours.rs"]
mod neighbours;
#[path = "quirks/refusals.rs"]
mod refusals;
#[path = "quirks/ways.rs"]
mod ways;

use std::{
    io::{self, Write},
    process::ExitCode,
    sync::LazyLock,
    time::Duration,
};

use election_backend_redis::RedisStore;
use election_conformance::servers::{Kind, Server, required};
use election_core::{
    Acquired, Candidate, CandidateId, ElectionName, Incarnation, Lease, LeaseRecord, LeaseStore,
    Metadata, StoreError, StoreErrorKind,
};
use libtest_mimic::{Arguments, Completion, Trial};
use tokio::{runtime::Runtime, time::timeout};

use support::{server, store_at, summary};

pub(crate) const LONG: Duration = Duration::from_secs(3600);

/// A trial that takes longer waits for what never comes.
const LIMIT: Duration = Duration::from_secs(120);

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));

fn main() -> ExitCode {
    let trials = [
        access::trials(),
        loss::trials(),
        neighbours::trials(),
        refusals::trials(),
        ways::trials(),
    ];
    let trials = trials.into_iter().flatten().collect();
    let conclusion = libtest_mimic::run(&Arguments::from_args(), trials);
    let _ = writeln!(io::stdout(), "{}", summary());
    conclusion.exit_code()
}

/// Trials by the names of their functions, each of which gets a server of its own.
#[macro_export]
macro_rules! trials {
    ($($name:ident),* $(,)?) => {
        $crate::trials![trials: $($name),*];
    };
    ($table:ident: $($name:ident),* $(,)?) => {
        pub(crate) fn $table() -> Vec<libtest_mimic::Trial> {
            vec![$($crate::trial(stringify!($name), $name)),*]
        }
    };
}

/// A trial on a server of its own, or why there is none.
pub(crate) fn trial<Check>(name: &str, check: Check) -> Trial
where
    Check: AsyncFnOnce(Server) + Send + 'static,
{
    trial_that_may_not_apply(name, async |server| {
        check(server).await;
        Completion::Completed
    })
}

/// The same for one that finds out only on the way whether this server can be asked.
pub(crate) fn trial_that_may_not_apply<Check>(name: &str, check: Check) -> Trial
where
    Check: AsyncFnOnce(Server) -> Completion + Send + 'static,
{
    Trial::ignorable_test(name, move || {
        RUNTIME.block_on(async {
            match server().await {
                Ok(server) => match timeout(LIMIT, check(server)).await {
                    Ok(completion) => Ok(completion),
                    Err(_) => Err(format!("not done within {LIMIT:?}").into()),
                },
                Err(not_run) if required(Kind::Redis) => Err(not_run.into()),
                Err(not_run) => Ok(Completion::ignored_with(not_run.to_string())),
            }
        })
    })
}

/// A store with more patience than its default: a busy machine is none of its faults.
pub(crate) async fn store(server: &Server) -> RedisStore {
    store_at(&patient(server.url())).await.unwrap()
}

pub(crate) fn patient(url: &str) -> String {
    format!("{url}?request_limit=20s")
}

/// What `redis-cli` would get; the trial fails if that is an error.
pub(crate) async fn say<T: redis::FromRedisValue>(server: &Server, words: &str) -> T {
    let words: Vec<&str> = words.split(' ').collect();
    support::say(server.url(), &words).await.unwrap()
}

pub(crate) fn election(name: &str) -> ElectionName {
    ElectionName::new(name).unwrap()
}

pub(crate) fn candidate(id: &str) -> Candidate {
    Candidate {
        id: CandidateId::new(id).unwrap(),
        incarnation: Incarnation(7),
        metadata: Metadata::from_json("{\"port\":1}").unwrap(),
    }
}

pub(crate) async fn granted(store: &RedisStore, name: &str, id: &str, ttl: Duration) -> Lease {
    match store.acquire(&election(name), &candidate(id), ttl).await {
        Ok(Acquired::Granted { lease, .. }) => lease,
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn held(store: &RedisStore, name: &str, id: &str) -> LeaseRecord {
    match store.acquire(&election(name), &candidate(id), LONG).await {
        Ok(Acquired::Held(record)) => record,
        other => panic!("{other:?}"),
    }
}

/// Fails unless it is an error of this kind with this word in it.
pub(crate) fn fails<T: std::fmt::Debug>(
    answer: Result<T, StoreError>,
    kind: StoreErrorKind,
    word: &str,
) {
    let error = answer.unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.to_string().contains(word), "{error}");
}
