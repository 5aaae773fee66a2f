//! Secrets stay in.

use std::error::Error;

use election::settings::{ConfigError, Layer, SCHEMA, Settings, StoreUrl};

use super::{from_environment, from_toml, store_file};

/// Hostile to parsers: it has the characters that end something somewhere.
const PASSWORD: &str = "hunter2 s3cret/@'\"";
const ENCODED: &str = "hunter2%20s3cret%2F%40%27%22";

/// Both halves of the password, and the beginning of its base64 form.
const TRACES: [&str; 3] = ["hunter2", "s3cret", "aHVudGVyMi"];

/// Addresses that are accepted.
fn stores() -> [String; 5] {
    [
        format!("redis://:{ENCODED}@r:6379/0"),
        format!("redis://{ENCODED}@r"),
        format!("postgres://u:{ENCODED}@h1,h2:5433/d?sslpassword={ENCODED}&p%61ssword={ENCODED}"),
        format!("etcd://u:{ENCODED}@a:2379?token={ENCODED}"),
        "host=h password='hunter2 s3cret/@\\'\"' sslpassword = 'hunter2 s3cret' user=u".to_owned(),
    ]
}

/// What people write instead.
fn mistakes() -> [String; 10] {
    [
        format!("redis://:{PASSWORD}@r:6379/0"),
        format!("redis://:{ENCODED}@@r:6379/0"),
        format!("redis://u:{ENCODED}/0"),
        format!("redis::{ENCODED}@r"),
        format!("{ENCODED}@r:6379"),
        format!("host=h password='{PASSWORD}"),
        format!("host=h password=a {ENCODED}"),
        ENCODED.to_owned(),
        PASSWORD.to_owned(),
        "aHVudGVyMiBzM2NyZXQ=".to_owned(),
    ]
}

/// Asserts that no text that can be made of a result has a trace of the password in it.
#[track_caller]
fn assert_silent(result: &Result<Settings, ConfigError>) {
    let mut texts = Vec::new();
    match result {
        Ok(settings) => {
            texts.push(format!("{settings:?} {settings:#?} {}", settings.explain()));
            texts.push(format!("{} {:?}", settings.store, settings.store));
        }
        Err(error) => {
            let mut next: Option<&dyn Error> = Some(error);
            while let Some(error) = next {
                texts.push(format!("{error} {error:?} {error:#?}"));
                next = error.source();
            }
        }
    }
    for text in texts {
        for trace in TRACES {
            assert!(!text.contains(trace), "{text}");
        }
    }
}

#[test]
fn the_password_of_a_store_is_in_no_text_that_is_made_of_settings() {
    let directory = tempfile::tempdir().unwrap();
    for store in stores() {
        let url = StoreUrl::parse(&store).unwrap();
        let layer = Layer::new().store(url);
        let debug = format!("{layer:?} {layer:#?}");
        assert!(!TRACES.iter().any(|trace| debug.contains(trace)), "{debug}");
        let file = store_file(directory.path(), &store);
        let quoted = toml::Value::String(store.clone());
        for result in [
            Settings::resolve([layer]),
            from_environment(&[("P_STORE", &store)]),
            from_environment(&[("P_STORE_FILE", &file)]),
            from_environment(&[("P_REDIS_URL", &store)]),
            from_environment(&[("P_DB_BACKEND", "postgres"), ("P_DB_DSN", &store)]),
            from_toml(&format!("store = {quoted}")),
        ] {
            assert_eq!(result.as_ref().unwrap().store.expose(), store);
            assert_silent(&result);
        }
    }
    let address = [("P_REDIS_ADDR", "r:6379"), ("P_REDIS_PASSWORD", PASSWORD)];
    let result = from_environment(&address);
    let url = format!("redis://:{ENCODED}@r:6379/0");
    assert_eq!(result.as_ref().unwrap().store.expose(), url);
    assert_silent(&result);
}

#[test]
fn no_refusal_repeats_a_password() {
    let directory = tempfile::tempdir().unwrap();
    for store in stores().into_iter().chain(mistakes()) {
        let file = store_file(directory.path(), &store);
        for result in [
            StoreUrl::parse(&store).and_then(|url| Settings::resolve([Layer::new().store(url)])),
            from_environment(&[("P_STORE_FILE", &file)]),
            from_environment(&[("P_STORE_FILE", &file), ("P_STORE", "redis://other")]),
            from_environment(&[("P_DB_BACKEND", "postgres"), ("P_DB_DSN", &store)]),
            from_environment(&[("P_REDIS_ADDR", &store)]),
            from_environment(&[("P_REDIS_PASSWORD", &store)]),
            from_environment(&[("P_REDIS_ADDR", "r"), ("P_REDIS_DB", &store)]),
            from_environment(&[("P_DB_BACKEND", &store), ("P_REDIS_DB", &store)]),
            from_environment(&[("P_HA_LOCK_TTL_MS", &store)]),
            from_environment(&[("P_HA_ENABLED", &store)]),
        ] {
            assert_silent(&result);
        }
    }
    for store in stores() {
        assert_silent(&from_environment(&[("P_STORE_FILE", &store)]));
    }
}

#[test]
fn no_refusal_repeats_a_password_that_was_given_to_another_setting() {
    // These are shown on purpose: they name things.
    let shown = ["id", "advertise", "store_file"];
    for store in stores().into_iter().chain(mistakes()) {
        let quoted = toml::Value::String(store.clone());
        for setting in SCHEMA
            .iter()
            .filter(|setting| !shown.contains(&setting.key))
        {
            let key = setting.key;
            let flag = Layer::from_flags([(setting.flag(), &store)]);
            assert_silent(&flag.and_then(|layer| Settings::resolve([layer])));
            assert_silent(&from_environment(&[(&setting.variable("P"), &store)]));
            for value in [
                format!("{quoted}"),
                format!("[{quoted}]"),
                format!("{quoted} and more"),
                format!("{quoted}\n{key} = {quoted}"),
                format!("\"{store}"),
                store.clone(),
            ] {
                assert_silent(&from_toml(&format!("{key} = {value}")));
            }
        }
    }
}
