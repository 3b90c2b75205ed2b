//! What loom and shuttle share: locks with our interface over std-like ones.

macro_rules! checked_locks {
    ($checker:ident) => {
        pub(crate) use ::$checker::sync::MutexGuard;

        #[derive(Debug)]
        pub(crate) struct Mutex<T>(::$checker::sync::Mutex<T>);

        impl<T: Default> Default for Mutex<T> {
            fn default() -> Self {
                Self::new(T::default())
            }
        }

        impl<T> Mutex<T> {
            pub(crate) fn new(value: T) -> Self {
                Self(::$checker::sync::Mutex::new(value))
            }

            pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
                match self.0.lock() {
                    Ok(guard) => guard,
                    Err(poisoned) => poisoned.into_inner(),
                }
            }

            pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
                self.0.try_lock().ok()
            }

            pub(crate) fn get_mut(&mut self) -> &mut T {
                self.0.get_mut().expect("poisoned in a model")
            }

            pub(crate) fn into_inner(self) -> T {
                self.0.into_inner().expect("poisoned in a model")
            }
        }

        #[derive(Debug)]
        pub(crate) struct Condvar(::$checker::sync::Condvar);

        impl Default for Condvar {
            fn default() -> Self {
                Self::new()
            }
        }

        impl Condvar {
            pub(crate) fn new() -> Self {
                Self(::$checker::sync::Condvar::new())
            }

            pub(crate) fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
                self.0.wait(guard).expect("poisoned in a model")
            }

            /// Neither checker lets time pass: waits until notified.
            pub(crate) fn wait_timeout<'a, T>(
                &self,
                guard: MutexGuard<'a, T>,
                _limit: std::time::Duration,
            ) -> (MutexGuard<'a, T>, bool) {
                (self.wait(guard), false)
            }

            pub(crate) fn notify_one(&self) {
                self.0.notify_one();
            }

            pub(crate) fn notify_all(&self) {
                self.0.notify_all();
            }
        }
    };
}
pub(super) use checked_locks;
