//! Every test there is, with its set-up.

use clap::Args;

use crate::step::{Done, cargo};

#[derive(Debug, Args)]
pub(crate) struct Test {
    /// Run the conformance suite and the trials this often, and stop at the first failure.
    #[arg(long, value_name = "N", default_value_t = 1)]
    repeat: u32,
}

pub(crate) fn run(test: &Test) -> Done {
    cargo("test --workspace --all-features --locked")?;
    for round in 2..=test.repeat {
        println!("\n    round {round} of {}", test.repeat);
        cargo(
            "test --package election-conformance --package election-backend-sqlite --locked --tests --quiet",
        )?;
    }
    Ok(())
}
