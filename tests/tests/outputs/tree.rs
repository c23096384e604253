//! What is in a folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Everything in a folder: files with their bytes, links with where they lead.
pub fn tree(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();

    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let (path, kind) = (entry.path(), entry.file_type().unwrap());
        if kind.is_dir() {
            all.extend(tree(&path));
            all.insert(path, b"folder".to_vec());
        } else if kind.is_symlink() {
            let to = fs::read_link(&path).unwrap();
            all.insert(path, to.to_string_lossy().into_owned().into_bytes());
        } else if kind.is_file() {
            let bytes = fs::read(&path).unwrap();
            all.insert(path, bytes);
        } else {
            all.insert(path, b"special".to_vec());
        }
    }

    all
}
