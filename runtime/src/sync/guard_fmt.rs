//! How every guard is formatted: as the value that it leads to.

/// `Debug` and `Display` of the value behind guards.
macro_rules! guard_fmt {
    ($(<$($parameter:tt),+> $guard:ty, $value:ident;)+) => {$(
        impl<$($parameter: ?Sized),+> std::fmt::Debug for $guard
        where
            $value: std::fmt::Debug,
        {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                (**self).fmt(f)
            }
        }

        impl<$($parameter: ?Sized),+> std::fmt::Display for $guard
        where
            $value: std::fmt::Display,
        {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                (**self).fmt(f)
            }
        }
    )+};
}
pub(super) use guard_fmt;
