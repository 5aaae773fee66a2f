//! The launcher: the step between the watchdog and the command.
//!
//! It is the process that becomes the command. Before that it binds its life to the watchdog's,
//! which only a process itself can do.

use std::{
    ffi::OsString,
    io::{self, Write},
    os::{
        fd::{AsFd, OwnedFd},
        unix::{net::UnixStream, process::CommandExt},
    },
    process::{Command, Stdio},
};

use rustix::{
    io::Errno,
    net::{RecvFlags, recv},
    process::{Pid, getpid, getppid},
};

use super::{Role, handover, not_called_by_a_guard, os, protocol::process_id};

/// A command on its way to being executed, as the watchdog sees it.
#[derive(Debug)]
pub(super) struct Launch {
    pub(super) pid: Pid,
    socket: UnixStream,
}

/// What has become of a [`Launch`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Launched {
    NotYet,
    Running,
    Refused { errno: i32 },
}

impl Launch {
    /// Starts the launcher, in a process group of its own.
    pub(super) fn begin(input: OwnedFd, command: &[OsString]) -> io::Result<Self> {
        let (near, far) = UnixStream::pair()?;
        handover::send(&near, b"\n", input.as_fd())?;
        let child = Command::new(os::own_image()?)
            .arg0("elect")
            .arg(Role::Launcher.name())
            .arg(getpid().as_raw_pid().to_string())
            .args(command)
            .stdin(Stdio::from(OwnedFd::from(far)))
            .process_group(0)
            .spawn()?;
        Ok(Self {
            pid: Pid::from_child(&child),
            socket: near,
        })
    }

    /// Looks whether the command has taken the launcher's place; never waits.
    pub(super) fn look(&self) -> Launched {
        let mut errno = [0; 4];
        match recv(&self.socket, &mut errno, RecvFlags::DONTWAIT) {
            Err(Errno::AGAIN | Errno::INTR) => Launched::NotYet,
            // The system closes the launcher's end in the moment it executes the command.
            Ok((_, 0)) | Err(_) => Launched::Running,
            Ok(_) => Launched::Refused {
                errno: i32::from_ne_bytes(errno),
            },
        }
    }
}

impl AsFd for Launch {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Becomes the command. Returns only if it cannot, after having told the watchdog why.
///
/// # Errors
///
/// If this process was not started by [`Launch::begin`].
pub(super) fn run(mut args: impl Iterator<Item = OsString>) -> io::Result<()> {
    let watchdog = args.next().and_then(|pid| process_id(pid.to_str()?));
    let (Some(watchdog), Some(program)) = (watchdog, args.next()) else {
        return Err(not_called_by_a_guard());
    };
    os::die_with_parent()?;
    // If the watchdog died before the line above, nobody would ever end the command.
    if getppid() != Some(watchdog) {
        return Err(not_called_by_a_guard());
    }
    // The duplicate is closed by the system when the command is executed: that is the good news.
    let socket = io::stdin().as_fd().try_clone_to_owned()?;
    let Some(input) = handover::receive(&socket, &mut Vec::new())? else {
        return Err(not_called_by_a_guard());
    };
    let refusal = Command::new(program)
        .args(args)
        .stdin(Stdio::from(input))
        .exec();
    let errno = refusal
        .raw_os_error()
        .unwrap_or(Errno::INVAL.raw_os_error());
    UnixStream::from(socket).write_all(&errno.to_ne_bytes())
}
