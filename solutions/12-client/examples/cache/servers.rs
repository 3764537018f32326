//! Two servers: evil.example, which has a WebSocket, and cdn.example, which has a script.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use connection::{Config, Connection, Event};
use handshake::head::{HeadBuffer, HeadError, Limits, RequestHead};
use handshake::opening::OpeningHandshake;
use handshake::policy::Policy;

/// Starts evil.example. It answers every message with a text that looks like a response.
pub fn evil() -> io::Result<SocketAddr> {
    serve(|mut stream| {
        let head = read_head(&mut stream)?;
        let opening = OpeningHandshake::read(&head, &Policy::default());
        let opening = opening.map_err(|refusal| io::Error::other(refusal.sentence()))?;
        stream.write_all(&opening.response())?;
        let mut connection = Connection::server(Config::default());
        let mut buffer = [0; 1024];
        while !connection.should_close_tcp() {
            let count = stream.read(&mut buffer)?;
            for event in connection.receive(&buffer[..count]) {
                if let Event::Binary(_) = event {
                    let text = response("the script of evil.example");
                    connection.send_text(&text).map_err(io::Error::other)?;
                }
            }
            if count == 0 {
                connection.eof();
            }
            stream.write_all(&connection.take_outgoing())?;
        }
        Ok(())
    })
}

/// Starts cdn.example. It answers every request with its script.
pub fn cdn() -> io::Result<SocketAddr> {
    serve(|mut stream| {
        read_head(&mut stream)?;
        stream.write_all(response("the script of cdn.example").as_bytes())
    })
}

fn response(script: &str) -> String {
    let length = script.len();
    format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{script}")
}

/// Starts a server on a free port. Each connection has a thread, which ends with the process.
pub fn serve(
    answer: impl Fn(TcpStream) -> io::Result<()> + Send + Sync + 'static,
) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        thread::scope(|scope| {
            for stream in listener.incoming().map_while(Result::ok) {
                scope.spawn(|| answer(stream));
            }
        });
    });
    Ok(address)
}

fn read_head(stream: &mut TcpStream) -> io::Result<RequestHead> {
    let mut head = HeadBuffer::new(Limits::default());
    let mut buffer = [0; 1024];
    loop {
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if head.push(&buffer[..count]).map_err(not_http)? {
            return RequestHead::parse(&head).map_err(not_http);
        }
    }
}

fn not_http(error: HeadError) -> io::Error {
    io::Error::other(error.to_string())
}
