//! Signals as streams.

pub use ::runtime::signal::ctrl_c;

/// What only Unix has.
#[cfg(unix)]
pub mod unix {
    pub use ::runtime::signal::unix::{Signal, SignalKind, signal};
}

/// What only Windows has.
#[cfg(windows)]
pub mod windows {
    pub use ::runtime::signal::windows::{
        CtrlBreak, CtrlC, CtrlClose, CtrlLogoff, CtrlShutdown, ctrl_break, ctrl_c, ctrl_close,
        ctrl_logoff, ctrl_shutdown,
    };
}
