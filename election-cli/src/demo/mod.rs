//! `elect demo`: three copies compete for one job, the leader dies, another takes over.
//!
//! Everything is real: three `elect run` processes, their watchdogs, their jobs, the embedded store.
//! Whether two jobs ever overlapped is not the elector's own word: the jobs themselves hold a lock
//! of the kernel while they live, and their records are compared.

mod job;
mod ledger;
mod node;
mod scene;

use std::{
    io::{self, Write},
    process::ExitCode,
    time::Duration,
};

use tokio::time::timeout;

use self::{
    ledger::Ledger,
    node::Node,
    scene::{Cast, Scene},
};
use crate::{
    cli::Demo,
    exit::{Code, Failure},
};

pub(crate) use node::intercept;

const NODES: [&str; 3] = ["node-1", "node-2", "node-3"];
/// How long a leader is left alone, so that a person can read along.
const PAUSE: Duration = Duration::from_millis(1500);
/// Beyond the lease: what a take-over may take on a machine with other things to do.
const LENIENCE: Duration = Duration::from_secs(10);

pub(crate) async fn run(demo: Demo) -> Result<ExitCode, Failure> {
    let place = tempfile::tempdir()
        .map_err(|error| Failure::internal(format!("no temporary directory: {error}")))?;
    let mut scene = Scene::open();
    scene.tell(&format!(
        "three copies of `elect run demo -- job` compete on sqlite:{}/demo.db, lease {:?}",
        place.path().display(),
        demo.lease_duration
    ));
    let nodes = NODES
        .iter()
        .map(|id| Node::start(id, place.path(), demo.lease_duration))
        .collect::<io::Result<Vec<_>>>()
        .map_err(|error| Failure::internal(format!("`elect run` cannot be started: {error}")))?;
    let mut cast = Cast::new(nodes);
    let limit = demo.lease_duration * 2 + LENIENCE;

    let outcome = play(&mut scene, &mut cast, limit).await;
    cast.dismiss(limit).await;
    match outcome {
        Ok(()) => Ok(verdict(&mut scene, &cast.ledger)),
        Err(missing) => {
            scene.tell(&format!(
                "FAILED: {missing} did not happen within {limit:?}"
            ));
            let _ = io::stderr().write_all(cast.complaints(place.path()).as_bytes());
            Ok(Code::No.into())
        }
    }
}

/// The three acts. Whatever does not happen in time is the error.
async fn play(scene: &mut Scene, cast: &mut Cast, limit: Duration) -> Result<(), &'static str> {
    let first = timeout(limit, cast.next_start(scene))
        .await
        .map_err(|_| "a first leader")?;
    cast.watch_for(PAUSE, scene).await;

    let killed_at = cast.kill(first, scene);
    timeout(limit, cast.gone(first, scene))
        .await
        .map_err(|_| "the end of the dead leader's job")?;
    scene.tell(&format!(
        "          its job was gone after {}",
        scene::since(killed_at)
    ));
    let second = timeout(limit, cast.next_start(scene))
        .await
        .map_err(|_| "a take-over")?;
    scene.tell(&format!(
        "          TAKE-OVER {} after the kill",
        scene::since(killed_at)
    ));
    cast.watch_for(PAUSE, scene).await;

    let asked_at = cast.ask_to_stop(second, scene);
    timeout(limit, cast.next_start(scene))
        .await
        .map_err(|_| "a hand-over")?;
    scene.tell(&format!(
        "          HAND-OVER {} after the request",
        scene::since(asked_at)
    ));
    cast.watch_for(PAUSE, scene).await;
    Ok(())
}

fn verdict(scene: &mut Scene, ledger: &Ledger) -> ExitCode {
    match ledger.overlap() {
        None => {
            scene.tell(&format!(
                "{} jobs ran, one at a time: no two of their lives overlapped, by their own records",
                ledger.jobs()
            ));
            Code::Done.into()
        }
        Some(overlap) => {
            scene.tell(&format!("FAILED: {overlap}"));
            Code::No.into()
        }
    }
}
