//! The command line: what can be said, and nothing of what it does.

use std::{ffi::OsString, path::PathBuf, sync::Arc};

use clap::{
    Arg, ArgMatches, Args, FromArgMatches, Parser, Subcommand, ValueEnum,
    builder::OsStringValueParser,
};
use election::{
    ElectionName, LeaseStore,
    settings::{self, ConfigError, Layer, SCHEMA, Settings},
};

use crate::{exit::Failure, restart::Restart};

/// Runs a program only while it leads.
///
/// Several copies of `elect run NAME` on one store run their program one at a time: the leader's
/// runs, and another takes over when that one dies, is stopped or loses its lease.
#[derive(Debug, Parser)]
#[command(
    name = "elect",
    version,
    arg_required_else_help = true,
    max_term_width = 100
)]
#[command(after_help = crate::exit::HELP)]
pub(crate) struct Elect {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Campaign, and run a program only while leading.
    Run(Run),
    /// Show three copies compete, the leader die, and another take over.
    Demo(Demo),
    /// Tell who leads.
    Status(Status),
    /// Tell every change of leader, without taking part.
    Observe(Observe),
    /// Hold a store to the contract, in a place of its own that is removed again.
    Conformance(Conformance),
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) election: Election,
    /// What to do when the program has ended by itself [env: ELECT_RESTART=] [default: always]
    #[arg(long, value_enum, value_name = "WHEN")]
    restart: Option<Restart>,
    #[command(flatten)]
    pub(crate) sources: Sources,
    /// The program and its arguments.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}

impl Run {
    /// The flag, else the environment, else the default.
    pub(crate) fn restart(&self) -> Result<Restart, Failure> {
        if let Some(restart) = self.restart {
            return Ok(restart);
        }
        let Some((variable, value)) = self.sources.variable("RESTART") else {
            return Ok(Restart::default());
        };
        let known = value
            .to_str()
            .and_then(|value| Restart::from_str(value, true).ok());
        known.ok_or_else(|| {
            Failure::usage(format!(
                "{variable} must be one of always, on-failure, never"
            ))
        })
    }
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// How long a lease of the demonstration lasts.
    #[arg(long, default_value = "2s", value_name = "DURATION", value_parser = humantime::parse_duration)]
    pub(crate) lease_duration: std::time::Duration,
}

#[derive(Debug, Args)]
pub(crate) struct Status {
    #[command(flatten)]
    pub(crate) election: Election,
    /// Go on, and tell again whenever something changes.
    #[arg(long)]
    pub(crate) watch: bool,
    #[command(flatten)]
    pub(crate) form: Form,
    #[command(flatten)]
    pub(crate) sources: Sources,
}

#[derive(Debug, Args)]
pub(crate) struct Observe {
    #[command(flatten)]
    pub(crate) election: Election,
    #[command(flatten)]
    pub(crate) form: Form,
    #[command(flatten)]
    pub(crate) sources: Sources,
}

#[derive(Debug, Args)]
pub(crate) struct Conformance {
    /// Checks by id or by part of their names; all of them if none is given.
    #[arg(value_name = "CHECK")]
    pub(crate) checks: Vec<String>,
    /// Write the report as JUnit XML, too.
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) form: Form,
    #[command(flatten)]
    pub(crate) sources: Sources,
}

/// Which election it is about.
#[derive(Debug, Args)]
pub(crate) struct Election {
    /// The election: any text of 1 to 255 bytes.
    #[arg(value_name = "NAME")]
    name: OsString,
}

impl Election {
    pub(crate) fn name(&self) -> Result<ElectionName, Failure> {
        let name = self.name.to_str().ok_or_else(|| {
            Failure::usage(
                "the election name is not UTF-8 text: give it 1 to 255 bytes of UTF-8 text",
            )
        })?;
        ElectionName::new(name).map_err(Failure::usage)
    }
}

