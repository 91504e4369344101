use triggers::prelude::*;

#[on_message("reports/+/daily")]
async fn mqtt(_event: TriggerEvent) {}

#[on_message("reports.+.daily")]
async fn plus(_event: TriggerEvent) {}

#[on_message("reports.>.daily")]
async fn rest_first(_event: TriggerEvent) {}

fn main() {}
