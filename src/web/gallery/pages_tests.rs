//! Renders every page with believable and with hard data into `target/gallery`, to be looked at:
//! `cargo test --lib gallery -- --ignored`, then serve that folder on loopback.

use crate::base::error::{Error, FieldError};
use crate::domain::actor::Scope;
use crate::domain::ids::TicketId;
use crate::domain::profile::{Profile, RuntimeKind};
use crate::domain::ticket::{Priority, Role, Status};
use crate::domain::time::Time;
use crate::web::board::filter::Filter;
use crate::web::gallery::home_tests::{board, card, column, full_board, home, nth};
use crate::web::gallery::ticket_tests::{asking, finished, fresh, stuck, ticket, working};
use crate::web::http::assets;
use crate::web::ui::Ctx;
use crate::web::ui::shell::{Nav, Shell, bare, page};
use crate::web::ui::toast::{Tone, toast};
use maud::{Markup, html};
use std::fs;
use std::path::Path;

pub(crate) const NOW: Time = Time(1_795_265_580_000);
pub(crate) const CX: Ctx<'static> = Ctx { now: NOW, seed: "seed" };
pub(crate) const MIN: i64 = 60_000;
pub(crate) const RTL: &str = "إصلاح عرض التواريخ في صفحة الفواتير";
pub(crate) const WORD: &str =
    "Rename Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft in all reports";

pub(crate) fn ago(min: i64) -> Time {
    NOW.plus_ms(-min * MIN)
}

pub(crate) fn role(name: &str) -> Role {
    Role::stored(name.to_owned())
}

pub(crate) fn shell(title: &str, here: Nav, needs: i64, crumbs: &[(&str, &str)]) -> Shell {
    Shell {
        title: title.to_owned(),
        here,
        needs,
        reports: 2,
        running: 2,
        slots: 2,
        luci: crate::web::ui::status_indicator::OrchestratorStatus::Working(NOW.plus_ms(-12_000)),
        now: NOW,
        user_name: "Mara".to_owned(),
        crumbs: crumbs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect(),
        q: String::new(),
    }
}

pub(crate) fn composer() -> crate::web::composer::view::Composer {
    crate::web::composer::view::Composer {
        roles: Role::BUILT_IN.iter().map(|r| (*r).to_owned()).collect(),
        projects: ["tideline-api", "ledger", "site", "homelab"].map(str::to_owned).to_vec(),
        ..crate::web::composer::view::Composer::default()
    }
}

pub(crate) fn paused_profile(name: &str) -> crate::web::ui::paused::PausedProfile {
    crate::web::ui::paused::PausedProfile { name: name.to_owned(), why: "The agent's login is refused".to_owned(), until: None }
}

