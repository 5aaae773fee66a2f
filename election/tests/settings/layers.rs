//! How layers are read and laid over each other.

use std::{fs, time::Duration};

use election::settings::{Layer, SCHEMA, Settings};

use super::{explained, from_environment, from_toml, refusal, store_file, variables};

const EVERYTHING: &str = r#"
store = "redis://file/0"
id = "from-file"
enabled = false
lease_duration = "30s"
renew_interval = "10s"
retry_interval = "4s"
stop_grace = "1s"
request_limit = "2s"
advertise = "10.0.0.1:80"

[metadata]
region = "eu"
"#;

#[test]
fn a_file_can_give_every_setting() {
    let settings = from_toml(EVERYTHING).unwrap();
    assert_eq!(settings.store.expose(), "redis://file/0");
    assert_eq!(settings.id.as_str(), "from-file");
    assert!(!settings.enabled);
    assert_eq!(settings.timing.ttl(), Duration::from_secs(30));
    assert_eq!(settings.timing.renew_interval(), Duration::from_secs(10));
    assert_eq!(settings.timing.retry_interval(), Duration::from_secs(4));
    assert_eq!(settings.timing.stop_grace(), Duration::from_secs(1));
    assert_eq!(settings.timing.request_limit(), Duration::from_secs(2));
    assert_eq!(
        settings.metadata.as_json(),
        r#"{"address":"10.0.0.1:80","region":"eu"}"#
    );
}

#[test]
fn every_setting_can_be_given_in_every_way() {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(&file, "memory:").unwrap();
    for setting in SCHEMA {
        let value = match setting.value_name {
            "URL" => "memory:",
            "FILE" => file.path().to_str().unwrap(),
            "BOOL" => "false",
            "DURATION" if setting.key == "lease_duration" => "15s",
            "DURATION" => "2s",
            "JSON" => "{\"a\":1}",
            _ => "text",
        };
        let toml = format!("{} = '{value}'", setting.key);
        let variable = setting.variable("P");
        for (layer, origin) in [
            (Layer::from_toml_str(&toml), "TOML text, line 1".to_owned()),
            (
                Layer::from_environment("P", variables(&[(&variable, value)])),
                format!("environment variable {variable}"),
            ),
            (
                Layer::from_flags([(setting.flag(), value)]),
                format!("flag --{}", setting.flag()),
            ),
        ] {
            let base = Layer::new().store("memory:".parse().unwrap());
            let settings = Settings::resolve([base, layer.unwrap()]).unwrap();
            let line = explained(&settings, setting.key);
            assert_eq!(line, format!("{} {value} {origin}", setting.key));
        }
    }
}

#[test]
fn later_layers_overrule_earlier_ones_setting_by_setting() {
    let environment = [("P_ID", "from-environment"), ("P_LEASE_DURATION", "20s")];
    let settings = Settings::resolve([
        Layer::from_toml_str(EVERYTHING).unwrap(),
        Layer::from_environment("P", variables(&environment)).unwrap(),
        Layer::from_flags([("lease-duration", "24s")]).unwrap(),
        Layer::new().enabled(true),
    ])
    .unwrap();
    for line in [
        "store redis://file/0 TOML text, line 2",
        "id from-environment environment variable P_ID",
        "enabled true code",
        "lease_duration 24s flag --lease-duration",
        "renew_interval 10s TOML text, line 6",
    ] {
        let key = line.split(' ').next().unwrap();
        assert_eq!(explained(&settings, key), line);
    }
}

#[test]
fn what_nobody_gives_has_a_default() {
    let settings = from_environment(&[]).unwrap();
    assert!(settings.enabled);
    assert!(settings.metadata.is_empty());
    assert_eq!(settings.timing, Default::default());
    let text = settings.explain();
    assert!(
        text.contains("default: a file in the user's state directory"),
        "{text}"
    );
    assert!(text.contains("take-over after a crash"), "{text}");
    assert_eq!(explained(&settings, "enabled"), "enabled true default");
    assert_ne!(settings.id, from_environment(&[]).unwrap().id);
}

#[test]
fn intervals_follow_the_lease_duration_unless_they_are_given() {
    let settings = from_environment(&[("P_LEASE_DURATION", "30s"), ("P_RETRY_INTERVAL", "1s")]);
    let settings = settings.unwrap();
    assert_eq!(settings.timing.renew_interval(), Duration::from_secs(10));
    assert_eq!(settings.timing.retry_interval(), Duration::from_secs(1));
}

#[test]
fn an_advertised_address_replaces_the_one_in_the_metadata() {
    let settings = from_environment(&[
        ("P_METADATA", r#"{"address":"old","version":"1"}"#),
        ("P_ADVERTISE", "new:80"),
    ]);
    let metadata = settings.unwrap().metadata;
    assert_eq!(metadata.as_json(), r#"{"address":"new:80","version":"1"}"#);
}

#[test]
fn a_store_can_be_read_from_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = store_file(directory.path(), "redis://:pw@r/0 \r\n\n");
    let settings = from_environment(&[("P_STORE_FILE", &file)]).unwrap();
    assert_eq!(settings.store.expose(), "redis://:pw@r/0");
    assert_eq!(
        explained(&settings, "store"),
        "store redis://:***@r/0 environment variable P_STORE_FILE"
    );

    let file = store_file(directory.path(), "\n");
    let refusal = refusal(from_environment(&[("P_STORE_FILE", &file)]));
    assert!(refusal.contains("the store URL is empty"), "{refusal}");
}

#[test]
fn a_store_and_a_store_file_of_one_layer_may_agree_but_not_differ() {
    let directory = tempfile::tempdir().unwrap();
    let file = store_file(directory.path(), "redis://r/0\n");
    let both = |store| from_environment(&[("P_STORE", store), ("P_STORE_FILE", &file)]);
    both("redis://r/0").unwrap();
    let refusal = refusal(both("redis://r/1"));
    assert!(
        refusal.starts_with("P_STORE and P_STORE_FILE contradict each other"),
        "{refusal}"
    );
}

#[test]
fn the_last_layer_that_names_a_store_decides_in_which_way() {
    let directory = tempfile::tempdir().unwrap();
    let file = store_file(directory.path(), "redis://file/0");
    let by_file = || Layer::new().store_file(file.clone().into());
    let directly = || Layer::new().store("redis://direct/0".parse().unwrap());
    let unreadable = || Layer::new().store_file("/nowhere/at/all".into());
    for (layers, store) in [
        ([by_file(), directly()], "redis://direct/0"),
        ([directly(), by_file()], "redis://file/0"),
        ([unreadable(), directly()], "redis://direct/0"),
    ] {
        let settings = Settings::resolve(layers).unwrap();
        assert_eq!(settings.store.expose(), store);
    }
}
