//! What the benches have in common. Each of them asks one question, and is a file beside this folder.

pub mod side;
