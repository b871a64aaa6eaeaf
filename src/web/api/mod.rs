//! JSON under `/api/v1`: a contract with structs of its own.

use super::guard::{Access, Route};
use actix_web::web;

mod operate;

/// Every route of the contract.
pub const ROUTES: &[Route] = &[
    Route { method: "GET", path: "/api/v1/health", access: Access::Public, register: || web::to(operate::health) },
    Route { method: "GET", path: "/api/v1/check", access: Access::Owner, register: || web::to(operate::invariants) },
];
