use triggers::prelude::*;

#[triggers::main(crats(billing), crates = reports)]
async fn main(runtime: Builder, port: u16) -> Result<()> {
    let _ = port;
    runtime.run().await
}
