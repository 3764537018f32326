//! Speed.
pub mod answers;
pub mod app;
pub mod chat_app;
pub mod client;
pub mod connection;
pub mod echo_app;
pub mod frames;
pub mod http;
pub mod mask;
pub mod measure;
pub mod server;
pub mod unfinished;
pub mod utf8;