fn settings() -> crate::web::settings::view::Settings {
    let mut opus = Profile::new("claude_opus_1m_high", RuntimeKind::Claude);
    opus.model = Some("opus[1m]".to_owned());
    opus.effort = Some("max".to_owned());
    crate::web::settings::view::Settings {
        user_name: "Mara".to_owned(),
        owner: true,
        profiles: vec![opus, Profile::new("demo", RuntimeKind::Demo)],
        default_profile: "claude_opus_1m_high".to_owned(),
        default_is_fixed: false,
        paused: vec![paused_profile("claude_opus_1m_high")],
        telegram: crate::web::settings::view_telegram::Telegram {
            configured: Some(Ok(())),
            chats: 1,
            bot: "mission_mara_bot".to_owned(),
            error: Some(("Telegram does not answer in time".to_owned(), ago(40))),
            heard_at: Some(ago(60)),
            waiting: 1,
            last_sent: Some(ago(500)),
            last_failed: Some(("MC-7 asks: <b>Which?</b>".to_owned(), "the chat refuses it".to_owned(), ago(9000))),
            strangers: 2,
            last_stranger: Some((-1001, ago(700))),
            paused: None,
        },
        tokens: vec![
            crate::web::settings::view::Token {
                name: "nightly-script".to_owned(),
                scope: Scope::Operator,
                created_at: ago(90_000),
                last_used_at: Some(ago(400)),
            },
            crate::web::settings::view::Token {
                name: "run of MC-423".to_owned(),
                scope: Scope::Ticket(TicketId(423)),
                created_at: ago(12),
                last_used_at: None,
            },
        ],
        fresh_token: Some(("phone".to_owned(), "mct_demo_only_not_a_token".to_owned())),
        typed: crate::web::settings::view::TypedToken::default(),
        sessions: vec![
            crate::web::settings::view::Session {
                id: 1,
                browser: "Firefox on Linux".to_owned(),
                created_at: ago(9000),
                seen_at: NOW,
                current: true,
            },
            crate::web::settings::view::Session {
                id: 2,
                browser: "Safari on iPhone".to_owned(),
                created_at: ago(90_000),
                seen_at: ago(30),
                current: false,
            },
        ],
        autonomy: crate::store::orchestrator::autonomy::GRANTABLE
            .iter()
            .map(|k| (*k, *k == crate::domain::orchestrator::proposal::ActionKind::Comment))
            .collect(),
        config: vec![
            ("server.listen".to_owned(), "127.0.0.1:8420".to_owned(), "default".to_owned()),
            ("workspace.root".to_owned(), "/home/op/workspace".to_owned(), "config.toml".to_owned()),
            ("pickup.max_workers".to_owned(), "2".to_owned(), "MC_MAX_WORKERS".to_owned()),
        ],
        errors: Vec::new(),
    }
}

fn edit(errors: Vec<FieldError>) -> crate::web::ticket::view_edit::Edit {
    let t = ticket(Status::Todo);
    crate::web::ticket::view_edit::Edit {
        id: t.id,
        title: if errors.is_empty() { t.title.as_str().to_owned() } else { String::new() },
        description: t.description,
        priority: t.priority,
        role: "luci".to_owned(),
        project: t.project,
        profile: String::new(),
        work_class: t.work_class,
        version: 7,
        changed: None,
        roles: composer().roles,
        projects: composer().projects,
        profiles: vec!["claude_opus_1m_high".to_owned(), "demo".to_owned()],
        errors,
    }
}

pub(crate) fn wrong(field: &str, message: &str) -> Vec<FieldError> {
    match Error::field(field, message) {
        Error::Invalid(errors) => errors,
        other => panic!("{other} is no field error"),
    }
}

