#[runtime::main(foo)]
async fn unknown_name() {}

#[runtime::main(threadpool::bar)]
async fn path_for_a_name() {}

#[runtime::main(core_threads = 2)]
async fn old_name() {}

#[runtime::main(threaded_scheduler)]
async fn old_flavor_name() {}

#[runtime::main(flavor)]
async fn missing_value() {}

#[runtime::main(worker_threads = 2, worker_threads = 3)]
async fn given_twice() {}

#[runtime::main(flavor = 123)]
async fn flavor_not_a_string() {}

#[runtime::main(flavor = "foo")]
async fn unknown_flavor() {}

#[runtime::main(flavor = "single_thread")]
async fn flavor_with_another_name() {}

#[runtime::main(worker_threads = "foo")]
async fn worker_threads_not_an_integer() {}

#[runtime::main(worker_threads = 0)]
async fn no_workers() {}

#[runtime::main(start_paused = 1)]
async fn start_paused_not_a_bool() {}

#[runtime::main(name = 1)]
async fn name_not_a_string() {}

#[runtime::main(unhandled_panic = "explode")]
async fn unknown_unhandled_panic() {}

#[runtime::main(root = "elsewhere")]
async fn unknown_root() {}

#[runtime::main(crate = 456)]
async fn crate_not_a_path() {}

#[runtime::main(crate = "456")]
async fn crate_string_not_a_path() {}

fn main() {}
