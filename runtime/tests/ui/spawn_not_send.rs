use std::rc::Rc;

async fn not_send() {
    let held = Rc::new(());
    std::future::ready(()).await;
    drop(held);
}

#[runtime::main]
async fn main() {
    runtime::spawn(not_send());
}
