//! The framework under another name, and an attribute under another name.
mod framework {
    pub use triggers::*;
}

use framework::on_event as when;

#[when("order.paid", crate = crate::framework, overflow = "reject")]
#[framework::process(key = |number: &u64| number % 2)]
async fn ship(_event: framework::TriggerEvent) {}

#[framework::main(crate = framework)]
async fn main(runtime: framework::Builder) -> framework::Result<()> {
    drop(runtime);
    Ok(())
}
