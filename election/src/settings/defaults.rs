//! What is not given and cannot be written down as a constant.

use std::path::{Path, PathBuf};

use election_core::CandidateId;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::{error::ConfigError, store_url::StoreUrl};

/// Characters of a path that mean something else in a URL.
const PATH: &AsciiSet = &CONTROLS.add(b'%').add(b'?').add(b'#');

/// The longest part of a host name that is put into an id, in bytes.
const MAX_HOST: usize = 200;

/// The embedded store, in a file of the user's own.
pub(super) fn default_store(state_directory: Option<&Path>) -> Result<StoreUrl, ConfigError> {
    let directory = state_directory.map(directory).ok_or_else(|| {
        ConfigError::new(
            "no store is given, and there is no home directory for the default one: set the store, \
             with --store on a command line",
        )
    })?;
    let file = directory.join("elections.db");
    let path = file.to_str().ok_or_else(|| {
        ConfigError::new(format!(
            "no store is given, and the path of the default one ({}) is not UTF-8 text: set the \
             store, with --store on a command line",
            file.display()
        ))
    })?;
    StoreUrl::parse(&format!("sqlite:{}", utf8_percent_encode(path, PATH)))
}

/// This program's own directory among those of the user.
pub(super) fn directory(state_directory: &Path) -> PathBuf {
    state_directory.join("elect")
}

/// An id nobody else has: host name, process id and a random part.
///
/// The host name is for people; the random part tells containers apart that share both of the
/// others. It differs at every call.
///
/// # Errors
///
/// [`ConfigError`] if the system gives no random numbers.
pub fn default_id() -> Result<CandidateId, ConfigError> {
    let refuse = |cause: &dyn std::fmt::Display| {
        ConfigError::new(format!(
            "no id is given, and none can be made up ({cause}): set the id"
        ))
    };
    let mut host = match hostname::get() {
        Ok(name) if !name.is_empty() => name.to_string_lossy().into_owned(),
        _ => "localhost".to_owned(),
    };
    while host.len() > MAX_HOST {
        host.pop();
    }
    let mut chance = [0; 4];
    getrandom::fill(&mut chance).map_err(|error| refuse(&error))?;
    let chance = u32::from_be_bytes(chance);
    let id = format!("{host}-{}-{chance:08x}", std::process::id());
    CandidateId::new(&id).map_err(|error| refuse(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_id_is_new_every_time() {
        let (one, two) = (default_id().unwrap(), default_id().unwrap());
        assert_ne!(one, two);
        let process = format!("-{}-", std::process::id());
        assert!(one.as_str().contains(&process), "{one}");
    }

    #[test]
    fn a_state_directory_with_special_characters_survives_as_a_url() {
        let url = default_store(Some(Path::new("/home/a?b#c%d@e"))).unwrap();
        assert_eq!(
            url.expose(),
            "sqlite:/home/a%3Fb%23c%25d@e/elect/elections.db"
        );
        assert_eq!(url.to_string(), url.expose());
    }

    #[test]
    fn without_a_home_directory_the_store_must_be_set() {
        let refusal = default_store(None).unwrap_err().to_string();
        assert!(refusal.contains("--store"), "{refusal}");
    }
}
