//! `peers NAME` starts an echo server with another library on a free port of loopback, and says where it listens.
//!
//! Each uses its library as the library's own examples do. Those whose sink takes messages without sending them
//! (`feed`) send the answers to everything that has come in one go. tungstenite has a thread for each client; all
//! others have one thread.

use std::collections::HashMap;
use std::future::Future;
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpListener;
use std::process::ExitCode;
use std::sync::OnceLock;
use std::thread;

use fastwebsockets::{FragmentCollector, OpCode, Role};
use futures_util::{FutureExt, Sink, SinkExt, Stream, StreamExt};
use mio::net::TcpStream as MioStream;
use mio::{Events, Interest, Poll, Token};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tungstenite::protocol::WebSocketConfig;

/// The longest message that a server must take, in bytes.
const MAX_MESSAGE: usize = 32 << 20;

type Error = Box<dyn std::error::Error>;
type Result<T> = std::result::Result<T, Error>;

fn main() -> ExitCode {
    let name = std::env::args().nth(1).unwrap_or_default();
    match serve(&name) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn serve(name: &str) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("listening on http://{}", listener.local_addr()?);
    match name {
        "readiness-loop" => readiness_loop(listener),
        "loop that relays" => relay(listener),
        "tokio broadcast" => broadcast(listener),
        "tungstenite" => tungstenite(&listener),
        "tokio-tungstenite" => on_tokio(listener, |stream| async {
            let socket =
                tokio_tungstenite::accept_async_with_config(stream, Some(limits())).await?;
            in_batches(socket, |it| it.is_text() || it.is_binary()).await
        }),
        "tokio-websockets" => on_tokio(listener, |stream| async {
            let limits = tokio_websockets::Limits::unlimited();
            // The default would send a long message in several frames.
            let config = tokio_websockets::Config::default().frame_size(usize::MAX);
            let server = tokio_websockets::ServerBuilder::new()
                .config(config)
                .limits(limits);
            let (_, socket) = server.accept(stream).await?;
            in_batches(socket, |it| it.is_text() || it.is_binary()).await
        }),
        "fastwebsockets" => on_tokio(listener, |mut stream| async {
            shake_hands(&mut stream).await?;
            let socket = fastwebsockets::WebSocket::after_handshake(stream, Role::Server);
            let mut socket = FragmentCollector::new(socket);
            loop {
                let frame = socket.read_frame().await?;
                match frame.opcode {
                    OpCode::Close => return Ok(()),
                    OpCode::Text | OpCode::Binary => socket.write_frame(frame).await?,
                    _ => {}
                }
            }
        }),
        "yawc" => on_tokio(listener, |mut stream| async {
            shake_hands(&mut stream).await?;
            let options = yawc::Options::default()
                .without_compression()
                .with_utf8()
                .with_read_buffer_capacity(128 << 10)
                .with_limits(MAX_MESSAGE, 2 * MAX_MESSAGE);
            let socket = yawc::WebSocket::from_stream(stream, yawc::Role::Server, options)?;
            let socket = socket.map(Ok::<_, Error>);
            in_batches(socket, |it| {
                matches!(it.opcode(), yawc::OpCode::Text | yawc::OpCode::Binary)
            })
            .await
        }),
        "sockudo-ws" => on_tokio(listener, |mut stream| async {
            shake_hands(&mut stream).await?;
            let config = sockudo_ws::Config::default();
            let socket = sockudo_ws::WebSocketStream::server(stream, config);
            in_batches(socket, |it| {
                use sockudo_ws::protocol::Message;
                matches!(it, Message::Text(_) | Message::Binary(_))
            })
            .await
        }),
        _ => Err(format!("there is no peer called {name:?}").into()),
    }
}

/// Serves each client in a task, on one thread.
fn on_tokio<Serving>(listener: TcpListener, serve: fn(TcpStream) -> Serving) -> Result<()>
where
    Serving: Future<Output = Result<()>> + 'static,
{
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let tasks = tokio::task::LocalSet::new();
    tasks.block_on(&runtime, async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::task::spawn_local(async move {
                if let Err(error) = serve(stream).await {
                    eprintln!("{error}");
                }
            });
        }
    })
}

