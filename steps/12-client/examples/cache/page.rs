//! The two users of the cache: one has a page of evil.example open, the other loads a script.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};

use client::{Opening, random};
use connection::{Config, Connection, Event};
use frames::MaskingKey;
use handshake::client::ClientHandshake;
use handshake::head::Limits;

use crate::proxy::connect;

/// Opens a WebSocket to evil.example, as a browser does for a page. Sends a message and waits for the answer. Returns
/// the frame.
pub fn send(
    address: SocketAddr,
    message: &[u8],
    keys: impl FnMut() -> MaskingKey + Send + 'static,
) -> io::Result<Vec<u8>> {
    let mut stream = connect(address)?;
    open(&mut stream)?;
    let mut connection = Connection::client(Config::default(), keys);
    connection.send_binary(message).map_err(io::Error::other)?;
    let frame = connection.take_outgoing();
    stream.write_all(&frame)?;
    let mut buffer = [0; 1024];
    loop {
        let count = stream.read(&mut buffer)?;
        let events = connection.receive(&buffer[..count]);
        if count == 0 || events.iter().any(|event| matches!(event, Event::Text(_))) {
            return Ok(frame);
        }
    }
}

/// Does the opening handshake.
fn open(stream: &mut TcpStream) -> io::Result<()> {
    let handshake = ClientHandshake {
        host: "evil.example".to_string(),
        resource: "/socket".to_string(),
        origin: Some("http://evil.example".to_string()),
        key: random::handshake_key(),
        subprotocols: Vec::new(),
        extensions: Vec::new(),
    };
    let request = handshake.request();
    stream.write_all(&request.map_err(|refusal| io::Error::other(refusal.sentence()))?)?;
    let mut opening = Opening::new(handshake, Limits::default());
    let mut buffer = [0; 1024];
    loop {
        let count = stream.read(&mut buffer)?;
        let opened = opening
            .receive(&buffer[..count])
            .map_err(io::Error::other)?;
        if count == 0 || opened.is_some() {
            return Ok(());
        }
    }
}

/// Loads a script, as a browser does for any page. Returns the body of the answer.
pub fn load(address: SocketAddr, request: &[u8]) -> io::Result<String> {
    let mut stream = connect(address)?;
    stream.write_all(request)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (_head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
    Ok(body.to_string())
}
