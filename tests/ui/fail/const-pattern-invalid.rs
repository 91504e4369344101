use triggers::prelude::*;

const REPORTS: &str = "reports.#";

mod paths {
    pub const EVENTS: &str = "events";
}

#[on_message(REPORTS)]
#[on_webhook(paths::EVENTS)]
async fn archive(_event: TriggerEvent) {}

fn main() {}
