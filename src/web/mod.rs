//! Floor 4: the web. Views are pure (plain values in, `Markup` out); pages read the store and call them; `api` is the
//! JSON contract; every route stands in a table with what it asks of its caller.

pub mod api;
pub mod assets;
pub mod follow;
pub mod guard;
pub mod live;
pub mod markdown;
pub mod pages;
pub mod pieces;
pub mod problem;
pub mod security;
pub mod server;
pub mod shared;
pub mod shown;
pub mod state;
pub mod ui;
pub mod views;
