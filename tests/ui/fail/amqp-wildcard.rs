use triggers::prelude::*;

#[on_message("reports.#")]
async fn archive(_event: TriggerEvent) {}

fn main() {}
