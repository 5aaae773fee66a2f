//! One step of a task: announced, run, and the end of the task if it fails.

use std::{
    env,
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

pub(crate) type Done = Result<(), String>;

/// Runs `cargo` with these words at the root of the workspace.
pub(crate) fn cargo(words: &str) -> Done {
    cargo_in(words, &[])
}

/// The same with more in its environment.
pub(crate) fn cargo_in(words: &str, environment: &[(&str, &str)]) -> Done {
    println!("\n==> cargo {words}");
    let begin = Instant::now();
    let status = command(words)
        .envs(environment.iter().copied())
        .status()
        .map_err(|error| format!("cargo cannot be started: {error}"))?;
    println!("    {:.0} s", begin.elapsed().as_secs_f64());
    if status.success() {
        Ok(())
    } else {
        Err(format!("`cargo {words}` failed ({status})"))
    }
}

/// What `cargo` with these words prints.
pub(crate) fn ask_cargo(words: &str) -> Result<String, String> {
    let output = command(words)
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cargo cannot be started: {error}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(format!("`cargo {words}` failed ({})", output.status))
    }
}

/// Installs a cargo subcommand if it is missing, and says so.
pub(crate) fn ensure_subcommand(name: &str) -> Done {
    if command(&format!("{name} --version"))
        .output()
        .is_ok_and(|output| output.status.success())
    {
        return Ok(());
    }
    println!(
        "\n    cargo-{name} is missing: installing it with cargo, which takes some minutes once"
    );
    cargo(&format!("install --locked cargo-{name}"))
}

fn command(words: &str) -> Command {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        .args(words.split(' '))
        .current_dir(root.unwrap_or_else(|| Path::new(".")));
    command
}
