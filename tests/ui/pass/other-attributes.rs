//! Foreign attributes on a handler: those that change the fn, in any position, and those that only describe it.

use triggers::prelude::*;

#[on_event("order.paid")]
#[tracing::instrument(skip_all)]
#[process(retry = 2)]
async fn above(_event: TriggerEvent) -> Result<()> {
    Ok(())
}

#[tracing::instrument(skip_all)]
#[on_event("order.paid")]
async fn below(_event: TriggerEvent) {}

#[on_event("order.paid")]
#[rustfmt::skip]
#[allow(clippy::unused_async)]
async fn tools() {}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let runtime = Runtime::builder().handlers(handlers![above, below, tools]).start().await.unwrap();
    assert_eq!(runtime.bus().emit("order.paid", 1).await.unwrap().queued(), Some(3));
    assert_eq!(runtime.shutdown().await.completed, 3);
}
