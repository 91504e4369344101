//! What the benches have in common. Each of them asks one question, and is a file beside this folder.

pub mod child;
pub mod cpu;
pub mod request;
pub mod side;
pub mod spread;
pub mod tally;
