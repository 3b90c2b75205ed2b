//! How to create and open named pipes. Neither compiled nor tested by the checks of this repository:
//! see the parent, whose N1 and N2 are meant.
#![allow(unsafe_code)]

use super::{NamedPipeClient, NamedPipeServer, PipeMode};
use std::ffi::{OsStr, c_void};
use std::io;
use std::os::windows::ffi::OsStrExt;
use std::os::windows::io::RawHandle;
use std::ptr;
use windows_sys::Win32::Foundation::{GENERIC_READ, GENERIC_WRITE, INVALID_HANDLE_VALUE};
use windows_sys::Win32::Security::SECURITY_ATTRIBUTES;
use windows_sys::Win32::Storage::FileSystem::{
    CreateFileW, FILE_FLAG_FIRST_PIPE_INSTANCE, FILE_FLAG_OVERLAPPED, OPEN_EXISTING,
    PIPE_ACCESS_INBOUND, PIPE_ACCESS_OUTBOUND, SECURITY_IDENTIFICATION, SECURITY_SQOS_PRESENT,
    WRITE_DAC, WRITE_OWNER,
};
use windows_sys::Win32::System::Pipes::{
    CreateNamedPipeW, PIPE_ACCEPT_REMOTE_CLIENTS, PIPE_READMODE_MESSAGE,
    PIPE_REJECT_REMOTE_CLIENTS, PIPE_TYPE_BYTE, PIPE_TYPE_MESSAGE, PIPE_UNLIMITED_INSTANCES,
    SetNamedPipeHandleState,
};
use windows_sys::Win32::System::SystemServices::ACCESS_SYSTEM_SECURITY;

const BUFFER_SIZE: u32 = 65536;