pub(crate) fn pages() -> Vec<(&'static str, Markup)> {
    let home_shell = |needs| shell("Home", Nav::Home, needs, &[]);
    let board_shell = || shell("Board", Nav::Board, 3, &[]);
    let ticket_shell = || shell("MC-423", Nav::Board, 3, &[("tideline-api", "/board?project=tideline-api"), ("MC-423", "")]);
    let quiet = crate::web::home::view::Home { needs: Vec::new(), needs_total: 0, next: None, queued: 0, ..home() };
    let rests = crate::web::home::view::Home {
        paused_profiles: vec![paused_profile("claude_opus_1m_high")],
        needs_total: 1,
        ..quiet.clone()
    };
    let many_wait =
        crate::web::home::view::Home { needs_total: 34, more: vec![(Status::NeedsInput, 30), (Status::InReview, 1)], ..home() };
    let first = crate::web::home::view::Home {
        running: Vec::new(),
        since: None,
        first_day: true,
        composer: crate::web::composer::view::Composer { roles: composer().roles, ..Default::default() },
        ..quiet.clone()
    };
    let bad = crate::web::home::view::Home {
        composer: crate::web::composer::view::Composer {
            errors: wrong("message", "is empty"),
            mode: crate::web::composer::view::Mode::Now,
            project: "ledger".into(),
            ..composer()
        },
        ..quiet.clone()
    };
    let many = |status: Status, n: i64| {
        column(
            status,
            n * 6,
            (0..n)
                .map(|i| {
                    card(
                        1000 + 100 * nth(status) + i,
                        if i % 7 == 0 {
                            WORD
                        } else if i % 5 == 0 {
                            RTL
                        } else {
                            "Believable work that takes two lines of a card or so, and then a bit more"
                        },
                        status,
                        "tideline-api",
                        i * 31,
                        "Starts when a slot is free",
                    )
                })
                .collect(),
        )
    };
    let hard = board(Status::ALL.iter().filter(|s| **s != Status::Cancelled).map(|s| many(*s, 29)).collect());
    let none = board(Status::ALL.iter().filter(|s| **s != Status::Cancelled).map(|s| column(*s, 0, Vec::new())).collect());
    let mut calm = full_board();
    for c in &mut calm.columns {
        if !matches!(c.status, Status::Todo | Status::NeedsInput | Status::Done) {
            *c = column(c.status, 0, Vec::new());
        }
    }
    let filtered = crate::web::board::view::Board {
        filter: Filter {
            q: "upload".into(),
            project: Some("tideline-api".into()),
            priority: Some(Priority::High),
            ..Filter::default()
        },
        ..full_board()
    };
    let live_tab = crate::web::ticket::view::TicketPage { tab: crate::web::ticket::view::Tab::Live, ..working() };
    let facts_tab = crate::web::ticket::view::TicketPage { tab: crate::web::ticket::view::Tab::Facts, ..finished(Status::Done) };
    let toasts = html! {
        (crate::web::home::view::home(&home(), "/stream", CX))
        div.demo-toasts { (toast(Tone::Good, "MC-427 is made. It starts when a slot is free.", Some(("/tickets/MC-427", "Open")))) (toast(Tone::Bad, "Somebody moved MC-418 meanwhile. Nothing was changed.", None)) }
    };
    let mut all = vec![
        ("home", page(&home_shell(3), &crate::web::home::view::home(&home(), "/stream", CX))),
        ("home-quiet", page(&home_shell(0), &crate::web::home::view::home(&quiet, "/stream", CX))),
        ("home-rests", page(&home_shell(1), &crate::web::home::view::home(&rests, "/stream", CX))),
        ("home-many", page(&home_shell(34), &crate::web::home::view::home(&many_wait, "/stream", CX))),
        ("home-first", page(&home_shell(0), &crate::web::home::view::home(&first, "/stream", CX))),
        ("home-error", page(&home_shell(0), &crate::web::home::view::home(&bad, "/stream", CX))),
        ("home-toasts", page(&home_shell(3), &toasts)),
        ("board", page(&board_shell(), &crate::web::board::view::board(&full_board(), "/board/stream", CX))),
        ("board-calm", page(&board_shell(), &crate::web::board::view::board(&calm, "/board/stream", CX))),
        ("board-hard", page(&board_shell(), &crate::web::board::view::board(&hard, "/board/stream", CX))),
        ("board-empty", page(&board_shell(), &crate::web::board::view::board(&none, "/board/stream", CX))),
        ("board-filter", page(&board_shell(), &crate::web::board::view::board(&filtered, "/board/stream", CX))),
        ("ticket", page(&ticket_shell(), &crate::web::ticket::view::ticket(&working(), "/s", CX))),
        ("ticket-live", page(&ticket_shell(), &crate::web::ticket::view::ticket(&live_tab, "/s", CX))),
        ("ticket-facts", page(&ticket_shell(), &crate::web::ticket::view::ticket(&facts_tab, "/s", CX))),
        ("ticket-question", page(&ticket_shell(), &crate::web::ticket::view::ticket(&asking(), "/s", CX))),
        ("ticket-review", page(&ticket_shell(), &crate::web::ticket::view::ticket(&finished(Status::InReview), "/s", CX))),
        ("ticket-done", page(&ticket_shell(), &crate::web::ticket::view::ticket(&finished(Status::Done), "/s", CX))),
        ("ticket-blocked", page(&ticket_shell(), &crate::web::ticket::view::ticket(&stuck(), "/s", CX))),
        ("ticket-fresh", page(&ticket_shell(), &crate::web::ticket::view::ticket(&fresh(), "/s", CX))),
        ("edit", page(&ticket_shell(), &crate::web::ticket::view_edit::edit(&edit(Vec::new()), CX))),
        (
            "edit-changed",
            page(
                &ticket_shell(),
                &crate::web::ticket::view_edit::edit(
                    &crate::web::ticket::view_edit::Edit { changed: Some(Status::InProgress), ..edit(Vec::new()) },
                    CX,
                ),
            ),
        ),
        ("edit-error", page(&ticket_shell(), &crate::web::ticket::view_edit::edit(&edit(wrong("title", "is empty")), CX))),
        ("settings", page(&shell("Settings", Nav::Settings, 3, &[]), &crate::web::settings::view::settings(&settings(), CX))),
        ("login", bare("Log in", &crate::web::login::view::by_password("/", None, CX))),
        (
            "login-error",
            bare(
                "Log in",
                &crate::web::login::view::by_password(
                    "/",
                    Some("That password is not right. 4 more tries, then a pause of a minute."),
                    CX,
                ),
            ),
        ),
        ("login-link", bare("Log in", &crate::web::login::view::by_link("t", false, &[], CX))),
        (
            "login-none",
            bare("Log in", &crate::web::login::view::no_way_in(Some("This link was used already, or is older than an hour."))),
        ),
        (
            "error-404",
            page(
                &shell("Not found", Nav::Nowhere, 0, &[]),
                &crate::web::ui::error_page::error(&crate::web::ui::error_page::usual(
                    404,
                    "MC-9999 does not exist",
                    Nav::Nowhere,
                )),
            ),
        ),
        (
            "error-500",
            page(
                &shell("Error", Nav::Nowhere, 0, &[]),
                &crate::web::ui::error_page::error(&crate::web::ui::error_page::usual(500, "", Nav::Nowhere)),
            ),
        ),
    ];
    all.extend(crate::web::gallery::orchestrator_tests::pages());
    all.extend(crate::web::gallery::screens_tests::pages());
    all
}

