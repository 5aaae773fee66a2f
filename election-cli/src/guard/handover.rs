//! Hands an open file from one process to the next.
//!
//! A child's standard input is the one descriptor that safe code can both give and take besides
//! output and error. So it carries a socket, and the real input follows over that socket.

use std::{
    fs::File,
    io::{self, IoSlice, IoSliceMut, IsTerminal},
    mem::MaybeUninit,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use rustix::{
    cmsg_space,
    io::{Errno, FdFlags, fcntl_setfd},
    net::{
        RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
        SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
    },
};

/// The input the command shall read: the supervisor's own, unless that is a terminal.
///
/// A command outside the terminal's foreground group would be stopped by reading it.
pub(super) fn command_input() -> io::Result<OwnedFd> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        Ok(File::open("/dev/null")?.into())
    } else {
        stdin.as_fd().try_clone_to_owned()
    }
}

/// Sends `bytes` and with them a duplicate of `file`.
pub(super) fn send(socket: impl AsFd, bytes: &[u8], file: BorrowedFd<'_>) -> io::Result<()> {
    let files = [file];
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    ancillary.push(SendAncillaryMessage::ScmRights(&files));
    let sent = sendmsg(
        socket,
        &[IoSlice::new(bytes)],
        &mut ancillary,
        SendFlags::empty(),
    )?;
    if sent < bytes.len() {
        return Err(io::ErrorKind::WriteZero.into());
    }
    Ok(())
}

/// Waits for what [`send`] sent; returns the file and appends the bytes to `bytes`.
///
/// `None` if the other end closed the socket, or sent no file.
pub(super) fn receive(socket: impl AsFd, bytes: &mut Vec<u8>) -> io::Result<Option<OwnedFd>> {
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut buffer = [0; 256];
    let received = loop {
        let into = &mut [IoSliceMut::new(&mut buffer)];
        match recvmsg(&socket, into, &mut ancillary, RecvFlags::empty()) {
            Err(Errno::INTR) => {}
            other => break other?.bytes,
        }
    };
    bytes.extend_from_slice(&buffer[..received]);
    let file = ancillary.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut files) => files.next(),
        _ => None,
    });
    if let Some(file) = &file {
        // Not every system can set the flag on receipt. Nothing is started in between: the
        // processes that receive files have one thread.
        fcntl_setfd(file, FdFlags::CLOEXEC)?;
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        os::unix::net::UnixStream,
    };

    use super::*;

    #[test]
    fn a_file_arrives_with_the_bytes_sent_beside_it() {
        let (near, far) = UnixStream::pair().unwrap();
        let (mut reader, writer) = io::pipe().unwrap();
        send(&near, b"hello", writer.as_fd()).unwrap();
        drop(writer);
        let mut bytes = Vec::new();
        let file = receive(&far, &mut bytes).unwrap().unwrap();
        assert_eq!(bytes, b"hello");
        File::from(file).write_all(b"through the pipe").unwrap();
        let mut read = String::new();
        reader.read_to_string(&mut read).unwrap();
        assert_eq!(read, "through the pipe");
    }

    #[test]
    fn a_closed_socket_hands_over_nothing() {
        let (near, far) = UnixStream::pair().unwrap();
        drop(near);
        assert!(receive(&far, &mut Vec::new()).unwrap().is_none());
    }
}
