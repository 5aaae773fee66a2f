//! Settings as a program meets them: files, environments and flags in, answers and refusals out.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{ffi::OsString, fs, path::Path};

use election::settings::{ConfigError, Layer, Settings};

mod environment;
mod layers;
mod refusals;
mod secrets;

type Variables = Vec<(OsString, OsString)>;

fn variables(pairs: &[(&str, &str)]) -> Variables {
    let pair = |(name, value): &(&str, &str)| (name.into(), value.into());
    pairs.iter().map(pair).collect()
}

/// What an environment alone leads to. Every variable's prefix is `P`; there is a home directory.
fn from_environment(pairs: &[(&str, &str)]) -> Result<Settings, ConfigError> {
    let mut variables = variables(pairs);
    let home = if cfg!(windows) {
        ("LOCALAPPDATA", "C:\\ada")
    } else {
        ("HOME", "/home/ada")
    };
    variables.push((home.0.into(), home.1.into()));
    Settings::resolve([Layer::from_environment("P", variables)?])
}

fn from_toml(text: &str) -> Result<Settings, ConfigError> {
    let store = Layer::new().store("memory:".parse()?);
    Settings::resolve([store, Layer::from_toml_str(text)?])
}

fn refusal(result: Result<Settings, ConfigError>) -> String {
    match result {
        Ok(settings) => panic!("accepted:\n{}", settings.explain()),
        Err(error) => error.to_string(),
    }
}

/// The line of the explanation that tells of one setting, its columns separated by one space.
fn explained(settings: &Settings, key: &str) -> String {
    let text = settings.explain();
    let mut lines = text.lines();
    let line = lines.find(|line| line.split_whitespace().next() == Some(key));
    let words: Vec<_> = line.unwrap().split_whitespace().collect();
    words.join(" ")
}

/// A file that holds a store URL.
fn store_file(directory: &Path, text: &str) -> String {
    let file = directory.join("store");
    fs::write(&file, text).unwrap();
    file.to_str().unwrap().to_owned()
}
