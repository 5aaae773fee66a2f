//! The causes behind the errors of server and network, what each means, and the sentence for it.

use election_core::StoreErrorKind::{self, Fatal, Indeterminate, Unavailable};
use redis::{ErrorKind, RedisError, ServerErrorKind};

use self::Fate::{Dropped, Kept};
use crate::error::Stage;

/// What becomes of the connection that an error came by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is as good as ever.
    Kept,
    /// It is dead, or leads to a server that is no longer the right one.
    Dropped,
}

/// What becomes of the connection after this error.
pub(crate) fn fate(error: &RedisError) -> Fate {
    Trouble::of(error, Stage::Asked).verdict(Stage::Asked).1
}

/// Whether the server has not seen this script yet.
pub(crate) fn is_unknown_script(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
}

/// The causes that are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    Network,
    Protocol,
    Login,
    Permission,
    Setup,
    WrongType,
    Replica,
    Loading,
    TooFewReplicas,
    Disk,
    Memory,
    Busy,
    TooManyClients,
    Cluster,
    ClusterDown,
    TokensUsedUp,
    Refused,
    Unknown,
}

impl Trouble {
    pub(crate) fn of(error: &RedisError, stage: Stage) -> Self {
        match error.kind() {
            ErrorKind::Io => Self::Network,
            ErrorKind::AuthenticationFailed => Self::Login,
            ErrorKind::InvalidClientConfig => Self::Setup,
            ErrorKind::Parse | ErrorKind::UnexpectedReturnType => Self::Protocol,
            _ => match error.code() {
                // A refused SELECT comes without the server's own words for it.
                Some("ERR") if stage == Stage::Connecting && is_refused_select(error) => {
                    Self::Setup
                }
                Some(code) => Self::of_answer(code, error.detail().unwrap_or_default()),
                None => Self::Unknown,
            },
        }
    }

    /// The cause behind an error the server sent.
    ///
    /// Before Redis 7 an error raised inside a script arrives as an ERR that quotes it.
    fn of_answer(code: &str, detail: &str) -> Self {
        match code {
            "NOAUTH" | "WRONGPASS" => Self::Login,
            "NOPERM" => Self::Permission,
            "DENIED" => Self::Setup,
            "WRONGTYPE" => Self::WrongType,
            "READONLY" => Self::Replica,
            "LOADING" | "MASTERDOWN" => Self::Loading,
            "NOREPLICAS" => Self::TooFewReplicas,
            "MISCONF" => Self::Disk,
            "OOM" => Self::Memory,
            "BUSY" => Self::Busy,
            "MOVED" | "ASK" | "CROSSSLOT" => Self::Cluster,
            "CLUSTERDOWN" | "TRYAGAIN" => Self::ClusterDown,
            "TOKENRANGE" => Self::TokensUsedUp,
            "ERR" => Self::of_generic_answer(detail),
            _ => Self::Unknown,
        }
    }

    fn of_generic_answer(detail: &str) -> Self {
        const QUOTED: &[(&str, &str)] = &[
            ("-NOPERM ", "NOPERM"),
            ("-WRONGTYPE ", "WRONGTYPE"),
            ("-READONLY ", "READONLY"),
            ("-NOREPLICAS ", "NOREPLICAS"),
            ("-MISCONF ", "MISCONF"),
            ("-OOM ", "OOM"),
            ("-TOKENRANGE ", "TOKENRANGE"),
        ];
        // The first is Valkey's way to say it, the others are Redis's.
        const PERMISSION: &[&str] = &[
            "ACL failure in script",
            "can't run this command",
            "can't access at least one",
        ];
        let quoted = QUOTED.iter().find(|(mark, _)| detail.contains(mark));
        match quoted {
            Some((_, code)) => Self::of_answer(code, ""),
            None if PERMISSION.iter().any(|mark| detail.contains(mark)) => Self::Permission,
            None if detail.contains("unauthenticated") => Self::Login,
            None if detail.contains("max number of clients") => Self::TooManyClients,
            None if detail.contains("Script killed by user") => Self::Busy,
            None => Self::Refused,
        }
    }

