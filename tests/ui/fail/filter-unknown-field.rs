use triggers::prelude::*;

#[derive(Deserialize)]
struct PipelineError {
    code: u16,
}

#[on_event("pipeline.error", filter = |e: &PipelineError| e.kode >= 500)]
async fn page(_event: TriggerEvent) {}

#[on_event("pipeline.error", filter = |e: &PipelineError| e.code >= "500")]
async fn tell(_event: TriggerEvent) {}

fn main() {}
