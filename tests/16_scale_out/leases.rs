//! The leases by themselves, on a clock of the check's own.

use std::time::{Duration, Instant};

use scale_out::leases::{Holder, Leases};
use support::check;
use support::sign::{missing, yours};

/// Leases, and the time.
struct Clock {
    leases: Leases,
    start: Instant,
    text: String,
}

impl Clock {
    /// Leases last for five seconds.
    fn new() -> Self {
        Self {
            leases: Leases::new(Duration::from_secs(5)),
            start: Instant::now(),
            text: String::new(),
        }
    }

    fn at(&self, seconds: f64) -> Instant {
        self.start + Duration::from_secs_f64(seconds)
    }

    fn claims(&mut self, seconds: f64, server: &str, tab: &str, name: &str) {
        let holder = Holder {
            server: server.to_string(),
            tab: tab.to_string(),
        };
        let granted = self.leases.claim(name, &holder, self.at(seconds));
        let answer = if granted { "yes" } else { "no, it is taken" };
        self.text += &format!("{seconds:>4} s  tab {tab} at {server} claims {name}: {answer}\n");
    }

    fn renews(&mut self, seconds: f64, server: &str, names: &[(&str, &str)]) {
        let mine = names
            .iter()
            .map(|(name, tab)| (name.to_string(), tab.to_string()));
        let presence = self
            .leases
            .renew(server, &Vec::from_iter(mine), self.at(seconds));
        let names: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
        let people = Vec::from_iter(presence.people).join(" ");
        let lost = presence.lost.join(" ");
        self.text += &format!(
            "{seconds:>4} s  {server} renews [{}]: here [{people}], lost [{lost}]\n",
            names.join(" ")
        );
    }
}

#[test]
fn a_name_is_taken_until_its_lease_ends() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A name is taken as long as its lease lasts. A claim that is refused changes nothing.",
        signs: [
            yours(["5 s  tab 2 at B claims ada: no"]).says("The lease has ended: a name whose server has died is free."),
            yours(["1 s  tab 2 at B claims ada: yes"]).says("A name was given to two people."),
            yours(["4.5 s  tab 2 at B claims ada: yes"]).says("A claim that is refused changes nothing."),
            yours(["6 s  tab 1 at A claims ada: yes"]).says("A claim that was granted didn't begin a new lease."),
        ],
        shows: || {
            let mut clock = Clock::new();
            clock.claims(0.0, "A", "1", "ada");
            clock.claims(1.0, "B", "2", "ada");
            clock.claims(4.5, "B", "2", "ada");
            clock.claims(5.0, "B", "2", "ada");
            clock.claims(6.0, "A", "1", "ada");
            clock.text
        },
    }
}

#[test]
fn a_tab_takes_its_name_along() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A tab that connects to a different server keeps its name there at once. At the same server, two tabs are \
               two people. The server that it has left has lost the name.",
        signs: [
            yours(["tab 2 at A claims bob: yes"]).says("The servers were compared, not the tabs: two people at one server have the same name."),
            yours(["tab 1 at B claims ada: no"]).says("A tab that comes back at a different server has to wait for its own lease to end."),
            yours(["2 s  B renews [ada]: here [ada], "]).says("The people of a different server were taken off the list, though their lease lasts."),
            yours(["2 s  B renews [ada]", "lost [ada]"]).says("The name was taken back: two people have it now, and neither is told."),
            yours(["1.5 s  A renews [ada bob]", "lost []"]).says("This server isn't told that it has lost the name: two people have it now."),
        ],
        shows: || {
            let mut clock = Clock::new();
            clock.claims(0.0, "A", "1", "ada");
            clock.claims(0.0, "A", "3", "bob");
            clock.claims(0.5, "A", "2", "bob");
            clock.claims(1.0, "B", "1", "ada");
            clock.renews(1.5, "A", &[("ada", "1"), ("bob", "3")]);
            clock.renews(2.0, "B", &[("ada", "1")]);
            clock.text
        },
    }
}

#[test]
fn a_dead_server_takes_its_people_with_it() {
    check! {
        rfc: "the workshop's own rule",
        rule: "Each server renews its own people, and only those. Five seconds after its last renewal, a server's people \
               are gone. Whoever has left isn't renewed, and is gone at once.",
        signs: [
            yours(["7 s  A renews [ada]: here [ada cy]"]).or(yours(["7 s  A renews [ada]: here [ada bob cy]"]))
                .says("A dead server's people stay: a lease that has ended must go."),
            yours(["3 s  A renews [ada]: here [ada bob cy]"])
                .says("Whoever has left stays until the lease ends: what this server doesn't renew goes at once."),
            missing(["3 s  A renews [ada]: here [ada cy]"]).and(yours(["3 s  A renews [ada]: here [ada]"]))
                .says("The people of a different server were taken off the list, though their lease lasts."),
            missing(["6 s  A renews [ada]: here [ada cy]"]).says("A renewed lease lasts for five seconds from now."),
        ],
        shows: || {
            let mut clock = Clock::new();
            clock.renews(0.0, "A", &[("ada", "1"), ("bob", "2")]);
            clock.renews(1.0, "B", &[("cy", "3")]);
            clock.renews(2.0, "A", &[("ada", "1"), ("bob", "2")]);
            clock.renews(2.0, "B", &[("cy", "3")]);
            clock.text += "       (B is killed)\n";
            clock.renews(3.0, "A", &[("ada", "1")]);
            clock.renews(6.0, "A", &[("ada", "1")]);
            clock.renews(7.0, "A", &[("ada", "1")]);
            clock.text
        },
    }
}

#[test]
fn a_lost_name_is_not_taken_back() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A server that was cut off finds that its names have been given away. It has lost them: the other person \
               keeps them.",
        signs: [
            yours(["8 s  B renews [ada]", "lost [ada]"])
                .says("The name was taken back: two people have it now, and neither is told."),
            yours(["7 s  A renews [ada bob]", "lost []"])
                .says("This server isn't told that it has lost the name: two people have it now."),
            yours(["here [bob], lost [ada]"])
                .says("A name that is lost here still belongs to a person elsewhere, who is here."),
        ],
        shows: || {
            let mut clock = Clock::new();
            clock.renews(0.0, "A", &[("ada", "1"), ("bob", "2")]);
            clock.text += "       (A can't reach the bus for a while)\n";
            clock.claims(4.0, "B", "9", "ada");
            clock.claims(6.0, "B", "9", "ada");
            clock.renews(7.0, "A", &[("ada", "1"), ("bob", "2")]);
            clock.renews(8.0, "B", &[("ada", "9")]);
            clock.text
        },
    }
}
