//! Stores that are broken in one way each, and the proof that the table convicts them.
//!
//! [`Model`] keeps the whole contract in memory, by a clock turned by hand, and asks at every
//! decision whether it has the [`Flaw`] of doing it wrong. Without a flaw it passes every row, those
//! about disasters included. With one, the row that the flaw names must convict it: a flaw that
//! survives is a check that is missing.

mod desk;
mod distortion;
mod flaw;
mod model;
mod stage;
mod world;

pub use flaw::Flaw;
pub use model::Model;
pub use stage::Stage;

use std::sync::Arc;

use futures_util::{StreamExt, stream};

use crate::{
    check::Check,
    checks::TABLE,
    report::{Report, Row, Verdict},
    suite::Suite,
};

/// How many rows are held against flaws at the same time; most of them only await each other.
const BESIDE: usize = 32;

/// What became of one flaw.
#[derive(Clone, Debug)]
pub struct Conviction {
    /// The flaw.
    pub flaw: Flaw,
    /// All rows that convicted it, in the order of the table.
    pub rows: Vec<Row>,
}

impl Conviction {
    /// Whether the row that must convict it did, by the store's fault.
    #[must_use]
    pub fn is_as_named(&self) -> bool {
        self.rows.iter().any(|row| {
            row.check.id == self.flaw.convicted_by() && matches!(row.verdict, Verdict::Violated(_))
        })
    }
}

/// Holds the flawless model to the table.
///
/// # Cancel safety
///
/// May be dropped at any await; nothing outlives it.
pub async fn acquit() -> Report {
    let rows = hold_to_table(vec![None]).await;
    let rows = rows.into_iter().map(|(_, row)| row).collect();
    Suite::new(Arc::new(Stage::new(None))).report(rows)
}

/// Holds every flaw to every row of the table, each on a stage of its own.
///
/// # Cancel safety
///
/// May be dropped at any await; nothing outlives it.
pub async fn convict_all() -> Vec<Conviction> {
    let rows = hold_to_table(Flaw::ALL.iter().copied().map(Some).collect()).await;
    let convicting = |flaw| {
        rows.iter()
            .filter(move |(of, row)| *of == Some(flaw) && row.has_failed())
            .map(|(_, row)| row.clone())
            .collect()
    };
    Flaw::ALL
        .iter()
        .map(|flaw| Conviction {
            flaw: *flaw,
            rows: convicting(*flaw),
        })
        .collect()
}

async fn hold_to_table(flaws: Vec<Option<Flaw>>) -> Vec<(Option<Flaw>, Row)> {
    let pairs = flaws
        .into_iter()
        .flat_map(|flaw| TABLE.iter().map(move |check| (flaw, check)));
    let mut rows: Vec<_> = stream::iter(pairs.enumerate())
        .map(|(place, (flaw, check))| async move { (place, flaw, on_a_stage(flaw, check).await) })
        // Unordered: a row that waits for a hint in vain holds up no other.
        .buffer_unordered(BESIDE)
        .collect()
        .await;
    rows.sort_by_key(|(place, ..)| *place);
    rows.into_iter().map(|(_, flaw, row)| (flaw, row)).collect()
}

/// One row, on a task and a stage of its own: nothing one row leaves behind helps another.
async fn on_a_stage(flaw: Option<Flaw>, check: &'static Check) -> Row {
    let suite = Suite::new(Arc::new(Stage::new(flaw)));
    match tokio::spawn(async move { suite.judge(check).await }).await {
        Ok(row) => row,
        Err(error) => Row {
            check,
            verdict: Verdict::Broken(error.to_string()),
            took: std::time::Duration::ZERO,
        },
    }
}
