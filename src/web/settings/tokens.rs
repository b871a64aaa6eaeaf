//! Tokens: made and revoked by the owner.

use crate::base::error::{Error, FieldError, Result};
use crate::base::random;
use crate::domain::actor::Scope;
use crate::store::access::credentials;
use crate::web::http::request::{Sent, Visit};
use crate::web::settings::page::{FormOutcome, back, show};
use crate::web::settings::view::TypedToken;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde::Deserialize;

/// A new token.
#[derive(Debug, Deserialize)]
pub struct NewToken {
    name: String,
    scope: String,
}

/// `POST /settings/tokens`: shows the token once. The name makes a repetition harmless.
pub async fn create(sent: Sent<NewToken>) -> HttpResponse {
    let Sent { visit, form } = sent;
    visit
        .answer(async {
            visit.who.owner()?;
            let (status, errors) = match make_token(&visit, &form).await {
                Ok(made) => {
                    return show(&visit, StatusCode::CREATED, FormOutcome { fresh_token: Some(made), ..FormOutcome::default() })
                        .await;
                }
                Err(Error::Invalid(errors)) => (StatusCode::UNPROCESSABLE_ENTITY, errors),
                Err(Error::Conflict(why)) => (StatusCode::CONFLICT, vec![FieldError { field: "name".to_owned(), message: why }]),
                Err(e) => return Err(e),
            };
            let typed = TypedToken { name: form.name, scope: form.scope };
            show(&visit, status, FormOutcome { typed, errors, ..FormOutcome::default() }).await
        })
        .await
}

async fn make_token(visit: &Visit, form: &NewToken) -> Result<(String, String)> {
    let name = form.name.trim().to_owned();
    credentials::check_token_name(&name)?;
    let scope = Scope::parse(form.scope.trim())
        .ok_or_else(|| Error::field("scope", "is unknown: write owner, operator, viewer or ticket:MC-12"))?;
    let secret = random::secret("mct_");
    let (kept, kept_name) = (secret.clone(), name.clone());
    visit.app.store.call(move |tx| credentials::add_token(tx, &kept_name, &kept, scope, None)).await?;
    Ok((name, secret))
}

/// Names one thing to end.
#[derive(Debug, Deserialize)]
pub struct Named {
    name: String,
}

/// `POST /settings/tokens/revoke`
pub async fn revoke(sent: Sent<Named>) -> HttpResponse {
    let Sent { visit, form } = sent;
    visit
        .answer(async {
            visit.who.owner()?;
            let name = form.name;
            let done = visit.app.store.call(move |tx| credentials::revoke_token(tx, &name)).await;
            back(&visit, done).await
        })
        .await
}
