//! Which variables count, and what they make together.

use election::settings::{Layer, SCHEMA, Settings};

use super::{explained, from_environment, refusal, variables};

#[cfg(all(unix, not(target_vendor = "apple")))]
#[test]
fn the_default_store_is_a_file_in_the_users_state_directory() {
    for (pairs, url) in [
        (
            &[("HOME", "/home/ada"), ("XDG_STATE_HOME", "")],
            "sqlite:/home/ada/.local/state/elect/elections.db",
        ),
        (
            &[("HOME", "/home/ada"), ("XDG_STATE_HOME", "relative")],
            "sqlite:/home/ada/.local/state/elect/elections.db",
        ),
        (
            &[("HOME", ""), ("XDG_STATE_HOME", "/state")],
            "sqlite:/state/elect/elections.db",
        ),
    ] {
        let layer = Layer::from_environment("P", variables(pairs)).unwrap();
        // What only the environment knows is not lost below a layer that knows less.
        let settings = Settings::resolve([layer, Layer::new()]).unwrap();
        assert_eq!(settings.store.expose(), url);
    }
}

#[test]
fn without_a_home_directory_or_an_environment_the_store_must_be_given() {
    let homeless = Layer::from_environment("P", variables(&[("HOME", "")])).unwrap();
    for layer in [homeless, Layer::new()] {
        let refusal = refusal(Settings::resolve([layer]));
        assert!(refusal.contains("set the store, with --store"), "{refusal}");
    }
}

#[test]
fn an_empty_variable_counts_as_unset() {
    let names: Vec<_> = SCHEMA.iter().map(|setting| setting.variable("P")).collect();
    let mut pairs: Vec<_> = names.iter().map(|name| (&**name, "")).collect();
    pairs.extend([
        ("P_REDIS_PASSWORD", ""),
        ("P_REDIS_ADDR", ""),
        ("P_HA_ENABLED", ""),
    ]);
    let settings = from_environment(&pairs).unwrap();
    assert_eq!(settings.timing, Default::default());
    assert_eq!(settings.store.scheme(), "sqlite");
}

#[test]
fn variables_of_other_prefixes_and_other_programs_are_left_alone() {
    let settings = from_environment(&[
        ("ELECT_ID", "other"),
        ("P_HTTP_PORT", "8080"),
        ("P_ELECTION", "x"),
        ("P_FENCING_TOKEN", "7"),
    ]);
    assert_ne!(settings.unwrap().id.as_str(), "other");
}

const A_DATABASE: &str = "host=postgres port=5432 user=grimnir password=secret dbname=grimnir";

#[test]
fn the_variables_of_programs_with_their_own_redis_election_go_on_working() {
    for (pairs, store) in [
        (
            &[
                ("P_REDIS_ADDR", "redis:6379"),
                ("P_REDIS_PASSWORD", "p@ss/w:rd"),
                ("P_REDIS_DB", "2"),
            ][..],
            "redis://:p%40ss%2Fw%3Ard@redis:6379/2",
        ),
        (&[("P_REDIS_ADDR", "[::1]:6379")], "redis://[::1]:6379/0"),
        (
            &[("P_REDIS_URL", "redis://redis:6379/1")],
            "redis://redis:6379/1",
        ),
        (
            &[
                ("P_REDIS_URL", "redis://redis:6379/0"),
                ("P_REDIS_ADDR", "redis:6379"),
            ],
            "redis://redis:6379/0",
        ),
        (
            &[("P_DB_BACKEND", "postgres"), ("P_DB_DSN", A_DATABASE)],
            A_DATABASE,
        ),
        // The data is in Postgres, the election in Redis.
        (
            &[
                ("P_REDIS_ADDR", "redis:6379"),
                ("P_DB_BACKEND", "postgres"),
                ("P_DB_DSN", A_DATABASE),
            ],
            "redis://redis:6379/0",
        ),
        // Naming the store overrules the connections the program has for other reasons.
        (
            &[
                ("P_STORE", "etcd://etcd:2379"),
                ("P_REDIS_ADDR", "redis:6379"),
                ("P_DB_BACKEND", "postgres"),
                ("P_DB_DSN", A_DATABASE),
            ],
            "etcd://etcd:2379",
        ),
        (
            &[
                ("P_STORE", "memory:"),
                ("P_REDIS_PASSWORD", "x"),
                ("P_REDIS_ADDR", "no url@"),
            ],
            "memory:",
        ),
        // No database an election could be held in.
        (
            &[
                ("P_DB_BACKEND", "mysql"),
                ("P_DB_DSN", "u:p@tcp(db)/x"),
                ("P_STORE", "memory:"),
            ],
            "memory:",
        ),
    ] {
        let settings = from_environment(pairs).unwrap();
        assert_eq!(settings.store.expose(), store);
    }
    for (name, value, key, line) in [
        (
            "P_LEADER_ELECTION_ENABLED",
            "false",
            "enabled",
            "enabled false",
        ),
        ("P_HA_ENABLED", "0", "enabled", "enabled false"),
        ("P_INSTANCE_ID", "instance-1", "id", "id instance-1"),
        (
            "P_LEADER_LEASE_DURATION",
            "30s",
            "lease_duration",
            "lease_duration 30s",
        ),
        (
            "P_HA_LOCK_TTL_MS",
            "10000",
            "lease_duration",
            "lease_duration 10s",
        ),
        (
            "P_HA_RENEW_INTERVAL_MS",
            "3000",
            "renew_interval",
            "renew_interval 3s",
        ),
    ] {
        let settings = from_environment(&[(name, value)]).unwrap();
        let line = format!("{line} environment variable {name}");
        assert_eq!(explained(&settings, key), line);
    }
}

#[test]
fn two_names_of_one_setting_may_agree_but_not_differ() {
    for (one, two, other) in [
        (("P_ID", "a"), ("P_INSTANCE_ID", "a"), "b"),
        (("P_ENABLED", "true"), ("P_HA_ENABLED", "yes"), "no"),
        (
            ("P_HA_ENABLED", "off"),
            ("P_LEADER_ELECTION_ENABLED", "0"),
            "1",
        ),
        (
            ("P_LEASE_DURATION", "10s"),
            ("P_HA_LOCK_TTL_MS", "10000"),
            "9000",
        ),
        (("P_REDIS_URL", "redis://r/0"), ("P_REDIS_ADDR", "r"), "q"),
    ] {
        from_environment(&[one, two]).unwrap();
        let refusal = refusal(from_environment(&[one, (two.0, other)]));
        for name in [one.0, two.0, "contradict each other: remove one"] {
            assert!(refusal.contains(name), "{refusal}");
        }
    }
}
