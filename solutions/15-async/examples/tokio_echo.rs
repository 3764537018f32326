//! The echo server of step 09 on tokio, without its deadlines: `cargo run -p async --example tokio_echo`.
//!
//! An echo server has one thing to wait for at a time, so it needs no `select!`: it reads, then it writes.

use std::io;
use std::process::ExitCode;
use std::sync::Arc;

use async_chat_solution::Site;
use async_chat_solution::client::read_some;
use async_chat_solution::exchange::{Answered, exchange, linger};
use connection::{Config, Connection};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

/// The port, unless the command line names one.
const DEFAULT_PORT: u16 = 9115;

fn main() -> ExitCode {
    let about = "An echo server on tokio: a WebSocket at /socket.";
    let listen = launch::options(about, DEFAULT_PORT, &mut []);
    launch::serve(listen, |listener| {
        listener.set_nonblocking(true)?;
        let runtime = Runtime::new()?;
        let _inside = runtime.enter();
        let listener = TcpListener::from_std(listener)?;
        runtime.spawn(accept_all(listener));
        // Dropping it at Ctrl-C ends all tasks.
        Ok(runtime)
    })
}

async fn accept_all(listener: TcpListener) {
    let site = Arc::new(Site::new(chat::Settings::default()));
    while let Ok((stream, _)) = listener.accept().await {
        let site = Arc::clone(&site);
        tokio::spawn(async move {
            let Answered {
                mut stream,
                first,
                guest,
            } = exchange(stream, &site).await;
            if guest.is_none() || echo(&mut stream, &first).await.is_ok() {
                linger(stream).await;
            }
        });
    }
}

/// Sends back what comes, until the connection has ended.
// ANCHOR: echo
async fn echo(stream: &mut TcpStream, first: &[u8]) -> io::Result<()> {
    let mut connection = Connection::server(Config {
        max_frame: 16 << 20,
        max_message: 16 << 20,
        ..Config::default()
    });
    connection.feed(first);
    loop {
        while let Some(event) = connection.poll() {
            echo::echo::answer(&mut connection, &event);
        }
        stream.write_all(&connection.take_outgoing()).await?;
        if connection.should_close_tcp() {
            return Ok(());
        }
        if read_some(stream, &mut connection).await? == 0 {
            _ = connection.eof();
        }
    }
}
// ANCHOR_END: echo
