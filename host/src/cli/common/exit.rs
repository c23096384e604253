//! Which exit code an error has.

use crate::run::Incomplete;
use crate::run::folder::FolderRefused;
use crate::support::refused::Refused;
use crate::support::stop::{STOPPED, Stopped};

/// The exit code of an error in the work: 2 where the request turned out to be wrong, 75
/// (EX_TEMPFAIL) where the same command goes on later, else 1.
pub fn exit_code(error: &anyhow::Error) -> u8 {
    if error.is::<Refused>() || error.is::<FolderRefused>() {
        2
    } else if error.is::<Stopped>() || Incomplete::of(error).is_some() {
        STOPPED
    } else {
        1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::StoredConfig;
    use crate::run::RunFolder;
    use std::collections::BTreeMap;

    /// As it happens when another process comes between the check and the work.
    #[test]
    fn a_folder_that_is_refused_when_it_is_taken_is_a_wrong_request_with_a_remedy() {
        let dir = tempfile::tempdir().unwrap();
        let config = |seed| StoredConfig::new("validate", &BTreeMap::from([("seed", seed)]));
        let refused = |name: &str, seed| {
            let path = dir.path().join(name);
            let error = RunFolder::open(&path, &config(seed).unwrap(), false).unwrap_err();
            (exit_code(&error), format!("{error:#}"))
        };

        std::fs::create_dir(dir.path().join("mine")).unwrap();
        std::fs::write(dir.path().join("mine/thesis.tex"), "x").unwrap();
        let (code, message) = refused("mine", 1);
        assert_eq!(code, 2);
        assert!(
            message.contains("give an `out` that is not there yet"),
            "{message}"
        );

        let run = RunFolder::open(&dir.path().join("r"), &config(1).unwrap(), false).unwrap();
        run.write("a.csv", "1").unwrap();
        drop(run);
        let (code, message) = refused("r", 2);
        assert_eq!(code, 2);
        assert!(
            message.contains("other settings; give another `out`")
                && message.contains("seed: 1 there, 2 wanted"),
            "{message}"
        );
    }
}
