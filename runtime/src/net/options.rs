//! Options of sockets: a getter and a setter each, passed on to the system.
//!
//! The macros are called inside an `impl` of a type that has a method `system`, which returns
//! something that derefs to a [`socket2::Socket`].

/// Declares pairs of a getter and a setter that the system's socket has under other names.
macro_rules! options {
    ($(
        $(#[$attr:meta])*
        $get:ident($sys_get:ident), $set:ident($sys_set:ident, $value:ident): $type:ty, $what:literal;
    )*) => {
        $(
            #[doc = concat!("The option ", $what, ".")]
            ///
            /// # Errors
            ///
            /// Whatever the system reports.
            $(#[$attr])*
            pub fn $get(&self) -> std::io::Result<$type> {
                self.system().$sys_get()
            }

            #[doc = concat!("Sets the option ", $what, ".")]
            ///
            /// # Errors
            ///
            /// Whatever the system reports.
            $(#[$attr])*
            pub fn $set(&self, $value: $type) -> std::io::Result<()> {
                self.system().$sys_set($value)
            }
        )*
    };
}

/// Options of what is written into packets, and of the device that they leave by.
macro_rules! packet_options {
    () => {
        crate::net::options::options! {
            #[cfg(any(
                target_os = "android", target_os = "dragonfly", target_os = "freebsd",
                target_os = "fuchsia", target_os = "linux", target_os = "macos",
                target_os = "netbsd", target_os = "openbsd", target_os = "cygwin",
            ))]
            tclass_v6(tclass_v6), set_tclass_v6(set_tclass_v6, tclass): u32,
                "`IPV6_TCLASS`: the traffic class of packets";
            #[cfg(not(any(
                target_os = "fuchsia", target_os = "redox", target_os = "solaris",
                target_os = "illumos", target_os = "haiku",
            )))]
            tos_v4(tos_v4), set_tos_v4(set_tos_v4, tos): u32,
                "`IP_TOS`: the type of service of packets";
            #[doc(hidden)]
            #[deprecated = "use `tos_v4` and `set_tos_v4`, which say that they are for IPv4"]
            #[cfg(not(any(
                target_os = "fuchsia", target_os = "redox", target_os = "solaris",
                target_os = "illumos", target_os = "haiku",
            )))]
            tos(tos_v4), set_tos(set_tos_v4, tos): u32,
                "`IP_TOS`: the type of service of packets";
        }

        /// The name of the network device it is bound to (`SO_BINDTODEVICE`).
        ///
        /// # Errors
        ///
        /// Whatever the system reports.
        #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
        pub fn device(&self) -> std::io::Result<Option<Vec<u8>>> {
            self.system().device()
        }

        /// Binds it to a network device (`SO_BINDTODEVICE`), or to none.
        ///
        /// # Errors
        ///
        /// Whatever the system reports; it may take privileges.
        #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
        pub fn bind_device(&self, interface: Option<&[u8]>) -> std::io::Result<()> {
            self.system().bind_device(interface)
        }
    };
}

pub(super) use {options, packet_options};
