use triggers::prelude::*;

#[on_message("reports.{day}.{day}")]
async fn archive(_day: String) {}

#[on_message("reports.{day")]
async fn open(_day: String) {}

#[on_message("reports.x{day}")]
async fn part(_day: String) {}

fn main() {}
