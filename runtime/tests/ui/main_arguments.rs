#[runtime::main]
async fn main(_count: usize) {}
