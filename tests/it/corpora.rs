//! What must hold for any input, held for those we know: every corpus file of the fuzz targets, and with them all that
//! fuzzing ever found (`found-…`).

#[path = "../fuzz/src/properties/mod.rs"]
mod properties;

use crate::corpora::properties::Property;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus")
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = std::fs::read_dir(dir).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    all.sort();
    all
}

/// The files of a target for which its property does not hold.
fn broken(name: &str, property: Property) -> Vec<String> {
    let mut broken = Vec::new();
    for file in files(&corpus().join(name)) {
        let data = std::fs::read(&file).expect("reads");
        if std::panic::catch_unwind(|| property(&data)).is_err() {
            broken.push(file.display().to_string());
        }
    }
    broken
}

#[test]
fn every_property_holds_for_every_file_of_its_corpus() {
    let broken: Vec<String> = properties::ALL.iter().flat_map(|(name, property)| broken(name, *property)).collect();
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn every_recorded_stream_is_an_input_as_well() {
    let streams = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/streams"));
    for file in streams.iter().filter(|f| f.extension().is_some_and(|e| e == "jsonl")) {
        let data = std::fs::read(file).expect("reads");
        for cut in [0, 1, data.len() / 2] {
            properties::stream(&data[..data.len() - cut]);
            properties::turn(&data[..data.len() - cut]);
        }
    }
}

#[test]
fn targets_corpora_and_properties_are_the_same() {
    let wanted: BTreeSet<String> = properties::ALL.iter().map(|(name, _)| (*name).to_owned()).collect();
    let names = |dir: PathBuf| -> BTreeSet<String> {
        files(&dir).iter().filter_map(|f| Some(f.file_stem()?.to_str()?.to_owned())).collect()
    };
    assert_eq!(names(corpus()), wanted);
    assert_eq!(names(corpus().with_file_name("targets")), wanted);
    for name in &wanted {
        assert!(files(&corpus().join(name)).len() >= 5, "{name} has hardly anything to begin with");
    }
    let size: u64 = wanted.iter().flat_map(|n| files(&corpus().join(n))).map(|f| f.metadata().expect("a file").len()).sum();
    assert!(size < 200_000, "the corpora weigh {size} bytes");
}

#[test]
fn the_properties_notice_what_does_not_hold() {
    let notices = |property: fn()| assert!(std::panic::catch_unwind(property).is_err());
    notices(|| properties::harmless::assert_only_prose("<div><b onerror=alert(1)>", "raw"));
    notices(|| properties::harmless::assert_only_prose("<div><a href=\"javascript:alert(1)\">", "raw"));
    notices(|| properties::plain::assert_plain("a\u{1b}[31mb", "a text"));
    notices(|| properties::plain::assert_plain("key sk-ant-REDACTED", "a text"));
    notices(|| properties::plain::assert_line("a\nb", 9, "a line"));
}
