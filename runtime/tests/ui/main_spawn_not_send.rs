use std::rc::Rc;

#[runtime::main(root = "spawn")]
async fn not_send() {
    let held = Rc::new(());
    std::future::ready(()).await;
    drop(held);
}

#[runtime::main(root = "spawn")]
async fn borrows(text: &str) -> usize {
    text.len()
}

fn main() {}
