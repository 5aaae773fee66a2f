//! The container engine of this machine.

use std::{
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::step::Done;

/// An engine that has not answered by then is as good as none.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// For the pull of one image: a firewall may swallow the request without a word.
const PULL_LIMIT: Duration = Duration::from_secs(300);

/// Whether Docker can be used, and if not, why.
pub(super) fn answers() -> Done {
    docker(
        &["version", "--format", "{{.Server.Version}}"],
        ANSWER_LIMIT,
    )
}

/// Whether the image is there, or is now.
pub(super) fn has_or_pulls(image: &str) -> bool {
    if docker(&["image", "inspect", image], ANSWER_LIMIT).is_ok() {
        return true;
    }
    eprintln!("    pulling {image}");
    match docker(&["pull", "--quiet", image], PULL_LIMIT) {
        Ok(()) => true,
        Err(error) => {
            eprintln!("    it cannot be pulled ({error})");
            false
        }
    }
}

fn docker(words: &[&str], limit: Duration) -> Done {
    let mut docker = Command::new("docker")
        .args(words)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("docker cannot be started: {error}"))?;
    let begin = Instant::now();
    loop {
        match docker.try_wait() {
            Ok(None) if begin.elapsed() < limit => thread::sleep(Duration::from_millis(20)),
            Ok(None) => {
                let _ = docker.kill();
                let _ = docker.wait();
                return Err(format!("`docker {}` takes longer than {limit:?}", words[0]));
            }
            Ok(Some(status)) if status.success() => return Ok(()),
            _ => break,
        }
    }
    let output = docker.wait_with_output();
    let said = output.map(|output| output.stderr).unwrap_or_default();
    let said = String::from_utf8_lossy(&said);
    Err(said.trim().replace('\n', " "))
}
