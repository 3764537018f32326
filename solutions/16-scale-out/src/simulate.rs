//! A hundred servers, on paper: what each of them does in a second, and what breaks first.
//!
//! The costs were measured by `cargo run --release -p scale-out --example measure`. They are those of one machine: put
//! in yours.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::process::ExitCode;

use lexopt::{Arg, Parser, ValueExt};

const USAGE: &str = "\
What a chat of many servers does in a second, on paper.

  cargo run -p scale-out -- simulate --servers 100 --clients 1000000 --rooms 10000

Each option takes a whole number:
  --servers    servers (100)
  --clients    clients of all servers (1000000)
  --rooms      rooms; each client is in one (10000)
  --hot        percent of all clients that are in the biggest room (2)
  --rate       messages in each room in a second (1)
  --size       bytes of a message (100)

What things cost, in nanoseconds of a processor's time:
  --delivery   a server puts a message into one socket
  --message    a server reads a message of the log
  --join       a server lets a client in
  --publish    Redis adds a message
  --read       Redis sends a message to one server
  --name       Redis tells one server one lease";

/// What the reader asks about.
// ANCHOR: plan
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// The servers.
    pub servers: u64,
    /// The clients of all servers.
    pub clients: u64,
    /// The rooms. Each client is in one.
    pub rooms: u64,
    /// The messages in each room in a second.
    pub rate: u64,
    /// The bytes of a message, as the page gets it.
    pub size: u64,
    /// The people in the biggest room. The others share the rest evenly.
    pub hot: u64,
}
// ANCHOR_END: plan

/// What things cost, in nanoseconds of a processor's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Costs {
    /// A server puts one message into one socket.
    pub delivery: u64,
    /// A server reads one message of the log.
    pub message: u64,
    /// A server lets one client in.
    pub join: u64,
    /// Redis adds a message.
    pub publish: u64,
    /// Redis sends one message to one server.
    pub read: u64,
    /// Redis tells one server one lease.
    pub name: u64,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            servers: 100,
            clients: 1_000_000,
            rooms: 10_000,
            rate: 1,
            size: 100,
            hot: 20_000,
        }
    }
}

impl Default for Costs {
    fn default() -> Self {
        Self {
            delivery: 28_000,
            message: 41_000,
            join: 142_000,
            publish: 38_000,
            read: 3_200,
            name: 3_300,
        }
    }
}

/// How rooms and servers belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Design {
    /// One log: each server reads everything, and asks for all names. This is what you have built.
    OneLog,
    /// A room lives at one server, and all of its people connect to that one.
    RoomsToServers,
}

/// What the busiest server does in a second, and what Redis does.
// ANCHOR: load
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Load {
    /// Messages of the log that the server reads.
    pub messages: f64,
    /// Messages that it puts into a socket.
    pub deliveries: f64,
    /// Leases that Redis tells all servers: of names, or of rooms.
    pub names: f64,
    /// Messages that Redis sends to all servers.
    pub reads: f64,
    /// Messages that Redis adds.
    pub publishes: f64,
}

impl Plan {
    /// Returns what there is to do in a second.
    pub fn load(&self, design: Design) -> Load {
        let [servers, clients, rooms, rate, hot] =
            [self.servers, self.clients, self.rooms, self.rate, self.hot].map(|it| it as f64);
        let said = rooms * rate;
        match design {
            Design::OneLog => Load {
                messages: said,
                deliveries: clients / servers * rate,
                names: clients * servers,
                reads: said * servers,
                publishes: said,
            },
            Design::RoomsToServers => Load {
                messages: said / servers,
                deliveries: hot * rate + (clients - hot) / servers * rate,
                // A server knows the people of its own rooms. It renews one lease for each room.
                names: rooms,
                reads: said,
                publishes: said,
            },
        }
    }
}

impl Load {
    /// Returns how much of a processor the busiest server needs.
    pub fn server_cpu(&self, costs: &Costs) -> f64 {
        (self.messages * costs.message as f64 + self.deliveries * costs.delivery as f64) / 1e9
    }

    /// Returns how much of a processor Redis needs. It has one for everything.
    pub fn redis_cpu(&self, costs: &Costs) -> f64 {
        let costs = [costs.publish, costs.read, costs.name].map(|it| it as f64);
        (self.publishes * costs[0] + self.reads * costs[1] + self.names * costs[2]) / 1e9
    }
}
// ANCHOR_END: load

/// Reads the command line, and prints what there is to do.
pub fn run(arguments: impl IntoIterator<Item = String>) -> ExitCode {
    let words = arguments.into_iter().map(OsString::from);
    match read(Parser::from_args(words)) {
        Ok(Some((plan, costs))) => {
            // If nothing reads it (a closed pipe), that is no failure.
            _ = io::stdout().write_all(table(&plan, &costs).as_bytes());
            ExitCode::SUCCESS
        }
        Ok(None) => {
            _ = writeln!(io::stdout(), "{USAGE}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            _ = writeln!(
                io::stderr(),
                "{error}. `simulate --help` lists the options."
            );
            ExitCode::from(2)
        }
    }
}

