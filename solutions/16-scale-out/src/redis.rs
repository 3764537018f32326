//! A bus for servers on many machines, through Redis or Valkey.
//!
//! | key | what it holds |
//! |---|---|
//! | `{chat}:log` | a stream: each message, under its id |
//! | `{chat}:run` | the run of Redis that gave the last id |
//! | `{chat}:people` | a hash: each name, with the end of its lease, its server and its tab |
//! | `{chat}:ticket:…` | the id of a ticket, for a minute |
//!
//! Each change is a script, which Redis runs from its beginning to its end before it does anything else. The part in
//! braces puts all keys into one slot, should Redis be a cluster.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use ::redis::{Client, Connection, ErrorKind, RedisResult, Script, cmd};
use polling::history::{Message, NewMessage};

use crate::bus::{Bus, BusError};
use crate::leases::{Holder, Presence};
use crate::log::Ticket;

/// How long a connection may take, and an answer.
const CONNECT_WITHIN: Duration = Duration::from_secs(1);
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// The pause after a connection has failed: until it is over, no thread waits for Redis. It doubles each time.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// The most messages that are read at a time.
const AT_ONCE: u64 = 100;

/// Adds a message. The id is one more than the last. After Redis has been restarted, it may have forgotten the last
/// ones: then the clock gives an id that no message has had.
// ANCHOR: publish
const PUBLISH: &str = r"
    local id = redis.call('GET', KEYS[3])
    if id then return id end
    local newest = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
    local last = newest and tonumber(string.match(newest[1], '%d+')) or 0
    if redis.call('GET', KEYS[2]) ~= ARGV[1] then
        local now = redis.call('TIME')
        last = math.max(last, now[1] * 1000000 + now[2])
        redis.call('SET', KEYS[2], ARGV[1])
    end
    id = string.format('%.0f', last + 1)
    redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[2], id .. '-0', 'username', ARGV[3], 'message', ARGV[4])
    redis.call('SET', KEYS[3], id, 'PX', 60000)
    return id";
// ANCHOR_END: publish

/// Takes a name, like [`Leases::claim`](crate::leases::Leases::claim).
// ANCHOR: claim
const CLAIM: &str = r"
    local now = redis.call('TIME')
    now = now[1] * 1000 + math.floor(now[2] / 1000)
    local lease = redis.call('HGET', KEYS[1], ARGV[1])
    local ends, server, tab = string.match(lease or '', '^(%d+) (%S+) (.*)$')
    if lease and tonumber(ends) > now and tab ~= ARGV[3] then return 0 end
    ends = string.format('%.0f', now + ARGV[4])
    redis.call('HSET', KEYS[1], ARGV[1], ends .. ' ' .. ARGV[2] .. ' ' .. ARGV[3])
    return 1";
// ANCHOR_END: claim

