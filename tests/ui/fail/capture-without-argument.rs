use triggers::prelude::*;

#[on_message("reports.{region}.daily")]
async fn archive(_report: Text) {}

#[on_webhook("/hooks/{tenant}")]
async fn receive(_body: Text) {}

fn main() {}
