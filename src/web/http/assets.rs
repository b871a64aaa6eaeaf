//! Static files inside the binary. Their addresses carry a hash of the content, so browsers may keep them for ever.

use crate::domain::text::cut_bytes;
use crate::web::http::routes::{Access, Route};
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::{HttpRequest, HttpResponse, web};
use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// Where the files are served.
pub const ROUTES: &[Route] = &[Route::get("/assets/{path:.*}", Access::Public, || web::to(asset))];

#[derive(RustEmbed)]
#[folder = "static/"]
struct Files;

/// A file as it is served.
struct Asset {
    body: Cow<'static, [u8]>,
    hash: String,
    kind: &'static str,
}

/// Files that are served as one, joined in this order: a page then needs few requests.
const BUNDLES: &[(&str, &[&str])] = &[
    (
        "app.css",
        &[
            "css/tokens.css",
            "css/base.css",
            "css/shell.css",
            "css/helpers.css",
            "css/state.css",
            "css/marks.css",
            "css/sparkline.css",
            "css/button.css",
            "css/segmented.css",
            "css/field.css",
            "css/composer.css",
            "css/section.css",
            "css/lines.css",
            "css/run.css",
            "css/menu.css",
            "css/prose.css",
            "css/message.css",
            "css/inset.css",
            "css/evidence.css",
            "css/footbar.css",
            "css/description-list.css",
            "css/notice.css",
            "css/empty.css",
            "css/toast.css",
            "css/attention-card.css",
            "css/home.css",
            "css/filters.css",
            "css/board.css",
            "css/column.css",
            "css/card.css",
            "css/ticket.css",
            "css/live.css",
            "css/luci.css",
            "css/turn.css",
            "css/luci-side.css",
            "css/console.css",
            "css/inbox.css",
            "css/tasks.css",
            "css/settings.css",
            "css/login.css",
        ],
    ),
    (
        "app.js",
        &[
            "js/theme.js",
            "js/times.js",
            "js/live.js",
            "js/toasts.js",
            "js/press.js",
            "js/stick.js",
            "js/screen.js",
            "js/draft.js",
            "js/sent.js",
            "js/luci.js",
            "js/board.js",
            "js/keys.js",
        ],
    ),
    ("htmx.js", &["js/vendor/htmx-4.0.1.min.js"]),
];

/// Files that are served by themselves.
const SINGLE: &[&str] = &["icons.svg", "mark.svg", "manifest.webmanifest", "icon-192.png", "icon-512.png", "touch-icon.png"];

/// The address of a static file, e.g. `url("app.css")` → `/assets/3f2a…/app.css`.
#[must_use]
pub fn url(name: &str) -> String {
    let hash = all().get(name).map_or("missing", |a| a.hash.as_str());
    format!("/assets/{hash}/{name}")
}

/// Answers `GET /assets/{path:.*}`: for ever under the right hash, afresh each time under another.
pub async fn asset(path: web::Path<String>, _req: HttpRequest) -> HttpResponse {
    let path = path.into_inner();
    let (hash, name) = path.split_once('/').unwrap_or(("", &path));
    let Some(found) = all().get(name) else {
        return HttpResponse::NotFound().content_type("text/plain; charset=utf-8").body("There is no such file.");
    };
    let cache = if hash == found.hash { "public, max-age=31536000, immutable" } else { "no-cache" };
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, found.kind))
        .insert_header((CACHE_CONTROL, cache))
        .body(web::Bytes::from_static(&found.body))
}

/// Every served file: name, content type, content.
pub fn each() -> impl Iterator<Item = (&'static str, &'static str, &'static [u8])> {
    all().iter().map(|(name, a)| (*name, a.kind, &*a.body))
}

fn all() -> &'static BTreeMap<&'static str, Asset> {
    static ALL: OnceLock<BTreeMap<&'static str, Asset>> = OnceLock::new();
    ALL.get_or_init(|| {
        let bundles = BUNDLES.iter().map(|(name, parts)| (*name, joined(parts)));
        // The manifest names the icons, whose addresses are known only now.
        let single = SINGLE.iter().filter_map(|name| Files::get(name).map(|f| (*name, f.data)));
        let mut all: BTreeMap<_, _> = bundles.chain(single).map(|(name, body)| (name, Asset::new(name, body))).collect();
        if let Some(manifest) = all.remove("manifest.webmanifest") {
            let mut text = String::from_utf8_lossy(&manifest.body).into_owned();
            for (name, a) in &all {
                text = text.replace(&format!("\"{name}\""), &format!("\"/assets/{}/{name}\"", a.hash));
            }
            all.insert("manifest.webmanifest", Asset::new("manifest.webmanifest", Cow::Owned(text.into_bytes())));
        }
        all
    })
}

fn joined(parts: &[&str]) -> Cow<'static, [u8]> {
    let mut out = Vec::new();
    for part in parts {
        if let Some(file) = Files::get(part) {
            out.extend_from_slice(&file.data);
            out.push(b'\n');
        }
    }
    Cow::Owned(out)
}

impl Asset {
    fn new(name: &str, body: Cow<'static, [u8]>) -> Asset {
        let digest: String = Sha256::digest(&body).iter().map(|b| format!("{b:02x}")).collect();
        let kind = match name.rsplit('.').next() {
            Some("css") => "text/css; charset=utf-8",
            Some("js") => "text/javascript; charset=utf-8",
            Some("svg") => "image/svg+xml",
            Some("png") => "image/png",
            Some("webmanifest") => "application/manifest+json",
            Some(_) | None => "application/octet-stream",
        };
        Asset { body, hash: cut_bytes(&digest, 12).0.to_owned(), kind }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_named_file_is_there() {
        for (_, parts) in BUNDLES {
            for part in *parts {
                assert!(Files::get(part).is_some(), "{part} is missing");
            }
        }
        for name in SINGLE {
            assert!(Files::get(name).is_some(), "{name} is missing");
        }
        assert!(url("app.css").ends_with("/app.css") && !url("app.css").contains("missing"));
    }

    #[actix_web::test]
    async fn a_hashed_address_may_be_kept_for_ever_and_a_stale_one_not() {
        let app = actix_web::test::init_service(actix_web::App::new().route("/assets/{path:.*}", web::get().to(asset))).await;
        let get = |uri: String| actix_web::test::TestRequest::get().uri(&uri).to_request();
        let fresh = actix_web::test::call_service(&app, get(url("app.js"))).await;
        assert_eq!(fresh.status(), 200);
        assert!(fresh.headers().get(CACHE_CONTROL).expect("set").to_str().expect("ascii").contains("immutable"));
        let stale = actix_web::test::call_service(&app, get("/assets/0/app.js".to_owned())).await;
        assert_eq!(stale.headers().get(CACHE_CONTROL).expect("set"), "no-cache");
        let none = actix_web::test::call_service(&app, get("/assets/0/../Cargo.toml".to_owned())).await;
        assert_eq!(none.status(), 404);
    }
}
