#![deny(warnings)]
//! `crates(..)` links crates, also if a module has the name of one.
use triggers::prelude::*;

mod serde_json {}

#[triggers::main(crates(serde_json, tokio))]
async fn main(runtime: Builder) -> std::result::Result<(), std::io::Error> {
    drop(runtime);
    Ok(())
}
