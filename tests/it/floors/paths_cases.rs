//! The reader of paths, with everything that a file may hold.

use super::paths::{Named, absolute, module_of, named};
use super::source::code;
use std::path::Path;

fn read(text: &str) -> Vec<String> {
    named(&code(text)).into_iter().map(|n| n.parts.join("::")).collect()
}

#[test]
fn grouped_imports_are_read_leaf_by_leaf() {
    let text = "use crate::{\n    a,\n    b::{self, c as d, e::{F, g::*}},\n    h::{*},\n};\nuse std::{fs, io};\npub(crate) use crate::z::Z;\n";
    let wanted = ["crate::a", "crate::b", "crate::b::c", "crate::b::e::F", "crate::b::e::g", "crate::h", "crate::z::Z"];
    assert_eq!(read(text), wanted);
}

#[test]
fn paths_inside_code_are_read_and_those_of_others_are_not() {
    let text = "fn f(x: &crate::a::A) -> super::b::B { crate::c::d::<u8>(self::e::E, std::crate_::f, x.crate_()) }\n";
    assert_eq!(read(text), ["crate::a::A", "super::b::B", "crate::c::d", "self::e::E"]);
    assert_eq!(read("mod child;\nfn f() { child::g(); other::h(); x::child::i() }\n"), ["child::g"]);
    assert_eq!(read("mod child;\nuse child::{A, B};\npub(in crate::a) struct C;\n"), ["child::A", "child::B"]);
    assert_eq!(read("fn f<'a>(x: &'a u8) -> impl Fn() + use<'a> { move || crate::g(x) }\n"), ["crate::g"]);
}

#[test]
fn what_is_no_code_names_nothing() {
    assert_eq!(
        read("// use crate::a;\n/* use crate::b; /* crate::c */ crate::d */\n/// crate::e\nuse crate::f;\n"),
        ["crate::f"]
    );
    assert_eq!(read("const A: &str = \"use crate::a; \\\" crate::b\"; use crate::c;"), ["crate::c"]);
    assert_eq!(read("const A: &str = r#\"crate::a \" crate::b\"#; const B: &[u8] = br\"crate::c\"; use crate::d;"), ["crate::d"]);
    assert_eq!(
        read("const A: char = '\"'; use crate::a; const B: char = '\\''; use crate::b; // '\"'"),
        ["crate::a", "crate::b"]
    );
    assert_eq!(read("fn r#use() {} use crate::a::r#type::B;"), ["crate::a::r#type::B"]);
}

#[test]
fn what_is_for_tests_alone_names_nothing() {
    let text = "#[cfg(test)]\nuse crate::{a, b};\n#[cfg(test)]\n#[path = \"x_tests.rs\"]\nmod tests;\nuse crate::c;\n#[cfg(all(test, unix))]\nmod more { use crate::d; fn f() {} }\nuse crate::e;\n";
    assert_eq!(read(text), ["crate::c", "crate::e"]);
    let field = "struct A {\n    b: u8,\n    #[cfg(test)]\n    c: crate::d::D,\n}\nuse crate::e;\n";
    assert_eq!(read(field), ["crate::e"]);
}

#[test]
fn a_path_leads_to_its_module_from_wherever_it_stands() {
    let here: Vec<String> = ["store", "run", "events"].map(str::to_owned).to_vec();
    let to = |text: &str| {
        let found: Vec<Named> = named(&code(text));
        absolute(&here, found.last().expect("a path")).map(|p| p.join("::"))
    };
    assert_eq!(to("use crate::base::clock;").as_deref(), Some("base::clock"));
    assert_eq!(to("use super::runs::Run;").as_deref(), Some("store::run::runs::Run"));
    assert_eq!(to("use super::super::db;").as_deref(), Some("store::db"));
    assert_eq!(to("use self::page::P;").as_deref(), Some("store::run::events::page::P"));
    assert_eq!(to("mod page; fn f() { page::g() }").as_deref(), Some("store::run::events::page::g"));
    assert_eq!(to("mod inner { use super::super::x; }").as_deref(), Some("store::run::x"));
    assert_eq!(to("mod inner { fn f() {} }\nuse super::x;").as_deref(), Some("store::run::x"));
    assert_eq!(to("use super::super::super::super::x;"), None);
    assert_eq!(module_of(Path::new("src/store/db/mod.rs")), ["store", "db"]);
    assert_eq!(module_of(Path::new("src/lib.rs")), [""; 0]);
}

#[test]
fn every_path_knows_its_line() {
    let found = named(&code("/* one\ntwo */\nuse crate::a;\n\nfn f() {\n    crate::b();\n}\n"));
    assert_eq!(found.iter().map(|n| n.line).collect::<Vec<_>>(), [3, 6]);
}
