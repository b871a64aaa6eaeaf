//! The page of a ticket.

pub mod edit;
pub mod forms;
pub mod page;
pub mod stream;
pub mod view;
pub mod view_comment;
pub mod view_edit;
pub mod view_event;
pub mod view_head;
pub mod view_live;
pub mod view_side;