#[test]
#[ignore = "writes files to be looked at"]
fn gallery() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/gallery");
    fs::create_dir_all(&root).expect("target can be written");
    for (name, _, body) in assets::each() {
        let path = root.join(assets::url(name).trim_start_matches('/'));
        fs::create_dir_all(path.parent().expect("has a folder")).expect("target can be written");
        fs::write(path, body).expect("target can be written");
    }
    for (name, markup) in pages() {
        fs::write(root.join(format!("{name}.html")), markup.into_string()).expect("target can be written");
    }
}

/// Every page, whatever its data: no script, style or handler in the page itself, no id twice, and every form says
/// which request it is.
#[test]
fn no_page_needs_more_than_the_strict_policy_allows() {
    for (name, markup) in pages() {
        let text = markup.into_string();
        for bad in [" style=", "<style", " onclick", " hx-on", "javascript:", "js:"] {
            assert!(!text.contains(bad), "{name} holds {bad}");
        }
        for script in text.split("<script").skip(1) {
            assert!(script.starts_with(" src=\"/assets/"), "{name} holds a script of its own");
        }
        let mut ids: Vec<&str> = text.split(" id=\"").skip(1).filter_map(|t| t.split('"').next()).collect();
        ids.sort_unstable();
        for pair in ids.windows(2) {
            assert_ne!(pair[0], pair[1], "{name} has an id twice");
        }
        for form in text.split("<form").skip(1) {
            let form = form.split("</form>").next().unwrap_or(form);
            if form.contains("method=\"post\"") {
                assert_eq!(form.matches("name=\"client_id\"").count(), 1, "{name}: {}", &form[..form.len().min(200)]);
            }
        }
    }
}

#[test]
fn every_icon_that_a_page_uses_is_in_the_sprite() {
    let (_, _, sprite) = assets::each().find(|(name, _, _)| *name == "icons.svg").expect("there is a sprite");
    let sprite = String::from_utf8_lossy(sprite);
    for (name, markup) in pages() {
        for used in markup.into_string().split("icons.svg#").skip(1).filter_map(|t| t.split('"').next()) {
            assert!(sprite.contains(&format!("<symbol id=\"{used}\"")), "{name} uses {used}");
        }
    }
}
