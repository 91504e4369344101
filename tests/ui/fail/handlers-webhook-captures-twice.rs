use triggers::prelude::*;

#[on_webhook("/hooks/{tenant}/push")]
async fn push(tenant: String) {
    drop(tenant);
}

#[on_webhook("/hooks/{name}/push", host = "127.0.0.1")]
async fn push_again(name: String) {
    drop(name);
}

#[on_webhook("/hooks/github/push")]
async fn literal() {}

#[on_webhook("/{any}/{other}/push")]
async fn overlapping(any: String, other: String) {
    drop((any, other));
}

fn main() {
    let _listed = handlers![push, push_again, literal, overlapping];
}
