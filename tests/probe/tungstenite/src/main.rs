//! An echo server with tungstenite, a thread for each connection, and nothing but its defaults.

use std::net::{TcpListener, TcpStream};
use std::thread;

fn main() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    println!("ws://{}/", listener.local_addr().expect("it has an address"));
    for stream in listener.incoming().flatten() {
        thread::spawn(move || {
            if let Err(error) = echo(stream) {
                eprintln!("{error}");
            }
        });
    }
}

fn echo(stream: TcpStream) -> Result<(), Box<dyn std::error::Error>> {
    let mut socket = tungstenite::accept(stream)?;
    loop {
        let message = socket.read()?;
        if message.is_text() || message.is_binary() {
            socket.send(message)?;
        }
    }
}
