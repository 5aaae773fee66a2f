//! What a stranger reads when a store is wrong, word for word.
//!
//! After a change of wording: `UPDATE_EXPECTED=1 cargo test -p election-conformance --test
//! wrong_store`, then read the difference.

use std::{env, fs};

#[path = "../examples/wrong_store.rs"]
#[allow(
    dead_code,
    reason = "the example is a program; only its report is wanted here"
)]
mod wrong_store;

#[tokio::test]
async fn a_wrong_store_is_told_what_is_wrong_with_it() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/wrong_store.txt");
    let report = wrong_store::judged().await;
    if env::var_os("UPDATE_EXPECTED").is_some() {
        fs::write(path, &report).unwrap();
    }
    let expected = fs::read_to_string(path).unwrap();
    assert_eq!(report, expected, "compare with tests/wrong_store.txt");
}
