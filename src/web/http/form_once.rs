//! A form that may come twice is done once: by a double tap, or again after its answer was lost.

use crate::base::error::Result;
use crate::store::Tx;
use crate::store::db::idempotency;
use crate::store::db::idempotency::{Answer, Key, body_hash};
use crate::web::http::request::Visit;
use serde::Deserialize;

/// A form with nothing but its id: a button.
#[derive(Debug, Clone, Deserialize)]
pub struct IdOnly {
    /// The id of this rendering of the form.
    #[serde(default)]
    pub client_id: String,
}

impl Visit {
    /// The key under which a form's answer is kept: the rendering's id and what was sent, so that two different buttons of
    /// one rendering are two requests and one button pressed twice is one.
    #[must_use]
    pub fn form_key(&self, route: &str, client_id: &str, sent: &str) -> Key {
        let body_hash = body_hash(sent.as_bytes());
        Key {
            principal: self.who.key.clone(),
            key: (!client_id.is_empty()).then(|| format!("{client_id}:{}", &body_hash[..16])),
            route: route.to_owned(),
            body_hash,
        }
    }

    /// Does a form's work in one transaction with its key; what it returned the first time is returned each time.
    ///
    /// # Errors
    /// What `work` returned: nothing is kept then, and the key stays free.
    pub async fn once(&self, key: Key, work: impl FnOnce(&Tx<'_>) -> Result<String> + Send + 'static) -> Result<String> {
        let done = self.app.store.call(move |tx| idempotency::once(tx, &key, || Ok(Answer { status: 200, body: work(tx)? })));
        Ok(done.await?.body)
    }
}
