//! The program `elect run` is to run: looked up before anybody campaigns for it.

use std::ffi::OsString;

use crate::{
    exit::{Code, Failure},
    guard::{GuardedCommand, NotStarted},
};

/// Finds the program as the system would, so that a wrong name fails now and not when elected.
pub(crate) fn resolve(words: Vec<OsString>) -> Result<GuardedCommand, Failure> {
    let mut words = words.into_iter();
    let name = words
        .next()
        .ok_or_else(|| Failure::usage("no program is given"))?;
    if which::which(&name).is_err() {
        // A path that exists is there, but may not be run.
        let there = std::path::Path::new(&name);
        return Err(if there.components().count() > 1 && there.exists() {
            Failure::new(
                Code::NotExecutable,
                format!(
                    "the program {} cannot be executed: give it permission with chmod +x",
                    there.display()
                ),
            )
        } else {
            Failure::new(
                Code::NotFound,
                format!(
                    "the program {} was not found: check its name and PATH",
                    there.display()
                ),
            )
        });
    }
    let mut command = GuardedCommand::new(name);
    command.args = words.collect();
    Ok(command)
}

/// What the system said when the program was to be started.
pub(crate) fn refused(refusal: &NotStarted) -> Failure {
    let code = if refusal.shell_code() == 127 {
        Code::NotFound
    } else {
        Code::NotExecutable
    };
    Failure::new(code, refusal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_does_not_exist_is_told_from_one_that_cannot_be_executed() {
        let plain_file = tempfile::NamedTempFile::new().unwrap();
        let code = |name: &str| resolve(vec![name.into()]).unwrap_err().code;
        assert_eq!(code("no-such-program-anywhere"), Code::NotFound);
        assert_eq!(code("/no/such/program"), Code::NotFound);
        assert_eq!(
            code(plain_file.path().to_str().unwrap()),
            Code::NotExecutable
        );
        assert!(resolve(vec!["sh".into(), "-c".into()]).is_ok());
    }
}
