use triggers::prelude::*;

#[derive(Deserialize)]
struct PipelineError {
    code: u16,
}

#[on_event("pipeline.error", filter = |e: &PipelineError| e.code)]
async fn page(_event: TriggerEvent) {}

fn main() {}
