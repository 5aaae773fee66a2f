//! The server programs installed on this machine.

use std::{
    env, fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use super::kind::Kind;

/// Where Debian keeps the programs of Postgres, one directory for each version.
const POSTGRES_VERSIONS: &str = "/usr/lib/postgresql";

/// The server program of this kind: on the `PATH`, or where distributions hide it.
///
/// The program of a Postgres has its `initdb` beside it.
///
/// # Errors
///
/// A sentence that names what was looked for.
pub(super) fn find(kind: Kind) -> Result<PathBuf, String> {
    let names: &[&str] = match kind {
        Kind::Redis => &["redis-server", "valkey-server"],
        Kind::Postgres => &["postgres"],
        Kind::Etcd => &["etcd"],
    };
    let directories = directories(kind);
    names
        .iter()
        .flat_map(|name| {
            directories
                .iter()
                .map(move |directory| directory.join(name))
        })
        .filter(|program| is_executable(program))
        .find_map(|program| match kind {
            // A link on the `PATH` leads to where its other programs are.
            Kind::Postgres => program
                .canonicalize()
                .ok()
                .filter(|real| is_executable(&real.with_file_name("initdb"))),
            // Redis is one program of several names: a link must be called by its own.
            Kind::Redis | Kind::Etcd => Some(program),
        })
        .ok_or_else(|| format!("no program {} is installed", names.join(" or ")))
}

fn directories(kind: Kind) -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut directories: Vec<PathBuf> = env::split_paths(&path).collect();
    if kind == Kind::Postgres {
        let mut versions: Vec<PathBuf> = fs::read_dir(POSTGRES_VERSIONS)
            .into_iter()
            .flatten()
            .filter_map(|entry| Some(entry.ok()?.path()))
            .collect();
        versions.sort_by_key(|version| std::cmp::Reverse(number(version)));
        directories.extend(versions.into_iter().map(|version| version.join("bin")));
    }
    directories
}

fn number(version: &Path) -> Option<u32> {
    version.file_name()?.to_str()?.parse().ok()
}

fn is_executable(program: &Path) -> bool {
    fs::metadata(program)
        .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}
