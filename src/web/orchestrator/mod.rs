//! The conversation with the orchestrator.

pub mod forms;
pub mod load;
pub mod page;
pub mod proposals;
pub mod stream;
pub mod view;
pub mod view_edit;
pub mod view_proposals;
pub mod view_side;
pub mod view_turn;
