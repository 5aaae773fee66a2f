//! The driver in paused time: what a user sees of an elector, to the millisecond.
#![allow(clippy::unwrap_used, clippy::expect_used)] // A test that meets the unexpected stops there.

mod support;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use election::{
    Cause, Elector, ElectorError, Event, Handle, LeaseStore, ManualClock, MemoryStore, Role,
    StoreErrorKind,
};
use support::{Weather, World, election};
use tokio::time::{Instant, sleep};

const HOLD: Duration = Duration::from_secs(12);
const TTL: Duration = Duration::from_secs(15);
const RETRY_AT_MOST: Duration = Duration::from_millis(2200);
const TICK: Duration = Duration::from_millis(5);

#[tokio::test(start_paused = true)]
async fn work_runs_while_leading_and_shutdown_ends_the_run() {
    let world = World::new();
    let mut elector = world.elector("a");
    let handle = elector.handle();
    let started = Arc::new(AtomicBool::new(false));
    let seen = started.clone();
    let run = tokio::spawn(async move {
        elector
            .run(async |leadership| {
                assert!(leadership.check().is_ok());
                seen.store(true, Ordering::SeqCst);
                std::future::pending::<()>().await;
            })
            .await
    });
    sleep(TTL * 4).await;
    assert!(started.load(Ordering::SeqCst));
    assert_eq!(
        world.leader().await.as_deref(),
        Some("a"),
        "renewed four leases long"
    );
    handle.shutdown();
    assert!(run.await.unwrap().is_ok());
    assert_eq!(world.leader().await, None);
    assert_eq!(handle.status().role, Role::Stopped);
    assert!(handle.leadership().is_none());
}

#[tokio::test(start_paused = true)]
async fn i3_the_lease_is_released_only_after_the_work_was_dropped() {
    struct Work {
        world: World,
        dropped_while_held: Arc<AtomicBool>,
    }
    impl Drop for Work {
        fn drop(&mut self) {
            let held = futures_now(self.world.leader());
            self.dropped_while_held
                .store(held.as_deref() == Some("a"), Ordering::SeqCst);
        }
    }
    let world = World::new();
    let mut elector = world.elector("a");
    let handle = elector.handle();
    let dropped_while_held = Arc::new(AtomicBool::new(false));
    let (given, flag) = (world.clone(), dropped_while_held.clone());
    let run = tokio::spawn(async move {
        elector
            .run(async |_| {
                let _work = Work {
                    world: given.clone(),
                    dropped_while_held: flag.clone(),
                };
                std::future::pending::<()>().await;
            })
            .await
    });
    sleep(TICK).await;
    handle.resign();
    sleep(HOLD + TICK).await;
    assert!(dropped_while_held.load(Ordering::SeqCst));
    run.abort();
}

