//! The few names that every conversation uses; nothing else.

pub use crate::event::{AnsweredBy, CloseReason, Kind, Raw};
pub use crate::session::Session;
