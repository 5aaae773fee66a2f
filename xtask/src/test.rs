//! Every test there is, with its set-up.

use clap::Args;

use crate::{
    images,
    step::{Done, cargo, cargo_in},
};

#[derive(Debug, Args)]
pub(crate) struct Test {
    /// Run the conformance suite and the trials this often, and stop at the first failure.
    #[arg(long, value_name = "N", default_value_t = 1)]
    repeat: u32,
}

pub(crate) fn run(test: &Test) -> Done {
    println!("\n==> servers to test against");
    let servers = images::ensure_servers();
    let servers: Vec<_> = servers
        .iter()
        .map(|(key, value)| (*key, value.as_str()))
        .collect();
    cargo_in("test --workspace --all-features --locked", &servers)?;
    for round in 2..=test.repeat {
        println!("\n    round {round} of {}", test.repeat);
        cargo(
            "test --package election-conformance --package election-backend-sqlite --locked --tests --quiet",
        )?;
    }
    Ok(())
}
