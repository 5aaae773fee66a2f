//! `elect conformance`: the contract suite against the user's own store.

use std::{
    collections::hash_map::RandomState,
    fs,
    hash::{BuildHasher, Hasher},
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
};

use election::{LeaseStore, settings::StoreUrl};
use election_conformance::{BoxError, Harness, run};
use percent_encoding::percent_decode_str;

use crate::{
    cli::Conformance,
    exit::{Code, Failure},
};

pub(crate) async fn judge(conformance: Conformance) -> Result<ExitCode, Failure> {
    let settings = conformance.sources.settings()?;
    let trial = Trial::beside(&settings.store)?;
    let place = trial.place.clone();
    // A store that cannot be reached is one sentence, not a table of failures.
    drop(election::connect(trial.url.expose()).await?);
    let filters: Vec<_> = conformance.checks.iter().map(String::as_str).collect();
    let report = run(Arc::new(trial), &filters)
        .await
        .replayed_by("elect conformance --store URL");
    drop(place);
    if report.rows.is_empty() {
        return Err(Failure::usage(
            "no check has such a name: leave it out to run all of them",
        ));
    }
    if let Some(path) = &conformance.junit {
        fs::write(path, report.to_junit()).map_err(|error| {
            Failure::usage(format!(
                "the report cannot be written to {} ({error})",
                path.display()
            ))
        })?;
    }
    let text = match conformance.form.json {
        true => format!("{}\n", report.to_json()),
        false => report.to_string(),
    };
    // A reader that has gone needs no report; the exit code tells.
    let _ = io::stdout().write_all(text.as_bytes());
    Ok(if report.is_success() {
        Code::Done
    } else {
        Code::No
    }
    .into())
}

/// The user's store, with a place in it that nobody else uses.
struct Trial {
    shown: String,
    url: StoreUrl,
    place: Arc<Place>,
}

impl Trial {
    /// An embedded store is tried in a file beside the one named, which is never opened; a server's
    /// elections get names of their own from the suite.
    fn beside(store: &StoreUrl) -> Result<Self, Failure> {
        let shown = store.to_string();
        if store.scheme() != "sqlite" {
            let place = Arc::new(Place(None));
            return Ok(Self {
                shown,
                url: store.clone(),
                place,
            });
        }
        let (path, options) = match store.expose().split_once('?') {
            Some((path, options)) => (path, format!("?{options}")),
            None => (store.expose(), String::new()),
        };
        let chance = RandomState::new().build_hasher().finish();
        let trial = format!("{path}.conformance-{chance:016x}");
        let file = trial.trim_start_matches("sqlite:").trim_start_matches("//");
        let file = percent_decode_str(file).decode_utf8_lossy().into_owned();
        let place = Arc::new(Place(Some(PathBuf::from(file))));
        Ok(Self {
            shown,
            url: StoreUrl::parse(&format!("{trial}{options}"))?,
            place,
        })
    }
}

#[async_trait::async_trait]
impl Harness for Trial {
    fn name(&self) -> String {
        self.shown.clone()
    }

    async fn client(&self) -> Result<Arc<dyn LeaseStore>, BoxError> {
        Ok(election::connect(self.url.expose()).await?)
    }
}

/// A file of the trial's own, removed with everything SQLite put beside it.
struct Place(Option<PathBuf>);

impl Drop for Place {
    fn drop(&mut self) {
        let Some(file) = &self.0 else { return };
        for suffix in ["", "-wal", "-shm"] {
            let mut path = file.clone().into_os_string();
            path.push(suffix);
            // What was never made need not be removed.
            let _ = fs::remove_file(path);
        }
    }
}
