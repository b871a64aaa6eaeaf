//! Settings: who is logged in where, tokens, profiles in force, how it looks. "More" on a phone.

use crate::base::error::FieldError;
use crate::domain::actor::Scope;
use crate::domain::orchestrator::proposal::ActionKind;
use crate::domain::profile::Profile;
use crate::domain::ticket::Status;
use crate::domain::time::{Time, span_words};
use crate::web::http::login::PASSWORD_MIN;
use crate::web::orchestrator::view_side::kind_words;
use crate::web::settings::view_telegram;
use crate::web::settings::view_telegram::Telegram;
use crate::web::ui::paused;
use crate::web::ui::paused::PausedProfile;
use crate::web::ui::{Ctx, form, icon, when, words};
use maud::{Markup, html};

/// All that the page shows.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Who is logged in.
    pub user_name: String,
    /// True for the owner: only the owner changes tokens and the password.
    pub owner: bool,
    /// The profiles in force.
    pub profiles: Vec<Profile>,
    /// The default profile's name.
    pub default_profile: String,
    /// The configuration file fixes the default.
    pub default_is_fixed: bool,
    /// Profiles that rest.
    pub paused: Vec<PausedProfile>,
    /// Kinds of action of Luci's, and whether each happens without asking.
    pub autonomy: Vec<(ActionKind, bool)>,
    /// The connection to Telegram.
    pub telegram: Telegram,
    /// API tokens.
    pub tokens: Vec<Token>,
    /// A token just made: shown once.
    pub fresh_token: Option<(String, String)>,
    /// What was typed for a token that was not made.
    pub typed: TypedToken,
    /// Browser sessions.
    pub sessions: Vec<Session>,
    /// Further settings in force: name, value, where it came from.
    pub config: Vec<(String, String, String)>,
    /// What was wrong with the form that was sent.
    pub errors: Vec<FieldError>,
}

/// The form of a new token, as typed.
#[derive(Debug, Clone, Default)]
pub struct TypedToken {
    /// Its name.
    pub name: String,
    /// What it may do; empty = not chosen yet.
    pub scope: String,
}

/// An API token.
#[derive(Debug, Clone)]
pub struct Token {
    /// Its name.
    pub name: String,
    /// What it may do.
    pub scope: Scope,
    /// When it was made.
    pub created_at: Time,
    /// When it was last used.
    pub last_used_at: Option<Time>,
}

/// A browser session.
#[derive(Debug, Clone)]
pub struct Session {
    /// Its number.
    pub id: i64,
    /// The browser, in words.
    pub browser: String,
    /// When it logged in.
    pub created_at: Time,
    /// When it was last seen.
    pub seen_at: Time,
    /// True for the one that looks at this page.
    pub current: bool,
}

/// The page's main part. Forms: `/settings/tokens` (name, scope), `/settings/tokens/revoke` (name),
/// `/settings/sessions/revoke` (id), `/settings/password` (old, password), `/logout`.
#[must_use]
pub fn settings(s: &Settings, cx: Ctx<'_>) -> Markup {
    html! {
        div.narrow {
            h1.vh { "Settings" }
            div.me {
                (icon::avatar(&s.user_name))
                div { b { (s.user_name) } p.small.quiet { @if s.owner { "Owner: may change everything here." } @else { "May work with tickets; settings are the owner's." } } }
                div.btns {
                    a.btn.phone-only href="/tasks" { (icon::small("calendar-clock")) " Tasks" }
                    a.btn.phone-only href="/inbox" { (icon::small("inbox")) " Inbox" }
                    button.btn type="button" data-theme-switch { (icon::small("sun-moon")) " Light or dark" }
                    form method="post" action="/logout" {
                        (form::client_id(cx, "logout"))
                        button.btn.bare type="submit" { (icon::small("log-out")) " Log out" }
                    }
                }
            }
            (form::other_errors(&s.errors, &["name", "scope", "old", "password"]))
            (profiles(s, cx))
            (autonomy(s, cx))
            (view_telegram::section(&s.telegram, s.owner, cx))
            (tokens(s, cx))
            (sessions(s, cx))
            @if s.owner { (password(s, cx)) }
            (config(s))
        }
    }
}

