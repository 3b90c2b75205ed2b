//! Which errors say that the system does not have a call, or that a sandbox forbids it.

use std::io;

/// Whether to do without the call that failed. What the system has no room for at the moment is
/// not refused: the caller hears of it.
///
/// Sandboxes answer with `EPERM`, `EACCES` or `ENOSYS`, old kernels with the last or `EINVAL`;
/// others may have their own, so the few others are listed.
pub(crate) fn is_refusal(error: &io::Error) -> bool {
    let no_room = [libc::EMFILE, libc::ENFILE, libc::ENOMEM, libc::ENOSPC];
    !no_room.iter().any(|&it| error.raw_os_error() == Some(it))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn want_of_room_is_no_refusal() {
        for (number, is_refused) in [
            (libc::EPERM, true),
            (libc::EACCES, true),
            (libc::ENOSYS, true),
            (libc::EINVAL, true),
            (libc::EMFILE, false),
            (libc::ENFILE, false),
            (libc::ENOMEM, false),
            (libc::ENOSPC, false),
        ] {
            let error = io::Error::from_raw_os_error(number);
            assert_eq!(is_refusal(&error), is_refused, "{error}");
        }
    }
}
