//! Server programs from Debian packages, where nothing else can be had.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

use super::kind::Kind;
use crate::step::Done;

/// Asked by Debian's maintainer scripts before they start a service.
const POLICY: &str = "/usr/sbin/policy-rc.d";
const START_NOTHING: &str =
    "#!/bin/sh\n# For as long as test servers are being installed.\nexit 101\n";

/// Installs the programs of these kinds, and starts none of them as a service.
///
/// Only as root on Debian or a relative of it: nobody else is asked for rights.
pub(super) fn install(kinds: &[Kind]) -> Done {
    if !Path::new("/usr/bin/apt-get").exists() {
        return Err("this is no Debian host".to_owned());
    }
    let user = Command::new("id").arg("-u").output();
    if !user.is_ok_and(|output| output.stdout == b"0\n") {
        return Err("only root may install packages".to_owned());
    }
    let packages: Vec<&str> = kinds.iter().map(|kind| package(*kind)).collect();
    eprintln!(
        "    servers: installing {} with apt-get, without starting them as services",
        packages.join(", ")
    );
    let _policy = Policy::set()?;
    // Lists that cannot be brought up to date may still do.
    let _ = apt_get(&["update"]);
    let words = ["install", "--yes", "--no-install-recommends"];
    apt_get(&[&words, &*packages].concat())
}

fn package(kind: Kind) -> &'static str {
    match kind {
        Kind::Redis => "redis-server",
        Kind::Postgres => "postgresql",
        Kind::Etcd => "etcd-server",
    }
}

fn apt_get(words: &[&str]) -> Done {
    let output = Command::new("apt-get")
        .arg("--quiet=2")
        .args(words)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .output()
        .map_err(|error| format!("apt-get cannot be started: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().last().unwrap_or_default();
    Err(format!("`apt-get {}` failed: {last}", words.join(" ")))
}

/// While this lives no service is started; what the machine's own policy is, if it has one, stays.
struct Policy {
    is_ours: bool,
}

impl Policy {
    fn set() -> Result<Self, String> {
        let policy = Path::new(POLICY);
        if policy.exists() {
            return Ok(Self { is_ours: false });
        }
        fs::write(policy, START_NOTHING)
            .and_then(|()| fs::set_permissions(policy, fs::Permissions::from_mode(0o755)))
            .map_err(|error| format!("{POLICY} cannot be written: {error}"))?;
        Ok(Self { is_ours: true })
    }
}

impl Drop for Policy {
    fn drop(&mut self) {
        if self.is_ours {
            let _ = fs::remove_file(POLICY);
        }
    }
}
