use triggers::prelude::*;

struct PipelineError {
    code: u16,
}

#[on_event("pipeline.error", filter = |e: &PipelineError| e.code >= 500)]
async fn page(_event: TriggerEvent) {}

fn main() {}
