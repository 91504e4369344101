use triggers::prelude::*;

const ALL: &str = "/all/{tenant}";

struct Tenant;

#[on_webhook("/hooks/{tenant}")]
#[on_webhook("/hooks")]
#[on_webhook(ALL)]
#[on_dead_letter]
async fn missing_in_other_triggers(tenant: String, _body: Text) {
    drop(tenant);
}

#[on_webhook("/tenants/{tenant}")]
async fn without_from_str(tenant: Tenant) {
    drop(tenant);
}

#[on_webhook("/names/{tenant}")]
async fn neither_capture_nor_extractor(tenant: String, name: String) {
    drop((tenant, name));
}

fn main() {}