/// Declares flags that are set and cleared by methods of their names.
macro_rules! flags {
    ($($(#[$attr:meta])* $name:ident;)*) => {
        $(
            $(#[$attr])*
            pub fn $name(&mut self, value: bool) -> &mut Self {
                self.$name = value;
                self
            }
        )*
    };
}

/// How to create the server's end of a named pipe.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    pipe_mode: PipeMode,
    access_inbound: bool,
    access_outbound: bool,
    first_pipe_instance: bool,
    write_dac: bool,
    write_owner: bool,
    access_system_security: bool,
    reject_remote_clients: bool,
    max_instances: u32,
    out_buffer_size: u32,
    in_buffer_size: u32,
}

impl ServerOptions {
    /// The usual: bytes, both directions, local clients only, any number of instances.
    #[allow(clippy::new_without_default)] // As users know it.
    pub fn new() -> ServerOptions {
        ServerOptions {
            pipe_mode: PipeMode::Byte,
            access_inbound: true,
            access_outbound: true,
            first_pipe_instance: false,
            write_dac: false,
            write_owner: false,
            access_system_security: false,
            reject_remote_clients: true,
            max_instances: PIPE_UNLIMITED_INSTANCES,
            out_buffer_size: BUFFER_SIZE,
            in_buffer_size: BUFFER_SIZE,
        }
    }

    /// Sets whether messages are kept apart.
    pub fn pipe_mode(&mut self, pipe_mode: PipeMode) -> &mut Self {
        self.pipe_mode = pipe_mode;
        self
    }

    flags! {
        /// Sets whether data may come from the client.
        access_inbound;
        /// Sets whether data may go to the client.
        access_outbound;
        /// Sets whether creating fails if there is an instance of the name already.
        first_pipe_instance;
        /// Sets whether the server may change who may open the pipe.
        write_dac;
        /// Sets whether the server may change the owner of the pipe.
        write_owner;
        /// Sets whether the server may change what is audited.
        access_system_security;
        /// Sets whether clients of other machines are refused.
        reject_remote_clients;
    }

    /// Sets how many instances of the name there may be.
    ///
    /// # Panics
    ///
    /// Panics if there are more than 254: leave it unset for any number.
    #[track_caller]
    pub fn max_instances(&mut self, instances: usize) -> &mut Self {
        assert!(instances < 255, "cannot specify more than 254 instances");
        self.max_instances = instances as u32;
        self
    }

    /// Sets how many bytes the buffer for outgoing data has.
    pub fn out_buffer_size(&mut self, buffer: u32) -> &mut Self {
        self.out_buffer_size = buffer;
        self
    }

    /// Sets how many bytes the buffer for incoming data has.
    pub fn in_buffer_size(&mut self, buffer: u32) -> &mut Self {
        self.in_buffer_size = buffer;
        self
    }

    /// Creates an instance with the name `addr`, such as `\\.\pipe\name`.
    ///
    /// # Errors
    ///
    /// Whatever the system reports.
    ///
    /// # Panics
    ///
    /// Panics outside of a runtime, or if its I/O is not enabled.
    #[track_caller]
    pub fn create(&self, addr: impl AsRef<OsStr>) -> io::Result<NamedPipeServer> {
        // SAFETY: no attributes.
        unsafe { self.create_with_security_attributes_raw(addr, ptr::null_mut()) }
    }

    /// As [`create`](Self::create), with security attributes.
    ///
    /// # Safety
    ///
    /// `attrs` is null, or a pointer to a valid `SECURITY_ATTRIBUTES`.
    ///
    /// # Errors
    ///
    /// As `create`.
    ///
    /// # Panics
    ///
    /// As `create`.
    #[track_caller]
    pub unsafe fn create_with_security_attributes_raw(
        &self,
        addr: impl AsRef<OsStr>,
        attrs: *mut c_void,
    ) -> io::Result<NamedPipeServer> {
        let either = |is_set: bool, yes: u32, no: u32| if is_set { yes } else { no };
        let open_mode = FILE_FLAG_OVERLAPPED
            | either(self.access_inbound, PIPE_ACCESS_INBOUND, 0)
            | either(self.access_outbound, PIPE_ACCESS_OUTBOUND, 0)
            | either(self.first_pipe_instance, FILE_FLAG_FIRST_PIPE_INSTANCE, 0)
            | either(self.write_dac, WRITE_DAC, 0)
            | either(self.write_owner, WRITE_OWNER, 0)
            | either(self.access_system_security, ACCESS_SYSTEM_SECURITY, 0);
        let keeps_messages = self.pipe_mode == PipeMode::Message;
        let pipe_mode = either(
            keeps_messages,
            PIPE_TYPE_MESSAGE | PIPE_READMODE_MESSAGE,
            PIPE_TYPE_BYTE,
        ) | either(
            self.reject_remote_clients,
            PIPE_REJECT_REMOTE_CLIENTS,
            PIPE_ACCEPT_REMOTE_CLIENTS,
        );
        let name = wide(addr.as_ref());
        // SAFETY: by N2; the caller promises the attributes.
        let handle = unsafe {
            CreateNamedPipeW(
                name.as_ptr(),
                open_mode,
                pipe_mode,
                self.max_instances,
                self.out_buffer_size,
                self.in_buffer_size,
                0,
                attrs.cast::<SECURITY_ATTRIBUTES>(),
            )
        };
        if handle == INVALID_HANDLE_VALUE {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: by N1; it was opened for overlapped operations.
        unsafe { NamedPipeServer::from_raw_handle(handle as RawHandle) }
    }
}

/// How to open the client's end of a named pipe.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    read: bool,
    write: bool,
    security_qos_flags: u32,
    pipe_mode: PipeMode,
}

impl ClientOptions {
    /// The usual: bytes, both directions, and a server that may see who the client is.
    #[allow(clippy::new_without_default)] // As users know it.
    pub fn new() -> ClientOptions {
        ClientOptions {
            read: true,
            write: true,
            security_qos_flags: SECURITY_IDENTIFICATION | SECURITY_SQOS_PRESENT,
            pipe_mode: PipeMode::Byte,
        }
    }

    flags! {
        /// Sets whether to read.
        read;
        /// Sets whether to write.
        write;
    }

    /// Sets what the server may do in the client's name.
    pub fn security_qos_flags(&mut self, flags: u32) -> &mut Self {
        self.security_qos_flags = flags | SECURITY_SQOS_PRESENT;
        self
    }

    /// Sets whether messages are kept apart.
    pub fn pipe_mode(&mut self, pipe_mode: PipeMode) -> &mut Self {
        self.pipe_mode = pipe_mode;
        self
    }

    /// Opens the pipe with the name `addr`.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is none, `ERROR_PIPE_BUSY` if all instances have a client, for which
    /// nobody can wait: try again later.
    ///
    /// # Panics
    ///
    /// Panics outside of a runtime, or if its I/O is not enabled.
    #[track_caller]
    pub fn open(&self, addr: impl AsRef<OsStr>) -> io::Result<NamedPipeClient> {
        // SAFETY: no attributes.
        unsafe { self.open_with_security_attributes_raw(addr, ptr::null_mut()) }
    }

    /// As [`open`](Self::open), with security attributes.
    ///
    /// # Safety
    ///
    /// `attrs` is null, or a pointer to a valid `SECURITY_ATTRIBUTES`.
    ///
    /// # Errors
    ///
    /// As `open`.
    ///
    /// # Panics
    ///
    /// As `open`.
    #[track_caller]
    pub unsafe fn open_with_security_attributes_raw(
        &self,
        addr: impl AsRef<OsStr>,
        attrs: *mut c_void,
    ) -> io::Result<NamedPipeClient> {
        let access =
            if self.read { GENERIC_READ } else { 0 } | if self.write { GENERIC_WRITE } else { 0 };
        let name = wide(addr.as_ref());
        // SAFETY: by N2; the caller promises the attributes.
        let handle = unsafe {
            CreateFileW(
                name.as_ptr(),
                access,
                0,
                attrs.cast::<SECURITY_ATTRIBUTES>(),
                OPEN_EXISTING,
                FILE_FLAG_OVERLAPPED | self.security_qos_flags,
                ptr::null_mut(),
            )
        };
        if handle == INVALID_HANDLE_VALUE {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: by N1; it was opened for overlapped operations.
        let client = unsafe { NamedPipeClient::from_raw_handle(handle as RawHandle)? };
        if self.pipe_mode == PipeMode::Message {
            let mode = PIPE_READMODE_MESSAGE;
            // SAFETY: by N1 and N2.
            let done = unsafe {
                SetNamedPipeHandleState(handle, &raw const mode, ptr::null(), ptr::null())
            };
            if done == 0 {
                return Err(io::Error::last_os_error());
            }
        }
        Ok(client)
    }
}

fn wide(name: &OsStr) -> Vec<u16> {
    name.encode_wide().chain(Some(0)).collect()
}