    /// The table: what each cause means, and what becomes of the connection.
    pub(crate) fn verdict(self, stage: Stage) -> (StoreErrorKind, Fate) {
        match (self, stage) {
            (Self::Network | Self::Unknown, Stage::Connecting) => (Unavailable, Dropped),
            (Self::Network | Self::Protocol | Self::Unknown, Stage::Asked) => {
                (Indeterminate, Dropped)
            }
            (Self::Protocol, Stage::Connecting) => (Fatal, Dropped),
            (Self::Login | Self::Setup, _) => (Fatal, Dropped),
            // The wrong server, or the right one at the wrong time: it may be another by now.
            (Self::Replica | Self::Loading | Self::TooFewReplicas, _) => (Unavailable, Dropped),
            (Self::TooManyClients, _) => (Unavailable, Dropped),
            (Self::Disk | Self::Memory | Self::Busy | Self::ClusterDown, _) => (Unavailable, Kept),
            (Self::Permission | Self::WrongType | Self::Cluster, _) => (Fatal, Kept),
            (Self::TokensUsedUp | Self::Refused, _) => (Fatal, Kept),
        }
    }

    /// The cause, then the next step.
    pub(crate) fn sentence(self, error: &RedisError, stage: Stage, server: &str) -> String {
        let next = match self {
            Self::Network if stage == Stage::Connecting => {
                return format!(
                    "Redis at {server} cannot be reached ({error}): check that it runs, and the \
                     host and port"
                );
            }
            Self::Network => {
                "broke the connection before it answered, so the request may have been carried out: \
                 look at its log and the network"
            }
            Self::Protocol => {
                "answers in a way this version does not understand: check that it is Redis, and \
                 that nothing between here and there changes what it says"
            }
            Self::Login => {
                "refuses the login: check user and password, and that the user is switched on"
            }
            Self::Permission => {
                "does not allow this user what is needed: give it the commands, keys and channels \
                 that the documentation of this store lists"
            }
            Self::Setup => "refuses the connection: check the database number and its settings",
            Self::WrongType => {
                "holds something else than a leader under this election's name: delete that key, \
                 or rename the election"
            }
            Self::Replica => "is a replica and cannot be written to: connect to its master",
            Self::Loading => "is not ready yet: it loads its data, or has no master",
            Self::TooFewReplicas => {
                "has too few replicas in reach to accept a write (min-replicas-to-write): bring \
                 them back"
            }
            Self::Disk => "cannot save its data and accepts no write: look at its log and its disk",
            Self::Memory => {
                "has no memory left (maxmemory) and grants no lease: free some or raise the limit"
            }
            Self::Busy => "is busy with another script, which `SCRIPT KILL` would end",
            Self::TooManyClients => "has too many clients: raise maxclients",
            Self::Cluster => {
                "is part of a Redis Cluster, which is not supported yet: use a single master"
            }
            Self::ClusterDown => "is part of a Redis Cluster that is down: look at its log",
            Self::TokensUsedUp => {
                "has used up the fencing tokens of this election, which end at 2^53 - 1: choose \
                 another name for it"
            }
            Self::Refused => "refuses the request: check its version (5 or newer) and its settings",
            Self::Unknown => "gives an answer nobody expected: look at its log",
        };
        match (self, error.code(), error.detail()) {
            (Self::Network | Self::Protocol | Self::Login | Self::TokensUsedUp, ..) => {
                format!("Redis at {server} {next}")
            }
            (_, Some(code), Some(detail)) => {
                format!("Redis at {server} {next} (it says: {code} {detail})")
            }
            _ => format!("Redis at {server} {next}"),
        }
    }
}

fn is_refused_select(error: &RedisError) -> bool {
    error.to_string().contains("switch database")
}

#[cfg(test)]
mod tests {
    use std::io;

    use election_core::StoreError;

    use super::*;
    use crate::error::Failure;

    fn says(code: &str, detail: &str) -> RedisError {
        // As it comes off the wire.
        let line = format!("-{code} {detail}\r\n");
        match redis::parse_redis_value(line.as_bytes()) {
            Ok(redis::Value::ServerError(error)) => error.into(),
            other => panic!("{other:?}"),
        }
    }

    const WRAPPED: &str = "Error running script (call to f_0): @user_script:21: ";

