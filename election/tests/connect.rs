//! From a URL to a store.
#![allow(clippy::unwrap_used, clippy::expect_used)] // A test that meets the unexpected stops there.

use election::{StoreErrorKind, connect, schemes};

async fn refusal(url: &str) -> String {
    let error = connect(url).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Fatal);
    error.to_string()
}

#[tokio::test]
async fn an_unknown_scheme_is_refused_with_the_known_ones() {
    let said = refusal("gopher://host/").await;
    assert!(
        said.contains("`gopher:`") && said.contains("memory:"),
        "{said}"
    );
    assert_eq!(schemes().contains(&"sqlite:"), cfg!(feature = "sqlite"));
}

#[tokio::test]
async fn no_refusal_shows_a_password() {
    for url in [
        "carrier://:hunter2@h/",
        "hunter2",
        "host=h password=a:hunter2",
        "x://u:hunter2@h",
    ] {
        let said = refusal(url).await;
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[cfg(not(feature = "sqlite"))]
#[tokio::test]
async fn a_store_that_was_left_out_names_its_feature() {
    let said = refusal("sqlite:/tmp/a.db").await;
    assert!(said.contains("turn on the feature `sqlite`"), "{said}");
}

#[cfg(feature = "sqlite")]
#[tokio::test]
async fn a_file_and_its_settings_are_taken_from_the_url() {
    let place = tempfile::tempdir().unwrap();
    let store = connect(&format!("sqlite:{}/a.db", place.path().display()))
        .await
        .unwrap();
    assert_eq!(store.capabilities().kind, "sqlite");
    let said = refusal("sqlite:/tmp/a.db?colour=red").await;
    assert!(said.contains("colour"), "{said}");
}
