//! Every flaw of a store with a network is convicted by the row it names.
//!
//! An argument chooses the flaws whose names contain it.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod lease_server;

use std::{
    env,
    io::{self, Write},
    process::ExitCode,
    sync::Arc,
};

use election_conformance::{Need, TABLE, Verdict, run};
use futures_util::{StreamExt, stream};
use lease_server::{Flaw, Loopback, has_another_role};

/// How many flaws are tried beside each other; most of them only await each other.
const BESIDE: usize = 4;

fn main() -> io::Result<ExitCode> {
    if has_another_role() {
        return Ok(ExitCode::SUCCESS);
    }
    let filter = env::args().nth(1).unwrap_or_default();
    let mut flaws = Flaw::ALL.to_vec();
    flaws.retain(|flaw| flaw.to_string().contains(&filter));
    tokio::runtime::Runtime::new()?.block_on(convict(flaws))
}

async fn convict(flaws: Vec<Flaw>) -> io::Result<ExitCode> {
    let mut out = io::stdout().lock();
    writeln!(out, "{:<29} {:<5} verdict", "flaw", "named")?;
    let mut verdicts = stream::iter(flaws.clone())
        .map(|flaw| tokio::spawn(judged(flaw)))
        .buffered(BESIDE);
    let mut survivors = 0;
    for flaw in &flaws {
        let words = match verdicts.next().await.transpose()? {
            Some(Verdict::Violated(failure)) => {
                let observed = failure
                    .observed
                    .lines()
                    .next()
                    .unwrap_or_default()
                    .to_owned();
                format!("convicted: {observed}")
            }
            other => {
                survivors += 1;
                format!("SURVIVED: {other:?}")
            }
        };
        writeln!(
            out,
            "{:<29} {:<5} {words}",
            flaw.to_string(),
            flaw.convicted_by()
        )?;
    }
    let named = |id: &str| Flaw::ALL.iter().any(|flaw| flaw.convicted_by() == id);
    let idle: Vec<&str> = TABLE
        .iter()
        .filter(|check| check.needs == Need::Network && !named(check.id))
        .map(|check| check.id)
        .collect();
    writeln!(out, "\n{} flaws, {survivors} survived", flaws.len())?;
    writeln!(out, "rows about the network that no flaw names: {idle:?}")?;
    Ok(if survivors == 0 && idle.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// What the row that a flaw names finds of it, on a server of its own.
async fn judged(flaw: Flaw) -> Verdict {
    let row = format!("{}::", flaw.convicted_by());
    let harness = tokio::task::block_in_place(|| Arc::new(Loopback::start(Some(flaw))));
    let mut report = run(harness, &[&row]).await;
    assert_eq!(report.rows.len(), 1, "{flaw}: there is one row {row}");
    report.rows.remove(0).verdict
}
