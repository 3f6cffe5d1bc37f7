//! Whether a node answers CQL: the smallest question of the protocol.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A node that is there answers at once.
const PATIENCE: Duration = Duration::from_secs(2);
/// OPTIONS of protocol 4: version, flags, two bytes of stream, opcode, four bytes of length.
const OPTIONS: [u8; 9] = [4, 0, 0, 0, 5, 0, 0, 0, 0];
/// SUPPORTED, from a server.
const SUPPORTED: (u8, u8) = (0x84, 6);

pub(super) fn answers(node: SocketAddr) -> bool {
    let ask = || -> std::io::Result<[u8; 9]> {
        let mut connection = TcpStream::connect_timeout(&node, PATIENCE)?;
        connection.set_read_timeout(Some(PATIENCE))?;
        connection.write_all(&OPTIONS)?;
        let mut head = [0; 9];
        connection.read_exact(&mut head)?;
        Ok(head)
    };
    ask().is_ok_and(|head| (head[0], head[4]) == SUPPORTED)
}
