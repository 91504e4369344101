//! What the benches have in common. Each of them asks one question, and is a file beside this folder.

pub mod markdown;
pub mod number;
pub mod side;
pub mod table;
