//! An echo client with tungstenite, and nothing but its defaults.

use std::error::Error;

use tungstenite::error::Error::ConnectionClosed;

fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args().nth(1).ok_or("which URL?")?;
    let (mut socket, _) = tungstenite::connect(url)?;
    loop {
        match socket.read() {
            Ok(message) if message.is_text() || message.is_binary() => socket.send(message)?,
            Ok(_) => {}
            // Both sides have sent a Close, and TCP has ended.
            Err(ConnectionClosed) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}
