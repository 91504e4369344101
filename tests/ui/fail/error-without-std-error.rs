//! The error of a handler implements `std::error::Error`.

use triggers::prelude::*;

#[derive(Debug)]
struct NoStock;

#[on_event("order.paid")]
async fn ship() -> std::result::Result<(), NoStock> {
    Err(NoStock)
}

#[on_event("order.paid")]
async fn bill() -> Result<()> {
    Err(NoStock)?
}

fn main() {
    let config = ProcessConfig::new().trigger(TriggerConfig::event("order.paid"));
    let _builder = Runtime::builder().process("tell", config, || async { Err::<(), _>(NoStock) });
}
