#[runtime::main(flavor = "current_thread", worker_threads = 4)]
async fn workers_of_current_thread() {}

#[runtime::main(flavor = "multi_thread", start_paused = true)]
async fn paused_multi_thread() {}

#[runtime::main(unhandled_panic = "shutdown_runtime")]
async fn shutdown_of_multi_thread() {}

#[runtime::main(flavor = "current_thread", root = "spawn")]
async fn spawn_on_current_thread() {}

fn main() {}
