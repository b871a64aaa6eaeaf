//! What must hold for any input whatever, as plain functions: the fuzz targets call them, and so does the main suite.

pub mod properties;
