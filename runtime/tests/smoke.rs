//! Smoke.
use runtime::runtime::Builder;
use std::time::{Duration, Instant};
#[test]
fn multi() {
    let rt = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let n = rt.block_on(async {
        let mut sum = 0;
        let hs: Vec<_> = (0..1000)
            .map(|i| {
                runtime::spawn(async move {
                    runtime::task::yield_now().await;
                    i
                })
            })
            .collect();
        for h in hs {
            sum += h.await.unwrap();
        }
        let t = Instant::now();
        runtime::time::sleep(Duration::from_millis(10)).await;
        eprintln!("slept {:?}", t.elapsed());
        let x = runtime::task::spawn_blocking(|| 7).await.unwrap();
        assert_eq!(x, 7);
        sum
    });
    assert_eq!(n, 499500);
}
#[test]
fn current() {
    let rt = Builder::new_current_thread().enable_all().build().unwrap();
    let n = rt.block_on(async {
        let mut sum = 0;
        let hs: Vec<_> = (0..1000)
            .map(|i| {
                runtime::spawn(async move {
                    runtime::task::yield_now().await;
                    i
                })
            })
            .collect();
        for h in hs {
            sum += h.await.unwrap();
        }
        runtime::time::sleep(Duration::from_millis(10)).await;
        let x = runtime::task::spawn_blocking(|| 7).await.unwrap();
        assert_eq!(x, 7);
        sum
    });
    assert_eq!(n, 499500);
}
