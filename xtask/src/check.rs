//! Everything about the code that can be known without running it.

use std::process::Command;

use crate::step::{Done, ask_cargo, cargo, cargo_in, ensure_subcommand};

/// Crates that would make the core impure: runtimes, clocks, sources of chance, I/O.
const IMPURE: [&str; 9] = [
    "tokio",
    "async-std",
    "smol",
    "mio",
    "rand",
    "getrandom",
    "rustix",
    "libc",
    "chrono",
];

pub(crate) fn run() -> Done {
    cargo("fmt --all --check")?;
    cargo("clippy --workspace --all-targets --all-features --locked -- -D warnings")?;
    cargo_in(
        "doc --workspace --no-deps --all-features --document-private-items --locked",
        &[("RUSTDOCFLAGS", "-D warnings")],
    )?;
    core_is_pure()?;
    ensure_subcommand("hack")?;
    cargo("hack check --workspace --feature-powerset --locked")?;
    ensure_subcommand("deny")?;
    // Advisories need a network: `cargo deny check advisories`.
    cargo("deny --locked check bans licenses sources")
}

/// I1, from the outside: no runtime in the tree, and it builds for a machine without a system.
fn core_is_pure() -> Done {
    println!("\n==> the dependency tree of election-core");
    let tree = ask_cargo("tree -p election-core --edges normal --prefix none --format {p}")?;
    print!("{tree}");
    let impure = tree
        .lines()
        .filter_map(|line| line.split(' ').next())
        .find(|name| IMPURE.contains(name));
    if let Some(name) = impure {
        return Err(format!(
            "election-core depends on {name}: the core must stay pure (I1)"
        ));
    }
    if !has_wasm_target() {
        println!("    the target wasm32-unknown-unknown is missing: installing it with rustup");
        let installed = Command::new("rustup")
            .args(["target", "add", "wasm32-unknown-unknown"])
            .status();
        if !installed.is_ok_and(|status| status.success()) {
            println!("    NOT RUN: the build for wasm32, as its target cannot be installed here");
            return Ok(());
        }
    }
    cargo("build -p election-core --target wasm32-unknown-unknown --locked")
}

fn has_wasm_target() -> bool {
    let listed = Command::new("rustup")
        .args(["target", "list", "--installed"])
        .output();
    listed.is_ok_and(|output| {
        String::from_utf8_lossy(&output.stdout).contains("wasm32-unknown-unknown")
    })
}
