//! The chat of step 10, in lines.

use client::chat::Chat;
use support::check;
use support::sign::{missing, yours};

/// A chat whose diary is kept.
struct Scene {
    chat: Chat,
    diary: String,
}

impl Scene {
    fn new(name: &str) -> Self {
        let chat = Chat::new(name, "x7");
        let diary = String::new();
        Self { chat, diary }
    }

    fn opens(&mut self) {
        let resource = self.chat.resource("/socket");
        let name = self.chat.opened();
        self.diary += &format!("opens    {resource}\n         ▶ {name}\n");
    }

    fn says(&mut self, text: &str) {
        let sent = self.chat.say(text);
        self.diary += &format!("says     {text}\n         ▶ {sent}\n");
    }

    fn hears(&mut self, text: &str) {
        self.diary += &format!("         ◀ {text}\n");
        for (kind, line) in self.chat.hear(text) {
            self.diary += &format!("{:<8} {line}\n", format!("{kind:?}"));
        }
    }

    fn is_lost(&mut self) {
        self.chat.lost();
        self.diary += "         (the connection is lost)\n";
    }

    fn says_again(&mut self) {
        let was_uncertain = self.chat.is_uncertain();
        let again = self.chat.take_uncertain();
        self.diary += &format!(
            "uncertain {again:?} ({was_uncertain}, then {}), answers to come: {}\n",
            self.chat.is_uncertain(),
            self.chat.waits_for()
        );
    }
}

#[test]
fn a_chat_is_lines() {
    check! {
        rfc: "the workshop's own rule",
        rule: "What is typed goes out as JSON, and what the server says is a line. It can't move the cursor.",
        signs: [
            yours(["\u{1b}"]).says("A control character goes to the terminal as it came: a name and a message are what some other person typed."),
            missing(["messages may be missing"]).says(
                "The id of the last message isn't kept: a gap isn't noticed, and the next connection asks for messages \
                 that have come already.",
            ),
        ],
        shows: || {
            let mut scene = Scene::new("ada");
            scene.opens();
            scene.hears(r#"{"id":3,"username":"bob","message":"hi"}"#);
            scene.hears(r#"{"people":["bob","cleo"]}"#);
            scene.hears(r#"{"joined":"eve"}"#);
            scene.hears(r#"{"joined":"ada"}"#);
            scene.hears(r#"{"you":"ada"}"#);
            scene.says("\"hello\", \u{1f44b}");
            scene.hears(r#"{"id":4,"username":"ada","message":"\"hello\", 👋"}"#);
            scene.hears(r#"{"joined":"dan"}"#);
            scene.hears(r#"{"left":"bob"}"#);
            scene.says(" ");
            scene.hears(r#"{"error":"The message is blank."}"#);
            scene.hears(r#"{"id":5,"username":"cleo","message":"two\nlines \u001b[2J"}"#);
            scene.hears(r#"{"id":9,"username":"dan","message":"later"}"#);
            scene.hears("hello");
            scene.hears(r#"{"id":"ten","username":"\u001b[2J"}"#);
            let names: Vec<String> = (1..=30).map(|number| format!("\"{number}\"")).collect();
            scene.hears(&format!("{{\"people\":[{}]}}", names.join(",")));
            scene.hears(r#"{"people":[]}"#);
            scene.diary
        },
    }
}

#[test]
fn a_name_may_be_taken() {
    check! {
        rfc: "the workshop's own rule",
        rule: "The server's answers come in order, so an error is about the oldest question.",
        signs: [],
        shows: || {
            let mut scene = Scene::new("ada ");
            scene.opens();
            scene.says("hello");
            scene.hears(r#"{"error":"The name ada is taken."}"#);
            scene.hears(r#"{"you":"ada"}"#);
            scene.hears(r#"{"error":"That was too fast."}"#);
            scene.says("again");
            scene.hears(r#"{"id":1,"username":"ada","message":"again"}"#);
            scene.says_again();
            scene.diary
        },
    }
}

#[test]
fn a_lost_connection_loses_no_message() {
    check! {
        rfc: "the workshop's own rule",
        rule: "The next connection asks for what was missed. What you said and didn't hear is said again, unless it was heard.",
        signs: [
            missing(["after=4"]).says("The next connection asks for messages that have come already, or not for all that were missed."),
            missing(["\"three\""]).says("What was said on the lost connection, and never came back, isn't said again."),
        ],
        shows: || {
            let mut scene = Scene::new("ada");
            scene.opens();
            scene.hears(r#"{"people":[]}"#);
            scene.hears(r#"{"you":"ada"}"#);
            scene.says("one");
            scene.hears(r#"{"id":4,"username":"ada","message":"one"}"#);
            scene.says("two");
            scene.says("three");
            scene.is_lost();
            scene.says("four");
            scene.opens();
            scene.hears(r#"{"id":5,"username":"ada","message":"two"}"#);
            scene.hears(r#"{"id":6,"username":"bob","message":"three"}"#);
            scene.hears(r#"{"people":["bob"]}"#);
            scene.says_again();
            scene.hears(r#"{"you":"ada"}"#);
            scene.says_again();
            scene.diary
        },
    }
}
