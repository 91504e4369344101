#[triggers::main(crates(billing))]
async fn main() {}
