use triggers::prelude::*;

#[on_webhook("/files/v{version}")]
async fn inside_a_segment(version: String) {
    drop(version);
}

#[on_webhook("/files/{}")]
async fn without_a_name() {}

#[on_webhook("/files/{file-name}")]
async fn of_another_name() {}

#[on_webhook("/{id}/files/{id}")]
async fn twice(id: String) {
    drop(id);
}

#[on_webhook("/files/{*rest}")]
async fn of_several_segments() {}

#[on_webhook("/files/*")]
async fn wildcard() {}

#[on_webhook("/files/:id")]
async fn of_another_router() {}

const CONST: &str = "/files/<id>";

#[on_webhook(CONST)]
async fn const_path() {}

fn main() {}
