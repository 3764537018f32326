//! Puts a crowd into a chat that runs already, so that you can watch that server: first nobody says anything, then one
//! of them does.

use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::idle::{Heard, Speaker, enough_room, join_all, listen};

/// How long nobody says anything.
const SILENCE: Duration = Duration::from_secs(6);

/// How many messages are sent then, and how long after one the next.
const MESSAGES: usize = 80;
const EVERY: Duration = Duration::from_millis(100);

/// Visits the server that the command line names.
pub fn main(arguments: impl Iterator<Item = String>) -> ExitCode {
    let (address, crowd) = match options(arguments) {
        Ok(options) => options,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    match Runtime::new().and_then(|runtime| runtime.block_on(visit(address, crowd))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("The visit to {address} was given up: {error}.");
            ExitCode::FAILURE
        }
    }
}

/// Where the server is, and how many clients there are to be.
fn options(mut arguments: impl Iterator<Item = String>) -> Result<(SocketAddr, usize), String> {
    let (address, crowd) = (arguments.next(), arguments.next());
    let address = address.and_then(|text| text.parse().ok());
    let crowd = crowd.map_or(Some(1000), |text| text.parse().ok());
    match (address, crowd, arguments.next()) {
        (Some(address), Some(crowd @ 1..=28_000), None) => {
            enough_room(crowd)?;
            Ok((address, crowd))
        }
        _ => Err(
            "`visit` takes an address and a number of clients, at most 28,000: `visit 127.0.0.1:9015 1000`."
                .to_string(),
        ),
    }
}

async fn visit(address: SocketAddr, crowd: usize) -> io::Result<()> {
    // The one who speaks is one of them.
    let mut speaker = Speaker::join(address).await?;
    let (clients, why) = join_all(address, crowd - 1).await;
    if let Some(why) = why {
        return Err(io::Error::other(why));
    }
    let heard = Arc::new(Heard::default());
    let mut listening = JoinSet::new();
    for client in clients {
        listening.spawn(listen(client, Arc::clone(&heard)));
    }
    println!(
        "{crowd} clients are there, and say nothing for {} seconds",
        SILENCE.as_secs()
    );
    sleep(SILENCE).await;
    println!(
        "now one of them says something every {} ms",
        EVERY.as_millis()
    );
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for _ in 0..MESSAGES {
        ticks.tick().await;
        speaker.says().await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_needed_and_a_number_may_follow() {
        let of = |arguments: &[&str]| options(arguments.iter().map(|it| it.to_string()));
        let address = "127.0.0.1:9015".parse().unwrap();
        assert_eq!(of(&["127.0.0.1:9015", "10"]), Ok((address, 10)));
        let wrong: [&[&str]; 5] = [
            &[],
            &["9015"],
            &["127.0.0.1:9015", "0"],
            &["127.0.0.1:9015", "many"],
            &["127.0.0.1:9015", "10", "20"],
        ];
        for arguments in wrong {
            assert!(
                of(arguments)
                    .unwrap_err()
                    .contains("visit 127.0.0.1:9015 1000")
            );
        }
    }
}
