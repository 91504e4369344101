use triggers::prelude::*;

struct Day(u32);

#[on_message("reports.{day}")]
async fn archive(day: Day) {
    drop(day);
}

#[on_message("reports.{day}")]
#[on_event("report.asked")]
async fn maybe(day: Option<Day>) {
    drop(day);
}

fn main() {}
