use triggers::prelude::*;

#[on_message("reports.{region}.daily")]
async fn archive(_report: Text) {}

fn main() {}
