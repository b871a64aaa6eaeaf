//! Configuration files, good and bad.

use super::*;

fn load_text(text: &str, flags: Flags) -> Result<Config> {
    let dir = tempfile::tempdir().expect("a temp dir");
    let path = dir.path().join("config.toml");
    std::fs::write(&path, text).expect("written");
    load(&Flags { data: Some(dir.path().to_owned()), config: Some(path), ..flags }, &|_| None, &|_| None)
}

#[test]
fn flags_go_before_the_file_and_each_value_knows_its_origin() {
    let text = "[server]\nlisten = \"127.0.0.1:9000\"\n[pickup]\nmax_workers = 5\n";
    let c = load_text(text, Flags { listen: Some("127.0.0.1:9001".into()), ..Flags::default() }).expect("good");
    assert_eq!(c.listen.port(), 9001);
    assert_eq!(c.max_workers, 5);
    let of = |key: &str| c.origins.iter().find(|o| o.key == key).expect("told").from;
    assert_eq!(
        (of("server.listen"), of("pickup.max_workers"), of("pickup.every")),
        ("flag or environment", "config file", "default")
    );
}

#[test]
fn every_fault_is_told_with_its_field() {
    let text = "[server]\nlisten = \"nowhere\"\n[pickup]\nmax_workers = -1\nevery = \"soon\"\n[profiles.x]\nruntime = \"magic\"\n[defaults]\nprofile = \"gone\"\n";
    let Err(Error::Invalid(fields)) = load_text(text, Flags::default()) else { panic!("accepted") };
    let names: Vec<_> = fields.iter().map(|f| f.field.as_str()).collect();
    assert_eq!(names, ["server.listen", "pickup.max_workers", "pickup.every", "profiles.x.runtime", "defaults.profile"]);
}

#[test]
fn a_misspelt_key_is_refused() {
    assert!(matches!(load_text("[pickup]\nmax_worker = 1\n", Flags::default()), Err(Error::Invalid(_))));
}

#[test]
fn a_wide_bind_needs_a_reason() {
    let wide = Flags { listen: Some("0.0.0.0:8420".into()), ..Flags::default() };
    assert!(load_text("", wide.clone()).expect("parsed").check_listen().is_err());
    assert!(load_text("", Flags { insecure: true, ..wide.clone() }).expect("parsed").check_listen().is_ok());
    let proxied = "[server]\ntrusted_proxies = [\"10.0.0.1\"]\nallowed_hosts = [\"mc.example.org\"]\n";
    assert!(load_text(proxied, wide).expect("parsed").check_listen().is_ok());
    assert!(load_text("", Flags::default()).expect("parsed").check_listen().is_ok());
}

#[test]
fn without_anything_configured_the_demo_agent_works() {
    let c = load_text("", Flags::default()).expect("good");
    assert_eq!(c.default_profile(), "demo");
    c.pick(Some("demo")).expect("exists");
    assert!(c.pick(Some("nobody")).is_err());
}