/// Reads the command line. Returns `None` if it asks for help.
fn read(mut arguments: Parser) -> Result<Option<(Plan, Costs)>, lexopt::Error> {
    let (mut plan, mut costs, mut hot) = (Plan::default(), Costs::default(), 2);
    while let Some(argument) = arguments.next()? {
        let place = match argument {
            Arg::Long("help") | Arg::Short('h') => return Ok(None),
            Arg::Long("servers") => &mut plan.servers,
            Arg::Long("clients") => &mut plan.clients,
            Arg::Long("rooms") => &mut plan.rooms,
            Arg::Long("hot") => &mut hot,
            Arg::Long("rate") => &mut plan.rate,
            Arg::Long("size") => &mut plan.size,
            Arg::Long("delivery") => &mut costs.delivery,
            Arg::Long("message") => &mut costs.message,
            Arg::Long("join") => &mut costs.join,
            Arg::Long("publish") => &mut costs.publish,
            Arg::Long("read") => &mut costs.read,
            Arg::Long("name") => &mut costs.name,
            other => return Err(other.unexpected()),
        };
        *place = arguments.value()?.parse()?;
    }
    if plan.servers == 0 || plan.clients == 0 || plan.rooms == 0 {
        return Err("there must be at least one server, one client and one room".into());
    }
    if hot > 100 {
        return Err(format!("`--hot {hot}` is more than all of them").into());
    }
    // The biggest room isn't smaller than the others.
    plan.hot = plan
        .clients
        .div_ceil(plan.rooms)
        .max((plan.clients as f64 * hot as f64 / 100.0) as u64);
    Ok(Some((plan, costs)))
}

/// Returns the table, and what breaks first.
pub fn table(plan: &Plan, costs: &Costs) -> String {
    let designs = [Design::OneLog, Design::RoomsToServers];
    let loads = designs.map(|design| plan.load(design));
    let [servers, clients, rooms, hot, rate, size] = [
        plan.servers,
        plan.clients,
        plan.rooms,
        plan.hot,
        plan.rate,
        plan.size,
    ]
    .map(|it| number(it as f64));
    let people = if plan.hot == 1 { "person" } else { "people" };
    let mut text = format!(
        "Servers: {servers}. Clients: {clients}. Rooms: {rooms}; the biggest has {hot} {people}.\n\
         Messages in each room: {rate} a second, of {size} bytes.\n\n"
    );
    let mut row = |what: &str, value: &dyn Fn(&Load) -> String| {
        let [one, other] = [value(&loads[0]), value(&loads[1])];
        _ = writeln!(text, "{what:<44} {one:>14} {other:>18}");
    };
    row("", &|load| {
        if *load == loads[0] {
            "one log"
        } else {
            "rooms to servers"
        }
        .to_string()
    });
    row("the busiest server: messages read", &|it| {
        number(it.messages)
    });
    row("                    deliveries", &|it| {
        number(it.deliveries)
    });
    row("                    bytes out", &|it| {
        number(it.deliveries * plan.size as f64)
    });
    row("                    processors", &|it| {
        decimal(it.server_cpu(costs))
    });
    row("Redis: messages added", &|it| number(it.publishes));
    row("       messages sent to servers", &|it| number(it.reads));
    row("       leases told to servers", &|it| number(it.names));
    row("       processors (it has 1)", &|it| {
        decimal(it.redis_cpu(costs))
    });
    text += "\n";
    for (design, load) in designs.iter().zip(&loads) {
        _ = writeln!(text, "{}", verdict(plan, costs, *design, load));
    }
    text + &herd(plan, costs)
}

/// Says what breaks first, in a sentence.
fn verdict(plan: &Plan, costs: &Costs, design: Design, load: &Load) -> String {
    let name = match design {
        Design::OneLog => "One log",
        Design::RoomsToServers => "Rooms to servers",
    };
    let wire = load.deliveries * plan.size as f64 / 125e6;
    let names = load.names * costs.name as f64 / 1e9;
    let uses = [
        ("the leases in Redis", names),
        ("the messages in Redis", load.redis_cpu(costs) - names),
        ("the busiest server's processor", load.server_cpu(costs)),
        ("the busiest server's network (1 Gbit/s)", wire),
    ];
    let (what, most) = uses
        .into_iter()
        .max_by(|one, other| one.1.total_cmp(&other.1))
        .expect("there are four");
    let percent = number(100.0 * most);
    if most > 1.0 {
        format!("{name}: {what} would break first, at {percent} % of what there is.")
    } else {
        format!("{name}: it works. The most is taken by {what}: {percent} % of what there is.")
    }
}

/// Says what happens when a server restarts: its pages come back within half a second, to the others.
fn herd(plan: &Plan, costs: &Costs) -> String {
    let clients = plan.clients / plan.servers;
    let others = (plan.servers - 1).max(1);
    let busy = clients as f64 / others as f64 * costs.join as f64 / 1e9;
    format!(
        "When a server restarts, {} pages connect again within half a second: {} s of a processor at each other server.\n",
        number(clients as f64),
        decimal(busy),
    )
}

/// A whole number with a comma after each third digit.
fn number(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn decimal(value: f64) -> String {
    if value >= 100.0 {
        number(value)
    } else {
        format!("{value:.2}")
    }
}