/// Echoes every message that has come, and then sends all answers at once.
async fn in_batches<Socket, Item, Broken>(
    mut socket: Socket,
    is_message: fn(&Item) -> bool,
) -> Result<()>
where
    Socket: Stream<Item = std::result::Result<Item, Broken>> + Sink<Item> + Unpin,
    Error: From<Broken> + From<<Socket as Sink<Item>>::Error>,
{
    while let Some(mut item) = socket.next().await {
        loop {
            let message = item?;
            if is_message(&message) {
                socket.feed(message).await?;
            }
            match socket.next().now_or_never() {
                Some(Some(next)) => item = next,
                Some(None) => return Ok(()),
                None => break,
            }
        }
        socket.flush().await?;
    }
    Ok(())
}

/// The opening handshake, for libraries that leave it to hyper.
async fn shake_hands(stream: &mut TcpStream) -> Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8(head)?;
    let mut fields = head.lines().filter_map(|line| line.split_once(": "));
    let key = fields.find(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-key"));
    let (_, key) = key.ok_or("there is no key")?;
    let accept = tungstenite::handshake::derive_accept_key(key.as_bytes());
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    stream.write_all(answer.as_bytes()).await?;
    Ok(())
}

/// tungstenite's defaults, but for the length of a frame.
fn limits() -> WebSocketConfig {
    WebSocketConfig::default().max_frame_size(Some(MAX_MESSAGE))
}

/// A thread for each client.
fn tungstenite(listener: &TcpListener) -> Result<()> {
    for stream in listener.incoming() {
        let stream = stream?;
        stream.set_nodelay(true)?;
        thread::spawn(move || {
            let Ok(mut socket) = tungstenite::accept_with_config(stream, Some(limits())) else {
                return;
            };
            while let Ok(message) = socket.read() {
                if (message.is_text() || message.is_binary()) && socket.send(message).is_err() {
                    return;
                }
            }
        });
    }
    Ok(())
}

/// A plain chat: tokio's broadcast channel, and a task for each client that sends each message as it comes.
fn broadcast(listener: TcpListener) -> Result<()> {
    // How many messages a slow receiver may be behind.
    let everybody = tokio::sync::broadcast::Sender::<tungstenite::Message>::new(1024);
    EVERYBODY.set(everybody).map_err(|_| "it is set once")?;
    on_tokio(listener, |stream| async {
        let everybody = EVERYBODY.get().ok_or("it is set before")?;
        let socket = tokio_tungstenite::accept_async(stream).await?;
        let mut receiver = everybody.subscribe();
        let (mut writer, mut reader) = socket.split();
        writer.send(WELCOME.into()).await?;
        loop {
            tokio::select! {
                came = reader.next() => match came {
                    Some(message) => {
                        let message = message?;
                        if message.is_text() {
                            everybody.send(message)?;
                        }
                    }
                    None => return Ok(()),
                },
                news = receiver.recv() => writer.send(news?).await?,
            }
        }
    })
}

static EVERYBODY: OnceLock<tokio::sync::broadcast::Sender<tungstenite::Message>> = OnceLock::new();

/// What a client of a chat gets first.
const WELCOME: &str = r#"{"people":[]}"#;

/// How much the readiness loop reads at once.
const READ_AT_ONCE: usize = 64 << 10;

/// Bytes go back as they came: what is left when a server understands nothing. One thread, one buffer.
fn readiness_loop(listener: TcpListener) -> Result<()> {
    const LISTENER: Token = Token(usize::MAX);
    listener.set_nonblocking(true)?;
    let mut listener = mio::net::TcpListener::from_std(listener);
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(1024);
    let mut clients: HashMap<Token, (MioStream, Vec<u8>)> = HashMap::new();
    let mut next = 0;
    let mut buffer = vec![0; READ_AT_ONCE];
    poll.registry()
        .register(&mut listener, LISTENER, Interest::READABLE)?;
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            if event.token() == LISTENER {
                while let Ok((mut client, _)) = listener.accept() {
                    client.set_nodelay(true)?;
                    let token = Token(next);
                    next += 1;
                    let interest = Interest::READABLE | Interest::WRITABLE;
                    poll.registry().register(&mut client, token, interest)?;
                    clients.insert(token, (client, Vec::new()));
                }
            } else if let Some((client, waiting)) = clients.get_mut(&event.token())
                && !echo(client, waiting, &mut buffer).unwrap_or(false)
            {
                clients.remove(&event.token());
            }
        }
    }
}

