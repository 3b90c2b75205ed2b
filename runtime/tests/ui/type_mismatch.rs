#[runtime::main]
async fn missing_return_type() {
    Ok(())
}

#[runtime::main(flavor = "current_thread")]
async fn extra_semicolon() -> Result<(), ()> {
    Ok(());
}

#[runtime::main]
async fn in_a_block<T: Default>() -> Result<T, ()> {
    T::default()
}

#[runtime::main]
async fn question_mark() -> Option<()> {
    None?;
}

#[runtime::test]
async fn test_body() {
    1
}

fn main() {}
