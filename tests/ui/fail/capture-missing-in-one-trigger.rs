use triggers::prelude::*;

const WEEKLY: &str = "weekly.{region}";

#[on_message("reports.{region}.daily")]
#[on_message("reports.hourly")]
#[on_message(WEEKLY)]
#[on_event("report.made")]
async fn archive(region: String, _report: Text) {
    drop(region);
}

fn main() {}
