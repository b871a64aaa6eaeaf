//! The page of the inbox, and its older digests.

use crate::web::http::request::Visit;
use crate::web::inbox::load::load;
use crate::web::inbox::view;
use crate::web::ui::shell::Nav;
use actix_web::{HttpResponse, web};
use serde::Deserialize;

/// What stands in the page's address.
#[derive(Debug, Deserialize)]
pub struct Query {
    before: Option<i64>,
}

/// `GET /inbox`, and `?before=<digest>` for older ones.
pub async fn get(visit: Visit, query: web::Query<Query>) -> HttpResponse {
    visit
        .answer(async {
            visit.who.may_read()?;
            let (config, now, before) = (visit.app.config.clone(), visit.now, query.before);
            let found = visit.app.store.query(move |c| load(c, &config, now, before)).await?;
            let main = if before.is_some() { view::older(&found, visit.cx()) } else { view::inbox(&found, visit.cx()) };
            Ok(visit.page(Nav::Inbox, "Inbox", Vec::new(), main).await)
        })
        .await
}
