//! What a runtime shows of itself: its wiring, its status, and what happens to events.
//!
//! The folder has the data, the trait of observers, and their calls. It knows events and declarations. The later layers
//! fill the data in, and report what happens.

pub(crate) mod description;
pub(crate) mod observer;
pub(crate) mod status;
