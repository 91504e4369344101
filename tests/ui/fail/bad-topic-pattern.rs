use triggers::prelude::*;

#[on_message("reports.da*ly.x")]
async fn archive(_event: TriggerEvent) {}

#[on_message("reports.>.daily")]
async fn rest_not_last(_event: TriggerEvent) {}

#[on_message("reports..daily")]
async fn empty_token(_event: TriggerEvent) {}

fn main() {}
