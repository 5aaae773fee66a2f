//! The servers that tests need: container images, or programs of this machine.

mod engine;
mod install;
// One list of kinds and of where their programs are, shared with those who start them.
#[allow(dead_code, unreachable_pub)]
#[path = "../../../conformance/src/servers/kind.rs"]
mod kind;
#[path = "../../../conformance/src/servers/programs.rs"]
mod programs;

use std::{env, fs, path::PathBuf, process::Command};

use clap::Args;
use kind::{Kind, STAND_IN_SUITE};

use crate::step::Done;

/// Builds images where none can be pulled.
const STAND_IN: &str = include_str!("stand_in.sh");

#[derive(Debug, Args)]
pub(crate) struct Images {
    /// Build stand-ins with the server versions of this Debian release, even if the official images
    /// can be pulled: `bookworm`, `trixie`, `forky`.
    #[arg(long)]
    suite: Option<String>,
}

/// An environment variable for the tests, and its value.
pub(crate) type Variable = (&'static str, String);

/// Pulls or builds the images, and prints which: `export $(cargo xtask images)`.
pub(crate) fn run(images: &Images) -> Done {
    engine::answers()?;
    let found = match &images.suite {
        Some(suite) => stand_ins(&Kind::ALL, suite)?,
        None => pulled_or_built(&Kind::ALL)?,
    };
    for (variable, image) in found {
        println!("{variable}={image}");
    }
    Ok(())
}

/// Sets up what can be set up on this machine, and returns what the tests must be told.
///
/// Says what it does, and what will not be run. That is no failure: the tests decide, which know
/// what is required.
pub(crate) fn ensure_servers() -> Vec<Variable> {
    let wanted: Vec<Kind> = Kind::ALL
        .into_iter()
        .filter(|kind| variable(kind.url_variable()).is_none())
        .collect();
    if wanted.is_empty() {
        eprintln!("    servers: all given by URL");
        return Vec::new();
    }
    let refusal = match engine::answers().and_then(|()| pulled_or_built(&wanted)) {
        Ok(images) => {
            for (_, image) in &images {
                eprintln!("    servers: containers of {image}");
            }
            return images;
        }
        Err(refusal) => refusal,
    };
    eprintln!("    servers: no containers ({refusal})");
    let missing = missing_programs(&wanted);
    if !missing.is_empty()
        && let Err(refusal) = install::install(&missing)
    {
        eprintln!("    servers: nothing is installed ({refusal})");
    }
    for kind in wanted {
        match programs::find(kind) {
            Ok(program) => eprintln!("    servers: {}", program.display()),
            Err(reason) => eprintln!(
                "    NOT RUN: the tests with {kind}, as {reason}: install one, start Docker, or set {}",
                kind.url_variable()
            ),
        }
    }
    Vec::new()
}

fn missing_programs(wanted: &[Kind]) -> Vec<Kind> {
    let missing = wanted.iter().filter(|kind| programs::find(**kind).is_err());
    missing.copied().collect()
}

/// Of each kind the image that is named, else the official one, else a stand-in.
fn pulled_or_built(kinds: &[Kind]) -> Result<Vec<Variable>, String> {
    let mut found = Vec::new();
    let mut not_pulled = Vec::new();
    for &kind in kinds {
        if let Some(image) = variable(kind.image_variable()) {
            found.push((kind.image_variable(), image));
        } else if engine::has_or_pulls(kind.official_image()) {
            found.push((kind.image_variable(), kind.official_image().to_owned()));
        } else {
            not_pulled.push(kind);
        }
    }
    if !not_pulled.is_empty() {
        found.extend(stand_ins(&not_pulled, STAND_IN_SUITE)?);
    }
    Ok(found)
}

/// Builds the images that are not there, or whose recipe has changed.
fn stand_ins(kinds: &[Kind], suite: &str) -> Result<Vec<Variable>, String> {
    let cache = cache();
    let script = cache.join("stand_in.sh");
    fs::create_dir_all(&cache)
        .and_then(|()| fs::write(&script, STAND_IN))
        .map_err(|error| format!("{} cannot be written: {error}", script.display()))?;
    let output = Command::new("bash")
        .arg(&script)
        .arg(&cache)
        .arg(suite)
        .args(kinds.iter().map(|kind| kind.name()))
        .stderr(std::process::Stdio::inherit())
        .output()
        .map_err(|error| format!("bash cannot be started: {error}"))?;
    if !output.status.success() {
        return Err(format!(
            "no stand-in images can be built: where images can be pulled, set {} and its like",
            Kind::Redis.image_variable()
        ));
    }
    let printed = String::from_utf8_lossy(&output.stdout);
    let images = kinds.iter().map(|kind| {
        let mut lines = printed.lines();
        let image = lines.find_map(|line| line.strip_prefix(kind.name())?.strip_prefix(' '));
        let image = image.ok_or_else(|| format!("no image of {kind} was built"))?;
        Ok((kind.image_variable(), image.to_owned()))
    });
    images.collect()
}

/// In the target directory, beside whatever else can be built again.
fn cache() -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    target
        .canonicalize()
        .unwrap_or(target)
        .join("stand-in-images")
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}
