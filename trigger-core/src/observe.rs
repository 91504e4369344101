//! What a runtime shows of itself: its wiring, its status, and what happens to events.
//!
//! The folder has only the data and the traits. It knows events and declarations. The later layers fill the data in.

pub(crate) mod description;
pub(crate) mod status;