#[tokio::test(start_paused = true)]
async fn a_released_lease_is_taken_over_at_once_where_the_store_gives_hints() {
    let world = World::new();
    let mut first = world.elector("a");
    let guard = first.campaign().await.unwrap();
    let mut second = world.elector("b");
    sleep(Duration::from_secs(1)).await;
    let released_at = Instant::now();
    drop(guard);
    let taken = second.campaign().await.unwrap();
    assert!(
        released_at.elapsed() <= TICK,
        "took {:?}",
        released_at.elapsed()
    );
    assert!(taken.check().is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_released_lease_is_found_by_polling_where_the_store_gives_no_hints() {
    let world = World::new().without_hints();
    let mut first = world.elector("a");
    let guard = first.campaign().await.unwrap();
    let mut second = world.elector("b");
    sleep(Duration::from_secs(1)).await;
    let released_at = Instant::now();
    drop(guard);
    let taken = second.campaign().await.unwrap();
    let took = released_at.elapsed();
    assert!(took > TICK && took <= RETRY_AT_MOST, "took {took:?}");
    assert!(taken.check().is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_dead_leader_is_replaced_right_after_its_lease() {
    let world = World::new();
    let dead = election::Candidate {
        id: "dead".parse().unwrap(),
        incarnation: election::Incarnation(9),
        metadata: election::Metadata::default(),
    };
    let _ = world.store.acquire(&election(), &dead, TTL).await.unwrap();
    let died_at = Instant::now();
    let mut heir = world.elector("heir");
    let _guard = heir.campaign().await.unwrap();
    let took = died_at.elapsed();
    assert!(
        took >= TTL && took <= TTL + Duration::from_millis(60),
        "took {took:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_outage_ends_the_term_at_its_deadline_and_the_end_of_the_outage_ends_the_gap() {
    let world = World::new();
    let mut elector = world.elector("a");
    let guard = elector.campaign().await.unwrap();
    let begin = Instant::now();
    world.set(Weather::Failing(StoreErrorKind::Unavailable));
    assert_eq!(guard.revoked().await, Cause::Expired);
    assert!(
        guard.check().is_ok(),
        "the grace to stop is still within the trust"
    );
    assert!(begin.elapsed() < HOLD);
    sleep(HOLD.saturating_sub(begin.elapsed())).await;
    let lost = guard.check().unwrap_err();
    assert_eq!(lost.cause, Cause::Expired);
    drop(guard);

    sleep(Duration::from_secs(60)).await;
    world.set(Weather::Fair);
    let healed_at = Instant::now();
    let guard = elector.campaign().await.unwrap();
    assert!(healed_at.elapsed() <= RETRY_AT_MOST + Duration::from_secs(1));
    assert!(guard.check().is_ok());
    assert!(guard.fencing_token() > lost.fencing_token);
}

#[tokio::test(start_paused = true)]
async fn two_failed_renewals_of_three_do_not_cost_the_term() {
    let world = World::new();
    let mut elector = world.elector("a");
    let guard = elector.campaign().await.unwrap();
    for _ in 0..20 {
        sleep(Duration::from_secs(4)).await;
        world.set(Weather::Blackhole);
        sleep(Duration::from_secs(4)).await;
        world.set(Weather::Fair);
        sleep(Duration::from_secs(3)).await;
    }
    assert!(guard.check().is_ok());
    assert!(!guard.cancellation_token().is_cancelled());
}

#[tokio::test]
async fn check_fails_at_the_deadline_even_if_no_task_ever_runs_again() {
    let clock = Arc::new(ManualClock::new());
    let store = Arc::new(MemoryStore::new(clock.clone()));
    let mut elector = Elector::builder(store, election())
        .clock(clock.clone())
        .start()
        .unwrap();
    let guard = elector.campaign().await.unwrap();
    clock.advance(HOLD - Duration::from_nanos(1));
    assert!(guard.check().is_ok());
    clock.advance(Duration::from_nanos(1));
    assert!(guard.check().is_err()); // No await since the campaign: nothing else has run.
    assert_eq!(guard.remaining(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn guarded_work_is_dropped_when_leadership_is_lost_and_never_polled_again() {
    let world = World::new();
    let mut elector = world.elector("a");
    let guard = elector.campaign().await.unwrap();
    let polled_late = Arc::new(AtomicBool::new(false));
    let (flag, inner) = (polled_late.clone(), guard.leadership());
    world.set(Weather::Blackhole);
    let work = async move {
        loop {
            if inner.check().is_err() {
                flag.store(true, Ordering::SeqCst);
            }
            sleep(Duration::from_millis(1)).await;
        }
    };
    let begin = Instant::now();
    let lost: Result<(), _> = guard.guard(work).await;
    assert_eq!(lost.unwrap_err().cause, Cause::Expired);
    assert!(
        begin.elapsed() <= HOLD,
        "dropped after {:?}",
        begin.elapsed()
    );
    assert!(!polled_late.load(Ordering::SeqCst));
}

#[tokio::test(start_paused = true)]
async fn guarded_work_that_is_done_gives_its_result() {
    let world = World::new();
    let mut elector = world.elector("a");
    let guard = elector.campaign().await.unwrap();
    assert_eq!(guard.guard(async { 42 }).await, Ok(42));
}

#[tokio::test(start_paused = true)]
async fn a_term_waits_for_every_guarded_future_before_its_lease_is_released() {
    let world = World::new();
    let mut elector = world.elector("a");
    let guard = elector.campaign().await.unwrap();
    let leadership = guard.leadership();
    let slow = tokio::spawn(async move { leadership.guard(sleep(Duration::from_secs(3))).await });
    sleep(TICK).await;
    drop(guard);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(world.leader().await.as_deref(), Some("a"));
    assert!(slow.await.unwrap().is_ok());
    sleep(TICK).await;
    assert_eq!(world.leader().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_lease_taken_away_ends_the_term_at_the_next_look() {
    let world = World::new();
    let mut elector = world.elector("a");
    let guard = elector.campaign().await.unwrap();
    sleep(Duration::from_secs(1)).await;
    let record = world.store.read(&election()).await.unwrap().unwrap();
    let _ = world.store.release(&record.lease).await.unwrap(); // By an operator, not the elector.
    sleep(TICK).await;
    assert_eq!(guard.check().unwrap_err().cause, Cause::Superseded);
    assert_eq!(guard.revoked().await, Cause::Superseded);
}

#[tokio::test(start_paused = true)]
async fn work_that_panics_hands_leadership_over() {
    let world = World::new();
    let mut elector = world.elector("a");
    let run =
        tokio::spawn(async move { elector.run(async |_| panic!("the work is broken")).await });
    assert!(run.await.unwrap_err().is_panic());
    sleep(TICK).await;
    assert_eq!(world.leader().await, None);
}

#[tokio::test(start_paused = true)]
async fn dropping_the_run_or_the_elector_hands_leadership_over() {
    let world = World::new();
    let mut elector = world.elector("a");
    let run =
        tokio::spawn(async move { elector.run(async |_| std::future::pending().await).await });
    sleep(TICK).await;
    assert_eq!(world.leader().await.as_deref(), Some("a"));
    run.abort();
    sleep(TICK).await;
    assert_eq!(world.leader().await, None);
}

#[tokio::test(start_paused = true)]
async fn v10_shutdown_does_not_wait_for_a_store_that_never_answers() {
    let world = World::new();
    let mut elector = world.elector("a");
    let guard = elector.campaign().await.unwrap();
    world.set(Weather::Blackhole);
    drop(guard);
    let begin = Instant::now();
    elector.shutdown().await;
    assert!(
        begin.elapsed() <= Duration::from_secs(2),
        "took {:?}",
        begin.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn shutdown_waits_for_held_work_no_longer_than_its_trust() {
    let world = World::new();
    let mut elector = world.elector("a");
    let guard = elector.campaign().await.unwrap();
    let begin = Instant::now();
    elector.shutdown().await;
    assert!(
        begin.elapsed() <= HOLD + Duration::from_secs(1),
        "took {:?}",
        begin.elapsed()
    );
    assert!(guard.check().is_err());
    assert_eq!(
        world.leader().await.as_deref(),
        Some("a"),
        "left to expire: the work still runs"
    );
}

#[tokio::test(start_paused = true)]
async fn a_fatal_store_error_ends_the_run_with_its_words() {
    let world = World::new();
    world.set(Weather::Failing(StoreErrorKind::Fatal));
    let mut elector = world.elector("a");
    let error = elector.run(async |_| {}).await.unwrap_err();
    assert!(matches!(error, ElectorError::Store(_)));
    assert!(error.to_string().ends_with("bad weather"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn i4_a_grant_answered_after_it_was_given_up_is_given_back() {
    let world = World::new();
    world.set(Weather::SlowAnswers(Duration::from_millis(1700)));
    let elector = world.elector("a");
    sleep(TICK).await;
    assert_eq!(
        world.leader().await.as_deref(),
        Some("a"),
        "granted, but not answered yet"
    );
    world.set(Weather::Fair);
    sleep(Duration::from_millis(1700)).await;
    assert_eq!(world.leader().await, None, "given back");
    assert!(elector.handle().leadership().is_none());
}

#[tokio::test(start_paused = true)]
async fn events_come_in_order_and_tell_a_whole_term() {
    let world = World::new();
    let mut elector = world.elector("a");
    let mut events = elector.handle().events();
    drop(elector.campaign().await.unwrap());
    elector.shutdown().await;
    let mut told = Vec::new();
    while let Some(event) = events.next().await {
        told.push(match event {
            Event::Elected { .. } => "elected",
            Event::Revoked {
                cause: Cause::Resigned,
                ..
            } => "resigned",
            Event::Ended { .. } => "ended",
            Event::LeaderChanged(None) => "nobody",
            Event::Stopped => "stopped",
            other => panic!("{other:?}"),
        });
    }
    assert_eq!(told, ["elected", "resigned", "ended", "nobody", "stopped"]);
}

#[tokio::test(start_paused = true)]
async fn a_slow_listener_is_told_how_many_events_it_missed() {
    let world = World::new();
    let mut elector = world.elector("a");
    let mut events = elector.handle().events();
    let guard = elector.campaign().await.unwrap();
    sleep(Duration::from_secs(5) * 400).await;
    let Some(Event::Missed(missed)) = events.next().await else {
        panic!("no gap is told")
    };
    assert!(missed > 100);
    assert!(matches!(events.next().await, Some(Event::Renewed { .. })));
    drop(guard);
}

#[tokio::test(start_paused = true)]
async fn resigning_from_an_old_term_leaves_the_new_one_alone() {
    let world = World::new();
    let mut elector = world.elector("a");
    let old = elector.campaign().await.unwrap();
    let late = old.leadership();
    drop(old);
    let new = elector.campaign().await.unwrap();
    assert!(new.fencing_token() > late.fencing_token());
    late.resign();
    sleep(TICK).await;
    assert!(new.check().is_ok());
}

#[tokio::test(start_paused = true)]
async fn two_processes_with_one_id_never_lead_together() {
    let world = World::new();
    let leading = Arc::new(AtomicUsize::new(0));
    let mut electors = [world.elector("same"), world.elector("same")];
    let handles = electors.each_ref().map(Elector::handle);
    let runs = electors.each_mut().map(|elector| {
        elector.run(async |_| {
            assert_eq!(leading.fetch_add(1, Ordering::SeqCst), 0);
            sleep(Duration::from_secs(1)).await;
            leading.fetch_sub(1, Ordering::SeqCst);
        })
    });
    let end = async {
        sleep(Duration::from_secs(120)).await;
        handles.iter().for_each(Handle::shutdown);
    };
    let (ended, ()) = tokio::join!(futures_util::future::join_all(runs), end);
    assert!(ended.iter().all(Result::is_ok));
}

#[test]
fn an_elector_outside_a_runtime_says_what_it_needs() {
    let store = Arc::new(MemoryStore::new(Arc::new(election::BootClock)));
    let error = Elector::builder(store, election()).start().unwrap_err();
    assert!(matches!(error, ElectorError::NoRuntime));
}

/// The result of a future that never has to wait.
fn futures_now<T>(future: impl Future<Output = T>) -> T {
    use futures_util::FutureExt;
    future.now_or_never().expect("a memory store never waits")
}
