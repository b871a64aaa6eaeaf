//! The pages and their pieces. One `Markup` function per thing: the page, the fragment and the stream all call it.

pub mod board;
pub mod card;
pub mod comment;
pub mod composer;
pub mod console;
pub mod edit;
pub mod error;
pub mod event;
pub mod home;
pub mod inbox;
pub mod lit;
pub mod live;
pub mod login;
pub mod luci;
pub mod luci_edit;
pub mod luci_side;
pub mod luci_slip;
pub mod luci_turn;
pub mod resting;
pub mod run_row;
pub mod settings;
pub mod task;
pub mod tasks;
pub mod telegram;
pub mod ticket;
pub mod ticket_head;
pub mod ticket_side;

#[cfg(test)]
mod gallery_tests;
#[cfg(test)]
mod home_gallery_tests;
#[cfg(test)]
mod luci_gallery_tests;
#[cfg(test)]
mod ticket_gallery_tests;
#[cfg(test)]
mod xss_tests;