/// For people or for programs.
#[derive(Debug, Args)]
pub(crate) struct Form {
    /// Print JSON, one document per line.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Where settings come from: file, environment, flags, each overruling the one before.
#[derive(Debug)]
pub(crate) struct Sources {
    file: Option<PathBuf>,
    prefix: String,
    flags: Vec<(String, OsString)>,
}

impl Sources {
    pub(crate) fn settings(&self) -> Result<Settings, ConfigError> {
        let file = match &self.file {
            Some(path) => Layer::from_toml_file(path)?,
            None => Layer::new(),
        };
        let environment = Layer::from_environment(&self.prefix, settings::process_environment())?;
        Settings::resolve([
            file,
            environment,
            Layer::from_flags(self.flags.iter().cloned())?,
        ])
    }

    /// The settings, and the store they name.
    pub(crate) async fn connect(&self) -> Result<(Settings, Arc<dyn LeaseStore>), Failure> {
        let settings = self.settings()?;
        if settings.store.scheme() == "memory" {
            return Err(Failure::usage(
                "the store memory: is known to one process alone, so every copy would lead: name \
                 one they share, as in --store sqlite:/path/to/file, or say --enabled false",
            ));
        }
        let store = settings.connect().await?;
        Ok((settings, store))
    }

    /// A variable of the command line alone, with the prefix in force.
    fn variable(&self, name: &str) -> Option<(String, OsString)> {
        let variable = format!("{}_{name}", self.prefix);
        let mut environment = settings::process_environment().into_iter();
        environment
            .find(|(key, value)| *key == *variable && !value.is_empty())
            .map(|(_, value)| (variable, value))
    }
}

const CONFIG: &str = "config";
const ENV_PREFIX: &str = "env-prefix";
const SETTINGS: &str = "Settings (from --config, then the environment, then these)";

/// Built from the one list of settings, so that a setting never lacks its flag.
impl Args for Sources {
    fn augment_args(command: clap::Command) -> clap::Command {
        let command = command.next_help_heading(SETTINGS);
        let own = [
            Arg::new(CONFIG)
                .value_name("FILE")
                .env("ELECT_CONFIG")
                .value_parser(clap::value_parser!(PathBuf))
                .help("A TOML file with settings"),
            Arg::new(ENV_PREFIX)
                .value_name("PREFIX")
                .env("ELECT_ENV_PREFIX")
                .default_value(settings::DEFAULT_PREFIX)
                .help("What the names of environment variables begin with"),
        ];
        let listed = SCHEMA.iter().map(|setting| {
            let variable = setting.variable(settings::DEFAULT_PREFIX);
            let help = format!(
                "{} [env: {variable}] [default: {}]",
                setting.help, setting.default
            );
            // Values stay raw here: the settings check them, and never repeat a secret.
            Arg::new(setting.flag())
                .value_name(setting.value_name)
                .value_parser(OsStringValueParser::new())
                .allow_hyphen_values(true)
                .help(help)
        });
        own.into_iter().chain(listed).fold(command, |command, arg| {
            let name = arg.get_id().to_string();
            command.arg(arg.long(name))
        })
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Sources {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let flags = SCHEMA.iter().filter_map(|setting| {
            let flag = setting.flag();
            let value = matches.get_one::<OsString>(&flag)?.clone();
            Some((flag, value))
        });
        Ok(Self {
            file: matches.get_one(CONFIG).cloned(),
            prefix: matches.get_one(ENV_PREFIX).cloned().unwrap_or_default(),
            flags: flags.collect(),
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound_and_every_setting_has_its_flag() {
        let mut command = Elect::command();
        command.build();
        command.clone().debug_assert();
        let run = command.find_subcommand("run").unwrap();
        for setting in SCHEMA {
            assert!(
                run.get_arguments()
                    .any(|arg| arg.get_long() == Some(&setting.flag()))
            );
        }
    }

    #[test]
    fn everything_after_the_dashes_belongs_to_the_program() {
        let said = [
            "elect", "run", "job", "--id", "a", "--", "sh", "-c", "--id", "--help",
        ];
        let Command::Run(run) = Elect::try_parse_from(said).unwrap().command else {
            panic!()
        };
        assert_eq!(run.command, ["sh", "-c", "--id", "--help"]);
        assert_eq!(run.sources.flags, [("id".to_owned(), "a".into())]);
    }
}