/// Echoes until there is nothing to read, or no room to write. Returns whether the client is still there.
fn echo(client: &mut MioStream, waiting: &mut Vec<u8>, buffer: &mut [u8]) -> io::Result<bool> {
    loop {
        if !waiting.is_empty() {
            let count = written(client.write(waiting))?;
            waiting.drain(..count);
            if !waiting.is_empty() {
                return Ok(true);
            }
        }
        let count = match client.read(buffer) {
            Ok(0) => return Ok(false),
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(true),
            Err(error) => return Err(error),
        };
        let sent = written(client.write(&buffer[..count]))?;
        waiting.extend_from_slice(&buffer[sent..count]);
        if waiting.is_empty() && count < buffer.len() {
            return Ok(true);
        }
    }
}

fn written(result: io::Result<usize>) -> io::Result<usize> {
    match result {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
        other => other,
    }
}

/// A chat as plain as can be: frames of the first client go to all, unmasked, in one write for each client and turn.
/// It checks nothing. One thread.
fn relay(listener: TcpListener) -> Result<()> {
    const LISTENER: Token = Token(usize::MAX);
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(1024);
    listener.set_nonblocking(true)?;
    let mut listener = mio::net::TcpListener::from_std(listener);
    let mut clients: Vec<(MioStream, Vec<u8>)> = Vec::new();
    let mut buffer = vec![0; READ_AT_ONCE];
    let mut cut = Vec::new();
    let readable = Interest::READABLE;
    poll.registry()
        .register(&mut listener, LISTENER, readable)?;
    loop {
        poll.poll(&mut events, None)?;
        let mut news = Vec::new();
        for event in &events {
            if event.token() == LISTENER {
                while let Ok((client, _)) = listener.accept() {
                    clients.push((welcome(client)?, Vec::new()));
                    let place = clients.len() - 1;
                    let both = Interest::READABLE | Interest::WRITABLE;
                    let registry = poll.registry();
                    registry.register(&mut clients[place].0, Token(place), both)?;
                }
            } else if event.is_readable() {
                let (client, _) = &mut clients[event.token().0];
                while let Ok(count @ 1..) = client.read(&mut buffer) {
                    cut.extend_from_slice(&buffer[..count]);
                }
                while let Some(frame) = unmasked(&mut cut) {
                    news.extend(frame);
                }
            }
        }
        for (client, waiting) in &mut clients {
            waiting.extend_from_slice(&news);
            if !waiting.is_empty() {
                let sent = written(client.write(waiting)).unwrap_or(0);
                waiting.drain(..sent);
            }
        }
    }
}

/// Shakes hands with a client, which is the only one that does so now.
fn welcome(client: MioStream) -> Result<MioStream> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let stream = std::net::TcpStream::from(client);
    stream.set_nodelay(true)?;
    let stream = runtime.block_on(async {
        let mut stream = TcpStream::from_std(stream)?;
        shake_hands(&mut stream).await?;
        stream
            .write_all(&[&[0x81, 13], WELCOME.as_bytes()].concat())
            .await?;
        Ok::<_, Error>(stream.into_std()?)
    })?;
    Ok(MioStream::from_std(stream))
}

/// Takes a masked frame of 126 to 65,535 bytes out of these bytes, and returns it without its mask.
fn unmasked(bytes: &mut Vec<u8>) -> Option<Vec<u8>> {
    let [first, 0xfe, high, low, key @ ..] = bytes.first_chunk::<8>()? else {
        return None;
    };
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    let mut frame = vec![*first, 126, *high, *low];
    let payload = bytes.get(8..8 + length)?.iter().zip(key.iter().cycle());
    frame.extend(payload.map(|(byte, key)| byte ^ key));
    bytes.drain(..8 + length);
    Some(frame)
}
