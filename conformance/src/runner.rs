//! The `main` of a backend's conformance test.

use std::{
    env, fs,
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
    sync::{Arc, Mutex, PoisonError},
};

use libtest_mimic::{Arguments, Completion, FormatSetting, Trial};
use tokio::runtime::{Handle, Runtime};

use crate::{
    check::Check,
    checks::TABLE,
    harness::{BoxError, Harness},
    report::{Report, Row, Verdict},
    suite::Suite,
};

/// Holds a store to the whole table, as a test program of Cargo's.
///
/// `start` brings the store up; it is not called for `--list`. The program takes the arguments of
/// every Rust test (a filter, `--list`, `--exact`, `--test-threads`, …) and two more:
///
/// | argument | or in the environment | what for |
/// |---|---|---|
/// | `--report-json PATH` | `ELECTION_CONFORMANCE_JSON` | writes the report as JSON |
/// | `--report-junit PATH` | `ELECTION_CONFORMANCE_JUNIT` | writes the report as JUnit XML |
///
/// A check that is not applicable is shown as ignored, and listed with its reason after the run.
pub fn main<H: Harness>(start: impl AsyncFnOnce() -> Result<H, BoxError>) -> ExitCode {
    match conduct(start) {
        Ok(code) => code,
        Err(error) => {
            let _ = writeln!(io::stderr(), "conformance: {error}");
            ExitCode::FAILURE
        }
    }
}

fn conduct<H: Harness>(
    start: impl AsyncFnOnce() -> Result<H, BoxError>,
) -> Result<ExitCode, BoxError> {
    let (mut arguments, reports) = Reports::from_arguments(env::args())?;
    if arguments.list {
        let listed = TABLE
            .iter()
            .map(|check| Trial::test(check.path(), || Ok(())));
        return Ok(libtest_mimic::run(&arguments, listed.collect()).exit_code());
    }
    let runtime = Runtime::new()?;
    let harness = runtime
        .block_on(start())
        .map_err(|error| format!("the store could not be started: {error}"))?;
    let suite = Arc::new(Suite::new(Arc::new(harness)));
    let asked = arguments.test_threads.unwrap_or(usize::MAX);
    arguments.test_threads = Some(match suite.beside() {
        1 => 1,
        beside => beside.min(asked),
    });
    let replay = replay_command();
    let found = Arc::new(Mutex::new(Vec::new()));
    let trials = TABLE
        .iter()
        .map(|check| trial(check, &suite, runtime.handle(), &found, &replay));
    let conclusion = libtest_mimic::run(&arguments, trials.collect());
    runtime.block_on(suite.finish());

    let mut rows = std::mem::take(&mut *found.lock().unwrap_or_else(PoisonError::into_inner));
    rows.sort_by_key(|row: &Row| TABLE.iter().position(|check| check.id == row.check.id));
    let report = suite.report(rows).replayed_by(replay);
    reports.write(&report)?;
    if !matches!(arguments.format, Some(FormatSetting::Json)) {
        summarize(&report)?;
    }
    // A task that hangs in a broken store must not keep the program from ending.
    runtime.shutdown_background();
    Ok(conclusion.exit_code())
}

fn trial(
    check: &'static Check,
    suite: &Arc<Suite>,
    runtime: &Handle,
    found: &Arc<Mutex<Vec<Row>>>,
    replay: &str,
) -> Trial {
    let (suite, runtime) = (Arc::clone(suite), runtime.clone());
    let (found, replay) = (Arc::clone(found), replay.to_owned());
    Trial::ignorable_test(check.path(), move || {
        let row = runtime.block_on(suite.judge(check));
        let outcome = match &row.verdict {
            Verdict::Passed => Ok(Completion::Completed),
            Verdict::NotApplicable(reason) => Ok(Completion::ignored_with(reason)),
            Verdict::Violated(_) | Verdict::Broken(_) => Err(row.told(Some(&replay)).into()),
        };
        found
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(row);
        outcome
    })
}

/// The failures stand above already; what is left to tell is what was judged and what was not.
fn summarize(report: &Report) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "store: {}", report.store)?;
    writeln!(out, "scale: {}", report.scale)?;
    for (row, reason) in report.not_applicable() {
        writeln!(
            out,
            "not applicable: {} {}: {reason}",
            row.check.id,
            row.check.sentence()
        )?;
    }
    Ok(())
}

/// The command that runs this program again; the id of a row belongs after it.
fn replay_command() -> String {
    let program = env::args().next().unwrap_or_default();
    let stem = PathBuf::from(&program)
        .file_stem()
        .and_then(|stem| stem.to_str())
        .unwrap_or_default()
        .to_owned();
    // Cargo names the program `<test>-<hash>`, and says for which package it runs it.
    match (env::var("CARGO_PKG_NAME"), stem.rsplit_once('-')) {
        (Ok(package), Some((test, _))) => format!("cargo test -p {package} --test {test} --"),
        _ => program,
    }
}

/// Where the report goes besides the terminal.
#[derive(Debug, Default, PartialEq, Eq)]
struct Reports {
    json: Option<PathBuf>,
    junit: Option<PathBuf>,
}

impl Reports {
    /// Takes our own arguments out and leaves the rest to the test harness.
    fn from_arguments(
        arguments: impl IntoIterator<Item = String>,
    ) -> Result<(Arguments, Self), BoxError> {
        let mut reports = Self {
            json: env::var_os("ELECTION_CONFORMANCE_JSON").map(PathBuf::from),
            junit: env::var_os("ELECTION_CONFORMANCE_JUNIT").map(PathBuf::from),
        };
        let mut rest = Vec::new();
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            let (name, joined) = match argument.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (argument.as_str(), None),
            };
            let place = match name {
                "--report-json" => &mut reports.json,
                "--report-junit" => &mut reports.junit,
                _ => {
                    rest.push(argument);
                    continue;
                }
            };
            let path = joined
                .or_else(|| arguments.next())
                .ok_or_else(|| format!("{name} needs a path: write {name} report.out"))?;
            *place = Some(path.into());
        }
        Ok((Arguments::from_iter(rest), reports))
    }

    fn write(&self, report: &Report) -> Result<(), BoxError> {
        let save = |path: &PathBuf, text: String| {
            fs::write(path, text)
                .map_err(|error| format!("the report {} was not written: {error}", path.display()))
        };
        if let Some(path) = &self.json {
            save(path, format!("{:#}\n", report.to_json()))?;
        }
        if let Some(path) = &self.junit {
            save(path, report.to_junit())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Result<(Arguments, Reports), BoxError> {
        Reports::from_arguments(arguments.iter().map(ToString::to_string))
    }

    #[test]
    fn report_paths_are_taken_out_of_the_arguments() {
        let (arguments, reports) = parsed(&[
            "test",
            "X01",
            "--report-json",
            "a.json",
            "--report-junit=b.xml",
        ])
        .unwrap();
        assert_eq!(arguments.filter.as_deref(), Some("X01"));
        assert_eq!(reports.json, Some("a.json".into()));
        assert_eq!(reports.junit, Some("b.xml".into()));
    }

    #[test]
    fn a_report_without_a_path_is_refused_with_a_sentence() {
        let refusal = parsed(&["test", "--report-json"]).unwrap_err().to_string();
        assert_eq!(
            refusal,
            "--report-json needs a path: write --report-json report.out"
        );
    }
}
