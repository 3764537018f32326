//! How a head is written, and which fields a 101 has (RFC 6455 §4.2.2, step 5).

/// A field's name and its value.
pub type Field<'a> = (&'a str, &'a str);

/// The bytes of a head: its first line, its fields as `Name: value`, and the empty line.
///
/// Neither the line nor a field may hold a line's end. What a client sent gets here only in a body.
pub fn head(first_line: &str, fields: &[Field]) -> Vec<u8> {
    // Task: end each line with CR LF, and the head with an empty line.
    todo!("end each line with CR LF, and the head with an empty line")
}

/// The fields of the 101, in the RFC's order: the upgrade, the accept key, and the subprotocol
/// where one was chosen. A client would take any order; the check of this step compares bytes.
pub fn fields<'a>(accept: &'a str, subprotocol: Option<&'a str>) -> Vec<Field<'a>> {
    // Task: in this order: Upgrade, Connection, accept key, and a subprotocol if chosen.
    todo!("in this order: Upgrade, Connection, accept key, and a subprotocol if chosen")
}
