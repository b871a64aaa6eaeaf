//! How long files are. The same figures are printed by `make sizes`.

use super::source::{is_test, read, sources};
use std::path::{Path, PathBuf};

/// The end for a source file, and for one of tests; whole files, with their tests.
const LONGEST: (usize, usize) = (450, 600);
/// Half of the files are not longer, and nine of ten.
const SOURCE: (usize, usize) = (120, 320);
const TESTS: (usize, usize) = (150, 400);

#[test]
fn no_file_is_too_long() {
    let (source, tests) = lengths();
    let long = |files: Vec<(usize, PathBuf)>, end: usize| {
        let long = files.into_iter().filter(move |(lines, _)| *lines > end);
        long.map(|(lines, path)| format!("{}: {lines}", path.display())).collect::<Vec<_>>()
    };
    let found = [long(source, LONGEST.0), long(tests, LONGEST.1)].concat();
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn most_files_are_short() {
    let (source, tests) = lengths();
    let figures = |mut files: Vec<(usize, PathBuf)>| {
        files.sort();
        (files[files.len() / 2].0, files[files.len() * 9 / 10].0)
    };
    let (source, tests) = (figures(source), figures(tests));
    for (what, found, wanted) in [("source", source, SOURCE), ("tests", tests, TESTS)] {
        let good = found.0 <= wanted.0 && found.1 <= wanted.1;
        assert!(good, "{what}: median and nine of ten {found:?}, wanted {wanted:?}");
    }
}

/// How many lines a file has.
type Length = (usize, PathBuf);

/// The lines of all source files, and of all test files: those beside the code too.
fn lengths() -> (Vec<Length>, Vec<Length>) {
    let (mut tests, source): (Vec<_>, Vec<_>) = sources().into_iter().partition(|(path, _)| is_test(path));
    tests.extend(read(Path::new("tests/it")));
    tests.extend(read(Path::new("tests/sim")));
    let count = |files: Vec<(PathBuf, String)>| files.into_iter().map(|(path, text)| (text.lines().count(), path)).collect();
    (count(source), count(tests))
}
