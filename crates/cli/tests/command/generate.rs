//! Generated files: man pages and completions.

use std::fs;

use crate::{house::workspace, run};

#[test]
fn the_man_pages_in_docs_are_those_of_this_program() {
    let folder = tempfile::tempdir().unwrap();
    let answer = run(&["generate", "man", folder.path().to_str().unwrap()]);
    assert!(answer.status.success(), "{}", answer.stderr);
    let mut names: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|page| page.unwrap().file_name()).collect();
    names.sort();
    assert!(names.iter().any(|name| name == "timewait-ls.1"), "{names:?}");
    for name in &names {
        let current = fs::read(folder.path().join(name)).unwrap();
        let kept = fs::read(workspace().join("docs/man").join(name)).unwrap_or_default();
        assert!(current == kept, "{} is not current: run docs/generate", name.display());
    }
}

#[test]
fn the_completions_in_docs_are_those_of_this_program() {
    for (shell, file) in [("bash", "timewait.bash"), ("zsh", "_timewait"), ("fish", "timewait.fish")] {
        let answer = run(&["generate", "completions", shell]);
        let kept = fs::read_to_string(workspace().join("docs/completions").join(file)).unwrap_or_default();
        assert!(answer.stdout == kept, "{file} is not current: run docs/generate");
        assert!(answer.stdout.contains("no-reuseaddr"), "{shell} completes options");
    }
}

#[test]
fn man_pages_that_cannot_be_written_are_an_error_with_the_folder_s_name() {
    let answer = run(&["generate", "man", "/proc/no/such/folder"]);
    assert_eq!(answer.status.code(), Some(2));
    assert!(answer.stderr.contains("cannot make the folder /proc/no/such/folder"), "{}", answer.stderr);
}
