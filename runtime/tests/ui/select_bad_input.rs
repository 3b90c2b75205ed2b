async fn no_branches() {
    runtime::select! {}
}

async fn only_biased() {
    runtime::select! { biased; }
}

async fn else_not_last() {
    runtime::select! {
        else => {}
        _ = async {} => {}
    }
}

async fn missing_comma() {
    runtime::select! {
        x = async { 1 } => x
        y = async { 2 } => y
    };
}

async fn missing_future() {
    runtime::select! { x => x }
}

async fn missing_handler() {
    runtime::select! { x = async { 1 } }
}

async fn binding_precondition() {
    runtime::select! { x = async { 1 }, if let Some(y) = Some(2) => x + y };
}

async fn precondition_not_a_bool() {
    runtime::select! { _ = async {}, if 1 => {} }
}

async fn not_a_future() {
    runtime::select! { x = 1 => x };
}

async fn handlers_of_two_types() {
    runtime::select! {
        _ = async {} => 1,
        _ = async {} => "two",
    };
}

fn outside_async() {
    runtime::select! { _ = async {} => {} }
}

fn main() {}
