//! An `async fn` that never ends returns `()`, and so is a handler. A closure whose block never ends is not.

use triggers::prelude::*;

#[on_event("watch")]
async fn watch() {
    loop {
        std::future::pending::<()>().await;
    }
}

#[on_event("watch")]
async fn forever() -> std::convert::Infallible {
    loop {
        std::future::pending::<()>().await;
    }
}

fn main() {
    let config = ProcessConfig::new().trigger(TriggerConfig::event("watch"));
    let _builder = Runtime::builder().process("watch", config, || async {
        loop {
            std::future::pending::<()>().await;
        }
    });
}
