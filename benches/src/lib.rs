//! The shared parts of the benches. Each bench answers one question, and is a file beside this folder.

pub mod awaiting;
pub mod child;
pub mod cpu;
pub mod done;
pub mod hop;
pub mod markdown;
pub mod number;
#[cfg(feature = "report")]
pub mod plot;
#[cfg(feature = "report")]
pub mod report;
pub mod request;
pub mod runs;
pub mod side;
pub mod subscribed;
pub mod table;
pub mod tally;
