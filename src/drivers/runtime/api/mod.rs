//! A model's plain API, without an agent around it.

pub mod ask_model;
