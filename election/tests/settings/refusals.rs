//! What a person reads who made a mistake.

use std::{ffi::OsString, fs};

use election::settings::{Layer, Settings};

use super::{from_environment, from_toml, refusal, variables};

#[test]
fn a_value_that_cannot_be_used_is_refused_with_its_place_and_the_way_out() {
    for (name, value, problem) in [
        ("P_LEASE_DURATION", "15", "15s or 500ms"),
        ("P_RENEW_INTERVAL", "soon", "15s or 500ms"),
        ("P_REQUEST_LIMIT", "500000000000years", "at most 24h"),
        ("P_ENABLED", "maybe", "write true or false"),
        ("P_HA_ENABLED", "2", "write true or false"),
        ("P_METADATA", "[1]", "not a JSON object"),
        ("P_STORE", "cache:6379", "no // after its scheme"),
        ("P_HA_LOCK_TTL_MS", "10s", "whole number of milliseconds"),
        ("P_REDIS_ADDR", "redis://r:6379", "P_REDIS_URL"),
        ("P_REDIS_PASSWORD", "x", "set that too, or set P_STORE"),
        ("P_REDIS_DB", "0", "means nothing without P_REDIS_ADDR"),
        ("P_DB_BACKEND", "postgres", "means nothing without P_DB_DSN"),
        ("P_STORE_FILE", "memory:", "is a URL, not a file"),
        (
            "P_STORE_FILE",
            "/nowhere/at/all",
            "/nowhere/at/all cannot be read",
        ),
    ] {
        let refusal = refusal(from_environment(&[(name, value)]));
        assert!(refusal.starts_with(&format!("{name}: ")), "{refusal}");
        assert!(refusal.contains(problem), "{refusal}");
    }
    let number = [("P_REDIS_ADDR", "r:6379"), ("P_REDIS_DB", "first")];
    let refused = refusal(from_environment(&number));
    assert!(refused.starts_with("P_REDIS_DB: "), "{refused}");

    for (text, place, problem) in [
        (
            "\nleese = 1",
            "line 2, leese",
            "use one of store, store_file, id",
        ),
        ("lease_duration = 15", "line 1, lease_duration", "\"15s\""),
        ("id = 7", "line 1, id", "put its value in quotes"),
        ("id = \"\"", "line 1, id", "1 to 255 bytes"),
        ("enabled = 1", "line 1, enabled", "neither true nor false"),
        ("metadata = 1", "line 1, metadata", "not a table"),
        ("store = \"\"", "line 1, store", "is empty"),
        ("advertise = \" \"", "line 1, advertise", "is empty"),
        ("\n\nid = ", "line 3", "not valid TOML"),
        ("id = \"a\"\nid = \"b\"", "line 2", "not valid TOML"),
    ] {
        let refusal = refusal(from_toml(text));
        let place = format!("TOML text, {place}: ");
        assert!(refusal.starts_with(&place), "{refusal}");
        assert!(refusal.contains(problem), "{refusal}");
    }

    let flag = Layer::from_flags([("lease", "15s")]).unwrap_err();
    assert!(
        flag.to_string().starts_with("--lease: there is no such"),
        "{flag}"
    );
    let flag = Layer::from_flags([("lease-duration", "15")]).unwrap_err();
    assert!(
        flag.to_string().starts_with("--lease-duration: is not"),
        "{flag}"
    );
    for prefix in ["", "A-B", "Ä"] {
        let refusal = Layer::from_environment(prefix, []).unwrap_err();
        assert!(refusal.to_string().contains("such as ELECT"), "{refusal}");
    }
}

#[test]
fn durations_that_cannot_work_together_are_refused_with_all_their_places() {
    let refusal = refusal(Settings::resolve([
        Layer::from_toml_str("store = 'memory:'\nrenew_interval = '5s'").unwrap(),
        Layer::from_environment("P", variables(&[("P_LEASE_DURATION", "5s")])).unwrap(),
    ]));
    for part in [
        "the renew interval 5s is not shorter than the lease duration 5s: shorten it",
        "P_LEASE_DURATION; TOML text, line 2, renew_interval",
    ] {
        assert!(refusal.contains(part), "{refusal}");
    }
}

#[cfg(unix)]
#[test]
fn a_value_that_is_not_utf8_is_refused_unless_it_is_none_of_ours() {
    use std::os::unix::ffi::OsStringExt;

    let broken = || OsString::from_vec(vec![b'a', 0xff]);
    let ours = Layer::from_environment("P", [("P_ID".into(), broken())]).unwrap_err();
    assert_eq!(
        ours.to_string(),
        "P_ID: is not UTF-8 text: write it in UTF-8"
    );
    let flag = Layer::from_flags([("id", broken())]).unwrap_err();
    assert_eq!(
        flag.to_string(),
        "--id: is not UTF-8 text: write it in UTF-8"
    );
    Layer::from_environment("P", [("OTHER".into(), broken()), (broken(), "x".into())]).unwrap();
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("elect.toml");
    let missing = Layer::from_toml_file(&path).unwrap_err().to_string();
    assert!(missing.starts_with(path.to_str().unwrap()), "{missing}");
    assert!(missing.contains("cannot be read"), "{missing}");
    fs::write(&path, "id = 'a'\nlease = 1").unwrap();
    let unknown = Layer::from_toml_file(&path).unwrap_err().to_string();
    let place = format!("{}, line 2, lease: ", path.display());
    assert!(unknown.starts_with(&place), "{unknown}");
}