fn profiles(s: &Settings, cx: Ctx<'_>) -> Markup {
    html! {
        section #profiles {
            div.sect { h2 { "Profiles in force" } span.count { (s.profiles.len()) } }
            p.small.quiet.why {
                "Who does the work: an agent with a model and limits. They stand in the configuration file"
                @if s.default_is_fixed { ", and so does the default." } @else { "; which one works by default you choose here." }
            }
            @for r in &s.paused { (paused::notice(r, cx)) }
            ul.lines {
                @for p in &s.profiles {
                    li.line.tall {
                        (icon::icon("terminal"))
                        span {
                            b { (p.label()) } @if p.name == s.default_profile { " " span.tag { "default" } }
                            span.sub { code { (p.name) } " · " (words::counted(i64::from(p.concurrency), "run at once", "runs at once"))
                                " · ended after " (span_words(p.silence_limit_ms)) " of silence or " (span_words(p.wall_clock_limit_ms)) " in all" }
                        }
                        span.end {
                            @if s.owner && !s.default_is_fixed && p.name != s.default_profile { (choose(&p.name, cx)) }
                            @else { (p.runtime) }
                        }
                    }
                }
            }
        }
    }
}

fn autonomy(s: &Settings, cx: Ctx<'_>) -> Markup {
    html! {
        section #autonomy {
            div.sect { h2 { "Luci works without asking" } span.count { (s.autonomy.iter().filter(|(_, on)| *on).count()) } }
            p.small.quiet.why { "What she proposes waits for your word. What you allow here she does at once; it is written down, and can be undone where that is possible." }
            ul.lines {
                @for (kind, on) in &s.autonomy {
                    li.line.tall data-st=(if *on { "done" } else { "todo" }) {
                        (icon::glyph(if *on { Status::Done } else { Status::Todo }))
                        span { b { (kind_words(*kind)) } span.sub { (if *on { "at once" } else { "asks first" }) } }
                        span.end {
                            @if s.owner {
                                form method="post" action="/settings/autonomy" {
                                    (form::client_id(cx, format_args!("autonomy-{kind}")))
                                    input type="hidden" name="kind" value=(kind.as_str());
                                    button.btn.tight type="submit" name="on" value=(if *on { "0" } else { "1" }) aria-label=(format!("{}: {}", kind_words(*kind), if *on { "let her ask" } else { "allow" })) {
                                        (if *on { "Let her ask" } else { "Allow" })
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn choose(name: &str, cx: Ctx<'_>) -> Markup {
    html! {
        form method="post" action="/settings/profile" {
            (form::client_id(cx, format_args!("profile-{name}")))
            button.btn.tight type="submit" name="profile" value=(name) { "Use by default" }
        }
    }
}

fn tokens(s: &Settings, cx: Ctx<'_>) -> Markup {
    html! {
        section #tokens {
            div.sect { h2 { "API tokens" } span.count { (s.tokens.len()) } }
            @if let Some((name, token)) = &s.fresh_token {
                div.notice data-st="done" role="status" {
                    (icon::icon("key-round"))
                    div { b { "Token " (name) ": copy it now, it is not shown again." } pre.command { code { (token) } } }
                }
            }
            @if s.tokens.is_empty() { p.small.quiet { "None. A token lets a script or another machine use the API." } }
            @else {
                ul.lines {
                    @for (n, t) in s.tokens.iter().enumerate() {
                        li.line.tall {
                            (icon::icon("key-round"))
                            span {
                                b dir="auto" { (t.name) } " " span.tag { (t.scope.text()) }
                                span.sub { "made " (when::ago(t.created_at, cx.now)) ", "
                                    @match t.last_used_at { Some(at) => { "used " (when::ago(at, cx.now)) }, None => "never used" } }
                            }
                            @if s.owner { span.end { (revoke(n, ("/settings/tokens/revoke", "name"), &t.name, &format!("Revoke {}", t.name), cx)) } }
                        }
                    }
                }
            }
            @if s.owner { (new_token(s, cx)) }
        }
    }
}

/// A name that a token may have.
const TOKEN_EXAMPLE: &str = "nightly-script";

fn new_token(s: &Settings, cx: Ctx<'_>) -> Markup {
    html! {
        form.inline method="post" action="/settings/tokens" {
            (form::client_id(cx, "token"))
            label.field {
                span { "Name" }
                input.input name="name" value=(s.typed.name) required maxlength="64" autocomplete="off" placeholder=(TOKEN_EXAMPLE);
                (form::field_error(&s.errors, "name"))
            }
            label.field {
                span { "May" }
                select.input name="scope" {
                    @for (scope, may) in [("operator", "work with tickets"), ("viewer", "only read"), ("owner", "do everything")] {
                        option value=(scope) selected[scope == s.typed.scope] { (may) }
                    }
                }
                (form::field_error(&s.errors, "scope"))
            }
            button.btn type="submit" { "Make a token" }
        }
    }
}

fn sessions(s: &Settings, cx: Ctx<'_>) -> Markup {
    html! {
        section #sessions {
            div.sect { h2 { "Logged in" } span.count { (s.sessions.len()) } }
            ul.lines {
                @for (n, x) in s.sessions.iter().enumerate() {
                    li.line.tall {
                        (icon::icon(if x.browser.contains("Phone") || x.browser.contains("Mobile") || x.browser.contains("Android") { "smartphone" } else { "monitor" }))
                        span {
                            b dir="auto" { (x.browser) } @if x.current { " " span.tag { "this one" } }
                            span.sub { "since " (when::clock(x.created_at, cx.now)) ", seen " (when::ago(x.seen_at, cx.now)) }
                        }
                        @if !x.current { span.end { (revoke(n, ("/settings/sessions/revoke", "id"), &x.id.to_string(), "Log this one out", cx)) } }
                    }
                }
            }
        }
    }
}

/// Ends something for good, asked once in its place.
fn revoke(n: usize, (path, field): (&str, &str), value: &str, label: &str, cx: Ctx<'_>) -> Markup {
    html! {
        details.menu {
            summary.btn.bare.tight.square aria-label=(label) { (icon::small("trash-2")) }
            form.sheet method="post" action=(path) {
                (form::client_id(cx, format_args!("revoke-{field}-{n}")))
                input type="hidden" name=(field) value=(value);
                p { "It stops working at once." }
                button.btn.danger type="submit" { (label) }
            }
        }
    }
}

fn password(s: &Settings, cx: Ctx<'_>) -> Markup {
    html! {
        section #password {
            div.sect { h2 { "Password" } }
            form.inline method="post" action="/settings/password" {
                (form::client_id(cx, "password"))
                label.field { span { "Old" } input.input type="password" name="old" autocomplete="current-password" required; (form::field_error(&s.errors, "old")) }
                label.field { span { "New, at least " (PASSWORD_MIN) " characters" } input.input type="password" name="password" autocomplete="new-password" minlength=(PASSWORD_MIN) required; (form::field_error(&s.errors, "password")) }
                button.btn type="submit" { "Change it" }
            }
        }
    }
}

fn config(s: &Settings) -> Markup {
    html! {
        section #config {
            div.sect { h2 { "Settings in force" } }
            dl.dl.wide {
                @for (name, value, from) in &s.config { dt { code { (name) } } dd { @if value.is_empty() { span.faint { "not set" } } @else { span dir="auto" { (value) } } span.faint { (from) } } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::web::settings::view::TOKEN_EXAMPLE;

    #[test]
    fn the_example_of_a_tokens_name_is_one() {
        assert!(crate::store::access::credentials::check_token_name(TOKEN_EXAMPLE).is_ok());
    }
}
