//! Renders every page with believable and with hard data.