    #[test]
    fn every_answer_of_the_server_has_its_kind_and_its_connection_its_fate() {
        let wrapped = |text: &str| says("ERR", &format!("{WRAPPED}{text}"));
        for (error, kind, fate_of_connection, word) in [
            (
                says("NOAUTH", "Authentication required."),
                Fatal,
                Dropped,
                "login",
            ),
            (says("WRONGPASS", "invalid"), Fatal, Dropped, "login"),
            (
                says("ERR", "Protocol error: unauthenticated multibulk length"),
                Fatal,
                Dropped,
                "login",
            ),
            (
                says("NOPERM", "no permissions to run 'evalsha'"),
                Fatal,
                Kept,
                "allow",
            ),
            (
                says(
                    "ERR",
                    "The user executing the script can't run this command",
                ),
                Fatal,
                Kept,
                "allow",
            ),
            (
                says("ERR", "The user can't access at least one of the keys"),
                Fatal,
                Kept,
                "allow",
            ),
            (
                says("ERR", "ACL failure in script: User app has no permissions"),
                Fatal,
                Kept,
                "allow",
            ),
            (wrapped("-NOPERM x"), Fatal, Kept, "allow"),
            (says("DENIED", "protected mode"), Fatal, Dropped, "settings"),
            (
                says("WRONGTYPE", "Operation against"),
                Fatal,
                Kept,
                "rename",
            ),
            (wrapped("-WRONGTYPE Operation"), Fatal, Kept, "rename"),
            (
                says("READONLY", "You can't write"),
                Unavailable,
                Dropped,
                "replica",
            ),
            (
                wrapped("-READONLY You can't write"),
                Unavailable,
                Dropped,
                "replica",
            ),
            (
                says("LOADING", "Redis is loading"),
                Unavailable,
                Dropped,
                "not ready",
            ),
            (
                says("MASTERDOWN", "Link with MASTER"),
                Unavailable,
                Dropped,
                "not ready",
            ),
            (
                says("NOREPLICAS", "Not enough good"),
                Unavailable,
                Dropped,
                "replicas",
            ),
            (
                wrapped("-NOREPLICAS Not enough"),
                Unavailable,
                Dropped,
                "replicas",
            ),
            (
                says("MISCONF", "Redis is configured"),
                Unavailable,
                Kept,
                "disk",
            ),
            (wrapped("-MISCONF Redis is"), Unavailable, Kept, "disk"),
            (
                says("OOM", "command not allowed"),
                Unavailable,
                Kept,
                "memory",
            ),
            (
                wrapped("-OOM command not allowed"),
                Unavailable,
                Kept,
                "memory",
            ),
            (
                says("BUSY", "Redis is busy"),
                Unavailable,
                Kept,
                "SCRIPT KILL",
            ),
            (
                wrapped("Script killed by user with SCRIPT KILL..."),
                Unavailable,
                Kept,
                "SCRIPT KILL",
            ),
            (
                says("ERR", "max number of clients reached"),
                Unavailable,
                Dropped,
                "maxclients",
            ),
            (says("MOVED", "7059 10.0.0.1:6379"), Fatal, Kept, "Cluster"),
            (says("CROSSSLOT", "Keys in request"), Fatal, Kept, "Cluster"),
            (
                says("CLUSTERDOWN", "Hash slot not served"),
                Unavailable,
                Kept,
                "Cluster",
            ),
            (says("TOKENRANGE", "used up"), Fatal, Kept, "used up"),
            (wrapped("-TOKENRANGE used up"), Fatal, Kept, "used up"),
            (
                says("ERR", "unknown command `EVALSHA`"),
                Fatal,
                Kept,
                "version",
            ),
            (
                says("SURPRISE", "of a proxy"),
                Indeterminate,
                Dropped,
                "nobody expected",
            ),
        ] {
            let shown = error.to_string();
            assert_eq!(fate(&error), fate_of_connection, "{shown}");
            let error = StoreError::from(Failure::from_redis(error, Stage::Asked, "h:1"));
            assert_eq!(error.kind(), kind, "{shown}");
            let sentence = error.to_string();
            assert!(
                sentence.contains(word) && sentence.contains("h:1"),
                "{shown}: {sentence}"
            );
        }
    }

    #[test]
    fn a_broken_connection_leaves_doubt_only_once_something_was_asked() {
        let cases = [
            (io::ErrorKind::ConnectionRefused, Unavailable, Indeterminate),
            (io::ErrorKind::TimedOut, Unavailable, Indeterminate),
            (io::ErrorKind::BrokenPipe, Unavailable, Indeterminate),
            (io::ErrorKind::UnexpectedEof, Unavailable, Indeterminate),
        ];
        for (cause, connecting, asked) in cases {
            for (stage, kind) in [(Stage::Connecting, connecting), (Stage::Asked, asked)] {
                let error = RedisError::from(io::Error::from(cause));
                assert_eq!(fate(&error), Dropped);
                let failure = Failure::from_redis(error, stage, "h:1");
                assert_eq!(failure.kind(), kind, "{cause} while {stage:?}");
            }
        }
    }
}
