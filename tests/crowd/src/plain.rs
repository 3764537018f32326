//! The same chat, written plainly on two libraries, as their examples do: what one client sends goes to
//! everybody. It has no names, no history and no limits, so it has less to do than that of step 10.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use futures_util::{SinkExt, StreamExt};
use tokio::sync::broadcast;
use tungstenite::protocol::Role;
use tungstenite::{Message, WebSocket};

/// What a client waits for when it joins.
const WELCOME: &str = r#"{"people":[]}"#;

/// How many messages a slow receiver may be behind.
const CHANNEL: usize = 1024;

type Everybody = Arc<Mutex<Vec<Sender<Message>>>>;

/// tungstenite, and two threads for each client.
pub fn on_threads(listener: TcpListener) -> io::Result<()> {
    thread::Builder::new().spawn(move || {
        let everybody = Everybody::default();
        for stream in listener.incoming().flatten() {
            let everybody = Arc::clone(&everybody);
            thread::spawn(move || _ = serve(stream, &everybody));
        }
    })?;
    Ok(())
}

fn serve(stream: TcpStream, everybody: &Everybody) -> Result<(), Box<dyn std::error::Error>> {
    stream.set_nodelay(true)?;
    let writing = stream.try_clone()?;
    let mut reader = tungstenite::accept(stream)?;
    let mut writer = WebSocket::from_raw_socket(writing, Role::Server, None);
    let (sender, receiver) = mpsc::channel::<Message>();
    sender.send(WELCOME.into())?;
    everybody
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(sender);
    thread::spawn(move || {
        for message in receiver {
            if writer.send(message).is_err() {
                return;
            }
        }
    });
    loop {
        let message = reader.read()?;
        if message.is_text() {
            let mut everybody = everybody.lock().unwrap_or_else(PoisonError::into_inner);
            everybody.retain(|it| it.send(message.clone()).is_ok());
        }
    }
}

/// tokio-tungstenite, and a broadcast channel.
pub fn on_tokio(listener: TcpListener) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    listener.set_nonblocking(true)?;
    let listener = {
        let _inside = runtime.enter();
        tokio::net::TcpListener::from_std(listener)?
    };
    runtime.spawn(async move {
        let (sender, _) = broadcast::channel(CHANNEL);
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve_async(stream, sender.clone()));
        }
    });
    // It has threads of its own, which end with the process.
    std::mem::forget(runtime);
    Ok(())
}

async fn serve_async(stream: tokio::net::TcpStream, everybody: broadcast::Sender<Message>) {
    _ = stream.set_nodelay(true);
    let Ok(socket) = tokio_tungstenite::accept_async(stream).await else {
        return;
    };
    let mut receiver = everybody.subscribe();
    let (mut writer, mut reader) = socket.split();
    if writer.send(WELCOME.into()).await.is_err() {
        return;
    }
    loop {
        tokio::select! {
            came = reader.next() => match came {
                Some(Ok(message)) if message.is_text() => _ = everybody.send(message),
                Some(Ok(_)) => {}
                _ => return,
            },
            news = receiver.recv() => match news {
                Ok(message) => match writer.send(message).await {
                    Ok(()) => {}
                    Err(_) => return,
                },
                Err(_) => return,
            },
        }
    }
}
