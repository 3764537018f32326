//! How a head is written, and which fields a 101 has (RFC 6455 §4.2.2, step 5).

/// A field's name and its value.
pub type Field<'a> = (&'a str, &'a str);

/// Writes a head: its first line, its fields as `Name: value`, and the empty line.
///
/// Neither the first line nor a field may contain a line break. So what a client sent is written only
/// into a body, never into a head.
// ANCHOR: head
pub fn head(first_line: &str, fields: &[Field]) -> Vec<u8> {
    // Task: end each line with CR LF, and the head with an empty line.
    let mut head = format!("{first_line}\r\n");
    for (name, value) in fields {
        head += &format!("{name}: {value}\r\n");
    }
    head += "\r\n";
    head.into_bytes()
}
// ANCHOR_END: head

/// The fields of the 101, in the RFC's order: the upgrade, the accept key, and the subprotocol
/// if one was chosen. A client accepts any order, but this step's check compares bytes.
// ANCHOR: fields
pub fn fields<'a>(accept: &'a str, subprotocol: Option<&'a str>) -> Vec<Field<'a>> {
    // Task: in this order: Upgrade, Connection, accept key, and a subprotocol if chosen.
    let mut fields = vec![
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Accept", accept),
    ];
    if let Some(subprotocol) = subprotocol {
        fields.push(("Sec-WebSocket-Protocol", subprotocol));
    }
    fields
}
// ANCHOR_END: fields
