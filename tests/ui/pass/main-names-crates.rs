#![deny(warnings)]
//! Crates are named so that they are linked; a module of the same name is something else.
use triggers::prelude::*;

mod serde_json {}

#[triggers::main(crates(serde_json, tokio))]
async fn main(runtime: Builder) -> std::result::Result<(), std::io::Error> {
    drop(runtime);
    Ok(())
}
