//! What the login pages need: passwords, sessions, and a limit on guessing.

use crate::base::error::{Error, Result};
use crate::store::access::credentials;
use crate::web::http::security::{cookie_name, is_https};
use crate::web::http::state::App;
use actix_web::cookie::{Cookie, SameSite, time::Duration};
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

/// Passwords have at least so many characters.
pub const PASSWORD_MIN: usize = 10;
/// And at most so many.
const PASSWORD_MAX: usize = 200;

/// Opens a browser session; the cookie carries its secret.
///
/// # Errors
/// The store failed.
pub async fn open_session(app: &App, user: &str, user_agent: &str) -> Result<Cookie<'static>> {
    let secret = crate::base::random::secret("mcs_");
    let (kept, user, agent) = (secret.clone(), user.to_owned(), user_agent.to_owned());
    app.store.call(move |tx| credentials::open_session(tx, &kept, &user, &agent)).await?;
    Ok(cookie(app, secret, Duration::days(90)))
}

/// The cookie that takes a session's away.
#[must_use]
pub fn end_cookie(app: &App) -> Cookie<'static> {
    cookie(app, String::new(), Duration::ZERO)
}

fn cookie(app: &App, value: String, age: Duration) -> Cookie<'static> {
    Cookie::build(cookie_name(&app.config), value)
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(is_https(&app.config))
        .max_age(age)
        .finish()
}

/// Whether a password is the one that was hashed.
///
/// # Errors
/// The stored hash is not readable.
pub async fn verify_password(hash: &str, password: &str) -> Result<bool> {
    if password.chars().count() > PASSWORD_MAX {
        return Ok(false);
    }
    let (hash, password) = (hash.to_owned(), password.to_owned());
    blocking(move || {
        let stored = PasswordHash::new(&hash).map_err(|e| Error::Internal(format!("the stored password hash: {e}")))?;
        Ok(hasher().verify_password(password.as_bytes(), &stored).is_ok())
    })
    .await
}

/// The hash under which a password is kept (argon2id).
///
/// # Errors
/// The password is too short or too long.
pub async fn hash_password(password: &str) -> Result<String> {
    if !(PASSWORD_MIN..=PASSWORD_MAX).contains(&password.chars().count()) {
        return Err(Error::field("password", format!("needs {PASSWORD_MIN} to {PASSWORD_MAX} characters")));
    }
    let password = password.to_owned();
    blocking(move || {
        let salt = SaltString::encode_b64(&crate::base::random::secret("").as_bytes()[..32])
            .map_err(|e| Error::Internal(format!("salt: {e}")))?;
        let hash =
            hasher().hash_password(password.as_bytes(), &salt).map_err(|e| Error::Internal(format!("password hash: {e}")))?;
        Ok(hash.to_string())
    })
    .await
}

fn hasher() -> Argon2<'static> {
    // 19 MiB, two passes, one lane: the least that OWASP advises for argon2id.
    let params = Params::new(19 * 1024, 2, 1, None).expect("the figures are within argon2's bounds");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|e| Error::Internal(format!("hashing was cut off: {e}")))?
}

/// Limits guesses at the login: a bucket for each address, and one for all together.
#[derive(Default)]
pub struct Limiter {
    buckets: Mutex<HashMap<Option<IpAddr>, Bucket>>,
}

struct Bucket {
    left: f64,
    at: i64,
}

/// Guesses at once, and how many come back in a minute: of one address, and of all.
const ONE: (f64, f64) = (5.0, 5.0);
const ALL: (f64, f64) = (60.0, 60.0);

impl Limiter {
    /// Takes one guess; where none is left: the seconds to wait. `mono_ms` is the clock that never jumps.
    ///
    /// # Errors
    /// Too many guesses.
    pub fn guess(&self, peer: IpAddr, mono_ms: i64) -> std::result::Result<(), u32> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() > 10_000 {
            buckets.retain(|_, b| mono_ms - b.at < 60_000);
        }
        take(&mut buckets, Some(peer), ONE, mono_ms)?;
        take(&mut buckets, None, ALL, mono_ms)
    }
}

fn take(
    buckets: &mut HashMap<Option<IpAddr>, Bucket>,
    key: Option<IpAddr>,
    (size, per_minute): (f64, f64),
    now: i64,
) -> std::result::Result<(), u32> {
    let bucket = buckets.entry(key).or_insert(Bucket { left: size, at: now });
    #[allow(clippy::cast_precision_loss, reason = "a span of minutes in milliseconds")]
    let gained = (now - bucket.at).max(0) as f64 / 60_000.0 * per_minute;
    bucket.left = (bucket.left + gained).min(size);
    bucket.at = now;
    if bucket.left >= 1.0 {
        bucket.left -= 1.0;
        return Ok(());
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 60")]
    Err(((1.0 - bucket.left) / per_minute * 60.0).ceil() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guessing_is_slowed_down_and_forgiven_with_time() {
        let limiter = Limiter::default();
        let peer = IpAddr::from([10, 0, 0, 1]);
        for _ in 0..5 {
            assert_eq!(limiter.guess(peer, 0), Ok(()));
        }
        assert_eq!(limiter.guess(peer, 0), Err(12));
        assert_eq!(limiter.guess(IpAddr::from([10, 0, 0, 2]), 0), Ok(()), "another address is not punished");
        assert_eq!(limiter.guess(peer, 13_000), Ok(()));
    }

    #[test]
    fn many_addresses_share_one_limit() {
        let limiter = Limiter::default();
        let refused = (0..=200_u8).filter(|n| limiter.guess(IpAddr::from([10, 0, 1, *n]), 0).is_err()).count();
        assert_eq!(refused, 141);
    }

    #[actix_web::test]
    async fn a_password_is_known_by_its_hash_alone() {
        let hash = hash_password("correct horse").await.expect("long enough");
        assert!(hash.starts_with("$argon2id$"));
        assert!(verify_password(&hash, "correct horse").await.expect("readable"));
        assert!(!verify_password(&hash, "wrong horse").await.expect("readable"));
        for (n, good) in [(9, false), (10, true), (200, true), (201, false)] {
            let password = "ü".repeat(n);
            let hash = hash_password(&password).await;
            assert_eq!(hash.is_ok(), good, "{n} characters");
            if let Ok(hash) = hash {
                assert!(verify_password(&hash, &password).await.expect("readable"), "{n} characters");
            }
        }
    }
}
