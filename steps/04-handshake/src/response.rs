//! The server's half: 101, and the connection belongs to the WebSocket (RFC 6455 §4.2.2, step 5).

use crate::opening::OpeningHandshake;

/// A field's name and its value.
pub type Field<'a> = (&'a str, &'a str);

/// The bytes of a head: its first line, its fields as `Name: value`, and the empty line.
///
/// Neither the line nor a field may hold a line's end. What a client sent gets here only in a body.
pub fn head(first_line: &str, fields: &[Field]) -> Vec<u8> {
    // Task: end each line with CR LF, and the head with an empty line.
    todo!("end each line with CR LF, and the head with an empty line")
}

/// The 101 that completes the handshake, to the byte.
pub fn switching_protocols(opening: &OpeningHandshake) -> Vec<u8> {
    let accept = opening.key.accept();
    let fields = fields(&accept, opening.subprotocol.as_deref());
    head("HTTP/1.1 101 Switching Protocols", &fields)
}

/// The fields of the 101, in the RFC's order: the upgrade, the accept key, and the subprotocol
/// where one was chosen. A client would take any order; the check of this step compares bytes.
pub fn fields<'a>(accept: &'a str, subprotocol: Option<&'a str>) -> Vec<Field<'a>> {
    // Task: in this order: Upgrade, Connection, accept key, and a subprotocol if chosen.
    todo!("in this order: Upgrade, Connection, accept key, and a subprotocol if chosen")
}
