use triggers::prelude::*;

fn main() {
    let limit = 500;

    #[on_event("number", filter = |number: &u16| *number >= limit)]
    async fn large(_event: TriggerEvent) {}
}
