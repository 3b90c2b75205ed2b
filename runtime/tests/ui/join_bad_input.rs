async fn separator() {
    runtime::join!(async {}; async {});
}

async fn not_a_future() {
    runtime::join!(async {}, 1);
}

async fn biased_with_comma() {
    runtime::join!(biased, async {});
}

fn outside_async() {
    runtime::join!(async {});
}

async fn not_a_result() {
    let _ = runtime::try_join!(async { Ok::<_, ()>(1) }, async { 2 });
}

async fn two_error_types() {
    let _ = runtime::try_join!(async { Err::<(), u8>(1) }, async { Err::<(), String>(String::new()) });
}

fn main() {}
