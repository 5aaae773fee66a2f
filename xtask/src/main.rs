//! The project's own commands, for people and for CI alike: `cargo xtask test`, `cargo xtask check`.
#![allow(clippy::print_stdout, clippy::print_stderr)] // A command that says what it does.

mod check;
mod images;
mod step;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The project's own commands.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", arg_required_else_help = true)]
struct Xtask {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Set up what is missing, then run every test.
    Test(test::Test),
    /// Formatting, lints, documentation, features, dependencies, purity of the core. Writes nothing.
    Check,
    /// Pull or build the images of the test servers, and print which they are.
    Images(images::Images),
}

fn main() -> ExitCode {
    let done = match Xtask::parse().task {
        Task::Test(test) => test::run(&test),
        Task::Check => check::run(),
        Task::Images(images) => images::run(&images),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("\nxtask: {failure}");
            ExitCode::FAILURE
        }
    }
}
