#[runtime::test]
fn not_async() {}

#[runtime::test(foo = 123)]
async fn unknown_name() {}

#[runtime::test(worker_threads = 4)]
async fn workers_of_current_thread() {}

#[runtime::test(flavor = "multi_thread", start_paused = false)]
async fn paused_multi_thread() {}

#[runtime::test(root = "spawn")]
async fn spawned() {}

#[runtime::test]
#[test]
async fn second_attribute() {}

#[runtime::test]
#[runtime::test]
async fn second_attribute_of_ours() {}

fn main() {}
