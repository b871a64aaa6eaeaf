//! The board: columns of cards, filtered by its address.

use crate::base::error::Error;
use crate::domain::ticket::Status;
use crate::store::ticket::filter::Cursor;
use crate::web::board::kept::kept_board;
use crate::web::board::load::load_column;
use crate::web::board::query::Query;
use crate::web::board::view::more_cards;
use crate::web::http::request::{Visit, html_response};
use crate::web::ui::shell::Nav;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};

/// `GET /board`
pub async fn get(visit: Visit, query: web::Query<Query>) -> HttpResponse {
    visit
        .answer(async {
            let board = kept_board(&visit, query.into_inner()).await?;
            Ok(visit.page_of(Nav::Board, "Board", board.q.clone(), &board.main).await)
        })
        .await
}

/// `GET /board/column/{status}`: more cards of a column.
pub async fn column(visit: Visit, path: web::Path<String>, query: web::Query<Query>) -> HttpResponse {
    visit
        .answer(async {
            let status: Status = path.parse().map_err(|_| Error::not_found("that column"))?;
            let query = query.into_inner();
            let filter = query.filter();
            if !visit.htmx {
                let to = filter.href(&[("col", status.as_str()), ("open", status.as_str()), ("after", &query.after)]);
                return Ok(HttpResponse::SeeOther().insert_header(("Location", to)).finish());
            }
            let after = Cursor::parse(&query.after).ok_or_else(|| Error::field("after", "is no cursor"))?;
            let (config, now, asked) = (visit.app.config.clone(), visit.now, filter.clone());
            let column = visit.app.store.query_long(move |c| load_column(c, &config, &asked, status, Some(after), now)).await?;
            Ok(html_response(StatusCode::OK, &more_cards(&column, &filter, visit.cx())))
        })
        .await
}
