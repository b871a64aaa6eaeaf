//! Home: what needs the person, what runs, what happened since they looked.

use crate::base::error::{Error, Result};
use crate::domain::time::Time;
use crate::web::home::known::known_home;
use crate::web::home::view::home as view;
use crate::web::http::request::Visit;
use crate::web::ui::shell::Nav;
use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::{HttpRequest, HttpResponse};

/// When somebody looks again within this, they have not been away: half an hour.
const AWAY_MS: i64 = 1_800_000;

/// `GET /`
pub async fn get(visit: Visit, req: HttpRequest) -> HttpResponse {
    visit
        .answer(async {
            let (app, now) = (visit.app.clone(), visit.now);
            let looks = LastSeen::of(&req, now);
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
struct LastSeen {
    since: Option<Time>,
    now: Time,
}

const LOOKED: &str = "mc_looked";

const SINCE: &str = "mc_since";

impl LastSeen {
    fn of(req: &HttpRequest, now: Time) -> LastSeen {
        let read = |name: &str| req.cookie(name).and_then(|c| c.value().parse().ok()).map(Time).filter(|at| *at <= now);
        let last = read(LOOKED);
        let away = last.is_none_or(|at| now.since(at) > AWAY_MS);
        LastSeen { since: if away { last } else { read(SINCE) }, now }
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