/// Renews leases, like [`Leases::renew`](crate::leases::Leases::renew). Names and tabs take turns in the arguments.
const RENEW: &str = r"
    local now = redis.call('TIME')
    now = now[1] * 1000 + math.floor(now[2] / 1000)
    local ends = string.format('%.0f', now + ARGV[2])
    local mine, people, lost = {}, {}, {}
    for i = 3, #ARGV, 2 do mine[ARGV[i]] = ARGV[i + 1] end
    local leases = redis.call('HGETALL', KEYS[1])
    for i = 1, #leases, 2 do
        local name = leases[i]
        local ended, server = string.match(leases[i + 1], '^(%d+) (%S+)')
        if tonumber(ended) <= now or server == ARGV[1] and not mine[name] then
            redis.call('HDEL', KEYS[1], name)
        else
            people[#people + 1] = name
            if server ~= ARGV[1] and mine[name] then
                lost[#lost + 1] = name
                mine[name] = nil
            elseif mine[name] then
                redis.call('HSET', KEYS[1], name, ends .. ' ' .. ARGV[1] .. ' ' .. mine[name])
                mine[name] = nil
            end
        end
    end
    for name, tab in pairs(mine) do
        redis.call('HSET', KEYS[1], name, ends .. ' ' .. ARGV[1] .. ' ' .. tab)
        people[#people + 1] = name
    end
    return {people, lost}";

/// A bus through Redis.
#[derive(Debug)]
pub struct RedisBus {
    /// Asks, and gets an answer at once.
    asking: Line,
    /// Waits for new messages most of the time.
    reading: Line,
    prefix: String,
    /// The most messages that the log keeps, or a few more.
    max_messages: u64,
    lease: Duration,
}

/// The URL isn't the URL of a Redis.
#[derive(Debug)]
pub struct UrlError;

impl fmt::Display for UrlError {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("It isn't the URL of a Redis, like redis://127.0.0.1:6379.")
    }
}

impl std::error::Error for UrlError {}

impl RedisBus {
    /// Prepares the connections. They are opened when they are needed, and again after they have failed.
    ///
    /// # Errors
    /// Returns an error if this isn't the URL of a Redis.
    pub fn new(url: &str, max_messages: u64, lease: Duration) -> Result<Self, UrlError> {
        let client = Client::open(url).map_err(|_| UrlError)?;
        Ok(Self {
            asking: Line::new(client.clone()),
            reading: Line::new(client),
            prefix: "{chat}".to_string(),
            max_messages,
            lease,
        })
    }

    fn key(&self, name: &str) -> String {
        format!("{}:{name}", self.prefix)
    }
}

impl Bus for RedisBus {
    fn publish(&self, ticket: &Ticket, message: &NewMessage) -> Result<u64, BusError> {
        let script = Script::new(PUBLISH);
        let mut call = script.key(self.key("log"));
        call.key(self.key("run"))
            .key(self.key(&format!("ticket:{}", ticket.0)));
        self.asking.ask(Duration::ZERO, |line| {
            call.arg(&line.run).arg(self.max_messages);
            call.arg(&message.username).arg(&message.message);
            call.invoke(&mut line.connection)
        })
    }

    fn latest(&self, max: u64) -> Result<Vec<Message>, BusError> {
        let mut range = cmd("XREVRANGE");
        range
            .arg(self.key("log"))
            .arg("+")
            .arg("-")
            .arg("COUNT")
            .arg(max);
        let entries: Vec<Entry> = self
            .reading
            .ask(Duration::ZERO, |line| range.query(&mut line.connection))?;
        entries.into_iter().rev().map(message).collect()
    }

    // ANCHOR: after
    fn after(&self, cursor: u64, wait: Duration) -> Result<Vec<Message>, BusError> {
        let mut read = cmd("XREAD");
        read.arg("COUNT")
            .arg(AT_ONCE)
            .arg("BLOCK")
            .arg(wait.as_millis().max(1) as u64);
        read.arg("STREAMS")
            .arg(self.key("log"))
            .arg(format!("{cursor}-0"));
        let streams: Option<Vec<(String, Vec<Entry>)>> = self
            .reading
            .ask(wait, |line| read.query(&mut line.connection))?;
        let entries = streams
            .into_iter()
            .flatten()
            .flat_map(|(_, entries)| entries);
        entries.map(message).collect()
    }
    // ANCHOR_END: after

    fn claim(&self, name: &str, holder: &Holder) -> Result<bool, BusError> {
        let script = Script::new(CLAIM);
        let mut call = script.key(self.key("people"));
        call.arg(name)
            .arg(&holder.server)
            .arg(&holder.tab)
            .arg(self.lease.as_millis() as u64);
        self.asking
            .ask(Duration::ZERO, |line| call.invoke(&mut line.connection))
    }

    fn renew(&self, server: &str, mine: &[(String, String)]) -> Result<Presence, BusError> {
        let script = Script::new(RENEW);
        let mut call = script.key(self.key("people"));
        call.arg(server).arg(self.lease.as_millis() as u64);
        for (name, tab) in mine {
            call.arg(name).arg(tab);
        }
        let answer = self
            .asking
            .ask(Duration::ZERO, |line| call.invoke(&mut line.connection));
        let (people, lost): (Vec<String>, Vec<String>) = answer?;
        Ok(Presence {
            people: people.into_iter().collect(),
            lost,
        })
    }
}

/// An entry of the stream: its id, and fields and values in turn.
type Entry = (String, Vec<String>);

/// Reads an entry. One that isn't a message of ours is an error: it isn't our stream.
fn message((id, fields): Entry) -> Result<Message, BusError> {
    let id = id.split_once('-').and_then(|(id, _)| id.parse().ok());
    match (id, <[String; 4]>::try_from(fields)) {
        (Some(id), Ok([_, username, _, message])) => {
            let content = NewMessage { username, message };
            Ok(Message { id, content })
        }
        _ => Err(BusError::Away),
    }
}

/// A connection that is opened when it is needed. After a failure, there is a pause before the next try, and no
/// thread waits meanwhile: so while Redis is away, each question costs nothing.
struct Line {
    client: Client,
    state: Mutex<State>,
}

struct State {
    open: Option<Open>,
    not_before: Instant,
    pause: Duration,
}

/// An open connection, and the run of the Redis at its other end: each start of Redis has a different one.
struct Open {
    connection: Connection,
    run: String,
}

impl Line {
    fn new(client: Client) -> Self {
        let state = State {
            open: None,
            not_before: Instant::now(),
            pause: FIRST_PAUSE,
        };
        Self {
            client,
            state: Mutex::new(state),
        }
    }

    /// Asks Redis something. The answer may take `wait` longer than usual.
    // ANCHOR: ask
    fn ask<T>(
        &self,
        wait: Duration,
        question: impl FnOnce(&mut Open) -> RedisResult<T>,
    ) -> Result<T, BusError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut open = match state.open.take() {
            Some(open) => open,
            None => state.connect(&self.client)?,
        };
        let patience = open.connection.set_read_timeout(Some(wait + ANSWER_WITHIN));
        match patience.and_then(|()| question(&mut open)) {
            Ok(answer) => {
                state.open = Some(open);
                Ok(answer)
            }
            // Redis has refused: it is loading, full, or a replica. The connection is as good as before.
            Err(error) if matches!(error.kind(), ErrorKind::Server(_) | ErrorKind::Extension) => {
                state.open = Some(open);
                Err(BusError::Away)
            }
            // The answer may still be on its way: this connection is of no use any more.
            Err(_) => Err(BusError::Unknown),
        }
    }
    // ANCHOR_END: ask
}

impl State {
    fn connect(&mut self, client: &Client) -> Result<Open, BusError> {
        if Instant::now() < self.not_before {
            return Err(BusError::Away);
        }
        match open(client) {
            Ok(open) => {
                self.pause = FIRST_PAUSE;
                Ok(open)
            }
            Err(_) => {
                self.not_before = Instant::now() + self.pause;
                self.pause = (2 * self.pause).min(LONGEST_PAUSE);
                Err(BusError::Away)
            }
        }
    }
}

fn open(client: &Client) -> RedisResult<Open> {
    let mut connection = client.get_connection_with_timeout(CONNECT_WITHIN)?;
    connection.set_read_timeout(Some(ANSWER_WITHIN))?;
    connection.set_write_timeout(Some(ANSWER_WITHIN))?;
    let info: String = cmd("INFO").arg("server").query(&mut connection)?;
    let run = info.lines().find_map(|line| line.strip_prefix("run_id:"));
    let run = run.unwrap_or_default().to_string();
    Ok(Open { connection, run })
}

impl fmt::Debug for Line {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        // Not the client: its URL may have a password.
        formatter.write_str("Line")
    }
}
