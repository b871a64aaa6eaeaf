//! Every page of the gallery is compared with its snapshot under `snapshots`. A change that is meant is accepted with
//! `make snapshots`, and read with the commit.

use crate::web::gallery::pages_tests::pages;
use crate::web::gallery::short_tests::{part, short};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Pages whose surroundings are compared too: with and without counts, with a trail.
const WITH_SHELL: &[&str] = &["home", "home-quiet", "ticket"];

/// Pages that are others with more of the same: to be looked at, not to be compared.
const ONLY_MORE: &[&str] = &["board-hard"];

/// Lines of a snapshot, so that a difference can be read.
const LONGEST: usize = 300;

/// All that is compared: its name and its short form.
fn compared() -> Vec<(String, String)> {
    let mut all = Vec::new();
    for (name, markup) in pages().into_iter().filter(|(name, _)| !ONLY_MORE.contains(name)) {
        let html = markup.into_string();
        let main = part(&html, "main");
        if WITH_SHELL.contains(&name) {
            all.push((format!("shell-of-{name}"), short(part(&html.replace(main, "<main></main>"), "body"))));
        }
        all.push((name.to_owned(), short(main)));
    }
    all
}

#[test]
fn every_page_in_every_state_is_as_it_was_accepted() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| compared().into_iter().for_each(|(name, told)| insta::assert_snapshot!(name, told)));
}

#[test]
fn a_snapshot_is_short_and_of_a_page_that_there_is() {
    let mut names = BTreeSet::new();
    for (name, told) in compared() {
        assert!(told.lines().count() <= LONGEST, "{name} has {} lines", told.lines().count());
        names.insert(format!("{name}.snap"));
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/web/gallery/snapshots");
    for file in fs::read_dir(folder).expect("the snapshots are there") {
        let file = file.expect("can be read").file_name().to_string_lossy().into_owned();
        assert!(names.contains(&file) || file.ends_with(".snap.new"), "{file} is of no page");
    }
}
