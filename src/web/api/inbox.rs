//! The orchestrator's inbox: anybody with a token may report something.

use crate::domain::ids::ItemId;
use crate::domain::inbox::{InboxPriority, Item, ItemStatus, Source, check_message, check_source_id};
use crate::domain::text::strip_control;
use crate::domain::time::Time;
use crate::store::Tx;
use crate::store::inbox::items;
use crate::store::inbox::items::NewItem;
use crate::web::api::body::Body;
use crate::web::api::dto::{Page, cut};
use crate::web::api::idempotent::once;
use crate::web::api::params::Params;
use crate::web::http::auth::Principal;
use crate::web::http::problem::ApiError;
use crate::web::http::state::App;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;

type Answer = std::result::Result<HttpResponse, ApiError>;

/// An item, by the names of its columns.
#[derive(Serialize)]
struct ItemBody {
    id: i64,
    source_type: Source,
    source_id: Option<String>,
    message: String,
    priority: InboxPriority,
    status: ItemStatus,
    created_at: Time,
    processed_at: Option<Time>,
    claim_expires_at: Option<Time>,
}

impl From<&Item> for ItemBody {
    fn from(item: &Item) -> ItemBody {
        ItemBody {
            id: item.id.0,
            source_type: item.source,
            source_id: item.source_id.as_deref().map(strip_control),
            message: strip_control(&item.message),
            priority: item.priority,
            status: item.status,
            created_at: item.created_at,
            processed_at: item.processed_at,
            claim_expires_at: item.claim_expires_at,
        }
    }
}

/// `GET /orchestrator_inbox`
pub async fn list(app: web::Data<App>, _principal: Principal, mut query: Params) -> Answer {
    let limit = query.limit();
    let status: Option<ItemStatus> = query.word("status");
    let before = query.word::<i64>("cursor").map(ItemId);
    query.finish()?;
    let found = app.store.query(move |c| {
        let mut items = items::list(c, status, before, i64::try_from(limit + 1).unwrap_or(51))?;
        let next_cursor = cut(&mut items, limit, |i| i.id.to_string());
        Ok(Page { items: items.iter().map(ItemBody::from).collect(), next_cursor })
    });
    Ok(HttpResponse::Ok().json(found.await?))
}

/// `POST /orchestrator_inbox`
pub async fn post(app: web::Data<App>, principal: Principal, req: HttpRequest, mut body: Body) -> Answer {
    let source: Option<Source> = body.word("source_type");
    if source.is_none() && !body.is_wrong("source_type") {
        body.wrong("source_type", "is missing");
    }
    let source_id = body.text("source_id").filter(|name| !name.is_empty());
    if let Some(Err(why)) = source_id.as_deref().map(check_source_id) {
        body.wrong("source_id", why);
    }
    let message = body.needed("message");
    if !body.is_wrong("message")
        && let Err(why) = check_message(&message)
    {
        body.wrong("message", why);
    }
    let priority: InboxPriority = body.word("priority").unwrap_or_default();
    body.finish()?;
    let new = NewItem { source: source.unwrap_or(Source::Api), source_id, message, priority };
    let work = move |tx: &Tx<'_>| {
        let id = items::post(tx, &new)?;
        Ok(ItemBody::from(&items::get(tx.conn, id)?))
    };
    once(&app, &principal, &req, &body, StatusCode::CREATED, work).await
}
