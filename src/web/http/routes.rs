//! The route table: the only way a route gets into the server. What a route asks of its caller stands beside its path.

use crate::web::http::problem::Problem;
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, guard, web};
use std::collections::BTreeMap;

/// What a route asks of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Nothing: no login.
    Public,
    /// May read all tickets.
    Read,
    /// May change tickets: owner and operator.
    Change,
    /// The owner alone.
    Owner,
    /// As `Read` (as `Change` where the method changes something), and a token bound to one ticket for that ticket: the
    /// path's `{identifier}` is compared; a handler without one must ask [`crate::web::http::principal::Principal::ticket`] itself.
    Ticket,
}

/// A route. `register` gives the handler without method and path: those are taken from here.
#[derive(Clone, Copy)]
pub struct Route {
    /// `GET`, `POST`, … A GET answers HEAD too, unless it is a stream.
    pub method: &'static str,
    /// The path's pattern.
    pub path: &'static str,
    /// What it asks of its caller.
    pub access: Access,
    /// The handler, as in `|| web::to(list)`.
    pub register: fn() -> actix_web::Route,
}

impl Route {
    /// A page, a fragment or a stream.
    #[must_use]
    pub const fn get(path: &'static str, access: Access, register: fn() -> actix_web::Route) -> Route {
        Route { method: "GET", path, access, register }
    }

    /// A form.
    #[must_use]
    pub const fn post(path: &'static str, access: Access, register: fn() -> actix_web::Route) -> Route {
        Route { method: "POST", path, access, register }
    }

    /// The method as a type.
    #[must_use]
    pub fn method(&self) -> Method {
        self.method.parse().expect("the table's methods are valid words")
    }

    /// Whether it is a stream of events.
    #[must_use]
    pub fn is_stream(&self) -> bool {
        self.path.ends_with("/stream")
    }
}

/// What a path asks of its callers, by method: kept with the path, so that the door need not look for it.
pub struct Asked(Vec<(Method, Access)>);

impl Asked {
    /// What a request with this method is asked; none where the path has no such method.
    #[must_use]
    pub fn of(&self, method: &Method) -> Option<Access> {
        let method = if *method == Method::HEAD { &Method::GET } else { method };
        self.0.iter().find(|(of, _)| of == method).map(|(_, access)| *access)
    }
}

/// Puts all routes of a table into a server.
pub fn configure(routes: &[Route], cfg: &mut web::ServiceConfig) {
    let mut order: Vec<&str> = Vec::new();
    let mut by_path: BTreeMap<&str, Vec<&Route>> = BTreeMap::new();
    for route in routes {
        let same = by_path.entry(route.path).or_default();
        if same.is_empty() {
            order.push(route.path);
        }
        same.push(route);
    }
    for path in order {
        let mut resource = web::resource(path);
        let (mut allowed, mut asked) = (Vec::new(), Vec::new());
        for route in &by_path[path] {
            allowed.push(route.method);
            asked.push((route.method(), route.access));
            let handler = (route.register)();
            resource = resource.route(match route.method() {
                Method::GET if !route.is_stream() => handler.guard(guard::Any(guard::Get()).or(guard::Head())),
                method => handler.method(method),
            });
        }
        let allowed = allowed.join(", ");
        cfg.service(
            resource.app_data(Asked(asked)).default_service(web::to(move |req: HttpRequest| other_method(req, allowed.clone()))),
        );
    }
}

async fn other_method(req: HttpRequest, allowed: String) -> HttpResponse {
    let text = format!("{} is not possible here; {allowed} is", req.method());
    let mut res = Problem::new(StatusCode::METHOD_NOT_ALLOWED, text).response();
    if let Ok(value) = allowed.parse() {
        res.headers_mut().insert(actix_web::http::header::ALLOW, value);
    }
    res
}
