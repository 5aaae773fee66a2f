//! Every flaw is convicted by the check it names, and the flawless model by none.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use election_conformance::{
    Need, TABLE,
    saboteurs::{acquit, convict_all},
};

#[tokio::main]
async fn main() -> io::Result<ExitCode> {
    let mut out = io::stdout().lock();
    let model = acquit().await;
    writeln!(out, "{model}")?;

    let convictions = convict_all().await;
    writeln!(out, "{:<31} {:<5} all that convicted it", "flaw", "named")?;
    for conviction in &convictions {
        let rows: Vec<&str> = conviction.rows.iter().map(|row| row.check.id).collect();
        writeln!(
            out,
            "{:<31} {:<5} {}{}",
            conviction.flaw.to_string(),
            conviction.flaw.convicted_by(),
            rows.join(" "),
            if conviction.is_as_named() {
                ""
            } else {
                "   <- SURVIVED ITS CHECK"
            },
        )?;
    }
    let survivors = convictions.iter().filter(|c| !c.is_as_named()).count();
    writeln!(
        out,
        "\n{} flaws, {survivors} survived the check they name",
        convictions.len()
    )?;
    let convicts = |id: &str| {
        let mut rows = convictions.iter().flat_map(|c| &c.rows);
        rows.any(|row| row.check.id == id)
    };
    // The model has no network; `network_saboteurs` answers for the rows that need one.
    let idle: Vec<&str> = TABLE
        .iter()
        .filter(|check| check.needs != Need::Network)
        .map(|check| check.id)
        .filter(|id| !convicts(id))
        .collect();
    writeln!(
        out,
        "checks that convicted nobody: {}",
        if idle.is_empty() {
            "none".to_owned()
        } else {
            idle.join(" ")
        }
    )?;
    // A row that is not applicable to the model would be a row no flaw is held to.
    let judged = model
        .not_applicable()
        .all(|(row, _)| row.check.needs == Need::Network)
        && model.failed().next().is_none();
    Ok(if judged && survivors == 0 && idle.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
