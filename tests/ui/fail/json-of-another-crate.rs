//! `axum::Json` is another type than `triggers::Json`.

/// As the crate has it.
mod axum {
    pub struct Json<T>(pub T);
}

use axum::Json;
use triggers::{Runtime, on_event};

#[on_event("order.paid")]
async fn ship(Json(order): Json<u64>) {
    println!("{order}");
}

fn main() {
    let config = triggers::ProcessConfig::new().trigger(triggers::TriggerConfig::event("order.paid"));
    let _builder = Runtime::builder().process("bill", config, |Json(_order): Json<u64>| async {});
}
