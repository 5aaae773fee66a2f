//! The runner: which rows apply, and what each of them finds.

use std::{
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};

use election_core::Capabilities;
use futures_util::{FutureExt, StreamExt, stream};
use tokio::sync::RwLock;

use crate::{
    check::{Check, Judgement, Need, Stop, panicked},
    checks::TABLE,
    context::{Context, NO_HINTS, NO_NETWORK, NO_SERVER},
    harness::{BoxError, Harness},
    report::{Failure, Report, Row, Verdict},
    secrets::redacted,
    transcript::Transcript,
};

/// How many rows run beside each other where time is real: they mostly wait.
pub(crate) const BESIDE: usize = 8;
/// A row that takes longer is given up. All leases of a row that waits for none outlive this.
const ROW_LIMIT: Duration = Duration::from_secs(300);
/// How often the leases of a row are doubled for a slow tester: from 250 ms to 16 s.
const MOST_DOUBLINGS: u32 = 6;

/// Holds a store to every row of the table whose path contains one of `filters`.
///
/// No filter at all runs every row. A path reads `X01::the_first_acquire_is_granted`. Rows run beside each other unless the harness turns time by
/// hand. Ends with [`Harness::finish`].
///
/// # Cancel safety
///
/// If dropped, what the checks left in the store stays until it expires.
pub async fn run(harness: Arc<dyn Harness>, filters: &[&str]) -> Report {
    let chosen: Vec<&'static Check> = TABLE
        .iter()
        .filter(|check| {
            let path = check.path();
            filters.is_empty() || filters.iter().any(|filter| path.contains(filter))
        })
        .collect();
    let suite = Suite::new(harness);
    let beside = suite.beside();
    // Boxed, so that the caller may run all this as a task of its own.
    let judging: Vec<_> = chosen
        .into_iter()
        .map(|check| suite.judge(check).boxed())
        .collect();
    let rows = stream::iter(judging).buffered(beside).collect().await;
    suite.finish().await;
    suite.report(rows)
}

/// A harness with the order its rows must keep.
pub(crate) struct Suite {
    harness: Arc<dyn Harness>,
    /// Rows that bring disasters on the server wait until they are alone.
    turnstile: RwLock<()>,
}

impl Suite {
    pub(crate) fn new(harness: Arc<dyn Harness>) -> Self {
        Self {
            harness,
            turnstile: RwLock::new(()),
        }
    }

    /// How many rows may run beside each other.
    pub(crate) fn beside(&self) -> usize {
        if self.harness.time().is_by_hand() {
            1
        } else {
            BESIDE
        }
    }

    /// Runs one row.
    pub(crate) async fn judge(&self, check: &'static Check) -> Row {
        let began;
        let verdict = if check.needs.is_exclusive() {
            let _alone = self.turnstile.write().await;
            began = Instant::now();
            judge(Arc::clone(&self.harness), check).await
        } else {
            let _beside = self.turnstile.read().await;
            began = Instant::now();
            judge(Arc::clone(&self.harness), check).await
        };
        Row {
            check,
            verdict,
            took: began.elapsed(),
        }
    }

    pub(crate) async fn finish(&self) {
        self.harness.finish().await;
    }

    pub(crate) fn report(&self, rows: Vec<Row>) -> Report {
        Report {
            store: self.harness.name(),
            scale: self.harness.scale(),
            rows,
            replay: None,
        }
    }
}

/// What one row finds, with leases doubled until the tester can follow them.
pub(crate) async fn judge(harness: Arc<dyn Harness>, check: &'static Check) -> Verdict {
    let capabilities = match harness.client().await {
        Ok(client) => client.capabilities(),
        Err(error) => return Verdict::Broken(no_client(&error)),
    };
    if let Some(reason) = unmet(check.needs, &*harness, &capabilities) {
        return Verdict::NotApplicable(reason);
    }
    for doublings in 0..=MOST_DOUBLINGS {
        let transcript = Arc::new(Transcript::default());
        let context = Arc::new(Context::new(
            Arc::clone(&harness),
            check.id,
            doublings,
            capabilities.clone(),
            Arc::clone(&transcript),
        ));
        match attempt(check, context).await {
            Ok(()) => return Verdict::Passed,
            Err(Stop::TooSlow) => {}
            Err(Stop::NotApplicable(reason)) => return Verdict::NotApplicable(reason),
            Err(Stop::Broken(reason)) => return Verdict::Broken(reason),
            Err(Stop::Violation { expected, observed }) => {
                let secrets = harness.secrets();
                let lines = transcript.lines();
                return Verdict::Violated(Failure {
                    expected: redacted(&secrets, &expected),
                    observed: redacted(&secrets, &observed),
                    calls: lines.iter().map(|line| redacted(&secrets, line)).collect(),
                });
            }
        }
    }
    Verdict::Broken(
        "this machine is too busy to judge: leases of 16 s ended before they could be used; \
         run the row again with less beside it"
            .to_owned(),
    )
}

fn no_client(error: &BoxError) -> String {
    format!("the harness gave no client: {error}")
}

/// Runs a row once, bounded, and turns a panic of the store into a violation.
async fn attempt(check: &'static Check, context: Arc<Context>) -> Judgement {
    let running = AssertUnwindSafe((check.run)(context)).catch_unwind();
    match tokio::time::timeout(ROW_LIMIT, running).await {
        Ok(Ok(judgement)) => judgement,
        Ok(Err(payload)) => Err(panicked(&*payload)),
        Err(_) => Err(Stop::violation(
            format!("an end within {ROW_LIMIT:?}"),
            "the row was given up",
        )),
    }
}

/// Why a need cannot be met, if it cannot.
fn unmet(need: Need, harness: &dyn Harness, capabilities: &Capabilities) -> Option<String> {
    let no_server = || harness.server().is_none().then(|| NO_SERVER.to_owned());
    match need {
        Need::Store => None,
        Need::Hints => capabilities
            .hint_within
            .is_none()
            .then(|| NO_HINTS.to_owned()),
        Need::Secrets => harness
            .secrets()
            .is_empty()
            .then(|| "the harness names no secrets".to_owned()),
        Need::Server => no_server(),
        Need::Network => harness.network().is_none().then(|| NO_NETWORK.to_owned()),
        Need::Survival(disaster) if !capabilities.survives(disaster) => Some(format!(
            "the store does not claim that its tokens survive {disaster:?}"
        )),
        Need::Survival(_) => no_server(),
    }
}
