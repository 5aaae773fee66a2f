//! A look at the server when the store is opened: what is wrong, and what is risky.

use std::fmt;

use crate::error::Failure;

/// Something about the server that makes its leases less reliable than they could be.
///
/// Its text is one sentence: what it is, what follows from it, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// The user may not ask, so nothing is known.
    NotChecked,
    /// It is a replica: nothing can be granted there.
    Replica,
    /// It may throw leases away to make room.
    Eviction {
        /// The policy it does so by.
        policy: String,
    },
    /// It writes no log: what it has granted may be forgotten in a restart.
    NoLog,
    /// Its replicas may miss a grant, and nobody waits for them.
    ReplicasMayLag {
        /// How many are connected.
        replicas: u32,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotChecked => f.write_str(
                "the Redis server was not checked, since this user may not run INFO: allow it, or \
                 make sure that nothing is evicted (maxmemory-policy noeviction) and that it keeps \
                 a log (appendonly yes)",
            ),
            Self::Replica => f.write_str(
                "the Redis server is a replica, which grants no lease: connect to its master",
            ),
            Self::Eviction { policy } => write!(
                f,
                "the Redis server evicts keys when its memory is full ({policy}), and leases first \
                 of all: set maxmemory-policy noeviction"
            ),
            Self::NoLog => f.write_str(
                "the Redis server keeps no log and may forget a lease when it restarts, so that two \
                 lead for up to one ttl: set appendonly yes, or restart_grace=true in the store URL",
            ),
            Self::ReplicasMayLag { replicas } => write!(
                f,
                "the Redis server has {replicas} replicas and nobody waits for them, so that a \
                 fail-over may forget a lease: set min_replica_acks={replicas} in the store URL"
            ),
        }
    }
}

/// What is asked of the server besides, which makes some risks none.
pub(crate) struct Precautions {
    pub(crate) restart_grace: bool,
    pub(crate) min_replica_acks: u32,
}

/// Reads the answer to `INFO`.
///
/// Fails if no lease can be kept there at all.
pub(crate) fn examine(info: &str, precautions: &Precautions) -> Result<Vec<Warning>, Failure> {
    let field = |name: &str| {
        info.lines()
            .filter_map(|line| line.trim_end().split_once(':'))
            .find_map(|(key, value)| (key == name).then_some(value))
    };
    let version = field("redis_version").unwrap_or_default();
    let major = version.split('.').next().and_then(|n| n.parse().ok());
    if major.is_some_and(|major: u32| major < 5) {
        return Err(Failure::fatal(format!(
            "the Redis server has version {version}, and leases need 5 or newer: upgrade it"
        )));
    }
    match field("redis_mode").or_else(|| field("server_mode")) {
        Some("sentinel") => {
            return Err(Failure::fatal(
                "this is a Redis Sentinel, which keeps no data and is not supported yet: give the \
                 address of the master it watches",
            ));
        }
        Some("cluster") => {
            return Err(Failure::fatal(
                "this server is part of a Redis Cluster, which is not supported yet: give the \
                 address of a single master",
            ));
        }
        _ => {}
    }
    let mut warnings = Vec::new();
    if field("role") == Some("slave") {
        warnings.push(Warning::Replica);
    }
    let policy = field("maxmemory_policy").unwrap_or("noeviction");
    if field("maxmemory").unwrap_or("0") != "0" && policy != "noeviction" {
        warnings.push(Warning::Eviction {
            policy: policy.to_owned(),
        });
    }
    if field("aof_enabled") == Some("0") && !precautions.restart_grace {
        warnings.push(Warning::NoLog);
    }
    let replicas = field("connected_slaves").and_then(|n| n.parse().ok());
    if let Some(replicas @ 1..) = replicas
        && precautions.min_replica_acks < replicas
    {
        warnings.push(Warning::ReplicasMayLag { replicas });
    }
    Ok(warnings)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAREFUL: Precautions = Precautions {
        restart_grace: true,
        min_replica_acks: 2,
    };
    const CARELESS: Precautions = Precautions {
        restart_grace: false,
        min_replica_acks: 0,
    };

    fn info(fields: &[&str]) -> String {
        format!("# Server\r\n{}\r\n", fields.join("\r\n"))
    }

    #[test]
    fn a_sound_server_gives_no_cause_for_warning() {
        let sound = info(&[
            "redis_version:7.0.15",
            "redis_mode:standalone",
            "role:master",
            "connected_slaves:0",
            "maxmemory:0",
            "maxmemory_policy:allkeys-lru",
            "aof_enabled:1",
        ]);
        assert_eq!(examine(&sound, &CARELESS).unwrap(), []);
    }

    #[test]
    fn each_risk_is_named_unless_it_is_met() {
        let risky = info(&[
            "redis_version:5.0.14",
            "role:slave",
            "connected_slaves:2",
            "maxmemory:1048576",
            "maxmemory_policy:volatile-ttl",
            "aof_enabled:0",
        ]);
        let policy = "volatile-ttl".to_owned();
        let always = [Warning::Replica, Warning::Eviction { policy }];
        assert_eq!(examine(&risky, &CAREFUL).unwrap(), always);
        let met = [Warning::NoLog, Warning::ReplicasMayLag { replicas: 2 }];
        assert_eq!(
            examine(&risky, &CARELESS).unwrap(),
            [&always[..], &met].concat()
        );
    }

    #[test]
    fn a_server_that_cannot_keep_leases_is_refused() {
        for (field, word) in [
            ("redis_version:4.0.14", "5 or newer"),
            ("redis_mode:sentinel", "Sentinel"),
            ("redis_mode:cluster", "Cluster"),
        ] {
            let failure = examine(&info(&[field]), &CAREFUL).unwrap_err();
            let error = election_core::StoreError::from(failure);
            assert!(error.to_string().contains(word), "{error}");
        }
    }
}
