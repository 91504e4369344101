use triggers::prelude::*;

#[derive(Serialize, Deserialize)]
struct Build { job: String, passed: bool }

#[on_webhook("/builds", port = 9090, host = "127.0.0.1")]
async fn receive(Json(build): Json<Build>, bus: EventBus) -> Result<()> {
    let kind = if build.passed { "build.passed" } else { "build.failed" };
    bus.emit(kind, &build).source("ci").await?;
    Ok(())
}

#[on_event("build.failed", source = "ci")]
async fn report(Json(build): Json<Build>, broker: MessageBroker) -> Result<()> {
    broker.publish(&format!("reports.{}.failed", Topic::token(&build.job)), "have a look").await?;
    Ok(())
}

#[on_message("reports.{job}.*")]
async fn tell(job: String, text: Text) { println!("{job}: {text}"); }

#[triggers::main]
async fn main() {}

#[test]
fn wiring() {
    triggers::check().unwrap();
}
