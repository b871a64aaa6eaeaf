//! Home: what needs the person, what runs, what happened since they looked.

use crate::base::error::{Error, Result};
use crate::config::Config;
use crate::domain::ticket::Status;
use crate::domain::time::Time;
use crate::store::run::{dispatch, runs};
use crate::store::ticket::{board, changes, tickets};
use crate::web::home::known::known_home;
use crate::web::home::view::{Change, Home, home as view};
use crate::web::http::request::Visit;
use crate::web::orchestrator::load;
use crate::web::ui::shell::Nav;
use crate::web::view_models;
use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::{HttpRequest, HttpResponse};
use rusqlite::Connection;

/// Waiting tickets shown on Home.
const NEEDS_WINDOW: usize = 30;
/// Changes shown on Home.
const CHANGES_WINDOW: usize = 12;
/// When somebody looks again within this, they have not been away: half an hour.
const AWAY_MS: i64 = 1_800_000;

/// `GET /`
pub async fn get(visit: Visit, req: HttpRequest) -> HttpResponse {
    visit
        .answer(async {
            let (app, now) = (visit.app.clone(), visit.now);
            let looks = Looks::of(&req, now);
            let since = looks.since;
            let known = visit.app.store.query(move |c| known_home(&app, c, since, now)).await?;
            let stream = format!("/stream?after={}&since={}", known.cursor, since.map_or(0, |t| t.0));
            let main = view(&known.home, &stream, visit.cx());
            let mut response = visit.page(Nav::Home, "Home", Vec::new(), main).await;
            looks.note(&mut response)?;
            Ok(response)
        })
        .await
}

/// When this browser last showed Home, and since when its owner had been away. Kept in cookies: looking changes nothing
/// on the server.
struct Looks {
    since: Option<Time>,
    now: Time,
}

const LOOKED: &str = "mc_looked";
const SINCE: &str = "mc_since";

impl Looks {
    fn of(req: &HttpRequest, now: Time) -> Looks {
        let read = |name: &str| req.cookie(name).and_then(|c| c.value().parse().ok()).map(Time).filter(|at| *at <= now);
        let last = read(LOOKED);
        let away = last.is_none_or(|at| now.since(at) > AWAY_MS);
        Looks { since: if away { last } else { read(SINCE) }, now }
    }

    fn note(&self, response: &mut HttpResponse) -> Result<()> {
        let pairs = [(LOOKED, Some(self.now)), (SINCE, self.since)];
        for (name, at) in pairs.into_iter().filter_map(|(name, at)| at.map(|at| (name, at))) {
            let cookie = Cookie::build(name, at.0.to_string())
                .path("/")
                .http_only(true)
                .same_site(SameSite::Lax)
                .max_age(Duration::days(90))
                .finish();
            response.add_cookie(&cookie).map_err(|e| Error::Internal(e.to_string()))?;
        }
        Ok(())
    }
}

/// Everything Home shows.
///
/// # Errors
/// The store failed.
pub fn load_home(c: &Connection, config: &Config, since: Option<Time>, now: Time) -> Result<Home> {
    let needs = board::waiting(c, NEEDS_WINDOW)?;
    let lits = view_models::lits(c, &needs)?;
    let live = runs::live(c)?;
    let of = tickets::get_many(c, &live.iter().map(|run| run.ticket).collect::<Vec<_>>())?;
    let with_tickets: Vec<_> = live.iter().filter_map(|run| Some((of.iter().find(|t| t.id == run.ticket)?, run))).collect();
    let running = view_models::run_rows(c, &with_tickets, now)?;
    let counts = board::counts(c)?;
    let mut more = Vec::new();
    for status in Status::ALL.iter().copied().filter(|s| s.needs_person()) {
        let here = i64::try_from(needs.iter().filter(|t| t.status == status).count()).unwrap_or(0);
        let hidden = counts.get(&status).copied().unwrap_or(0) - here;
        if hidden > 0 {
            more.push((status, hidden));
        }
    }
    let shown = match since {
        Some(at) => changes::recent_moves(c, at, 200)?,
        None => Vec::new(),
    };
    let total = i64::try_from(shown.len()).unwrap_or(0);
    Ok(Home {
        composer: view_models::composer(c, config)?,
        luci: load::side(c, config)?,
        needs: lits,
        more,
        needs_total: view_models::needs_count(c)?,
        resting: view_models::resting(c, now)?.into_iter().filter(|r| r.until.is_none()).collect(),
        running,
        slots: i64::try_from(config.max_workers).unwrap_or(0),
        next: dispatch::first_ready(c, now, config)?,
        queued: counts.get(&Status::Todo).copied().unwrap_or(0),
        since,
        changes: happened(c, shown)?,
        changes_total: total,
        first_day: counts.values().sum::<i64>() == 0,
    })
}

fn happened(c: &Connection, shown: Vec<changes::Change>) -> Result<Vec<Change>> {
    // Newest first; of each ticket the last thing alone.
    let mut newest: Vec<changes::Change> = Vec::new();
    for change in shown {
        if newest.len() < CHANGES_WINDOW && !newest.iter().any(|n| n.ticket == change.ticket) {
            newest.push(change);
        }
    }
    let found = tickets::get_many(c, &newest.iter().map(|n| n.ticket).collect::<Vec<_>>())?;
    let told = |n: &changes::Change| {
        let t = found.iter().find(|t| t.id == n.ticket)?;
        Some(Change { ticket: t.id, title: t.title.as_str().to_owned(), status: t.status, at: n.created_at })
    };
    Ok(newest.iter().filter_map(told).collect())
}
