//! Stays connected for as long as it is wanted: lines go out, events come in, and a lost connection is opened again.

use std::io::{self, BufRead, IsTerminal};
use std::process::{self, ExitCode};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use connection::{CloseCode, Event, SendError};

use crate::chat::Chat;
use crate::editor::Typed;
use crate::screen::Screen;
use crate::terminal::{HELP, Kind, Line, describe, escape_controls, read_line};
use crate::{Backoff, Client, ConnectError, Settings, Target, connect, random};

/// The most lines that wait to be sent. A pipe that has more waits, too.
const MAX_LINES: usize = 16;

/// How long a chat's answers may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// The close code for a chat that doesn't answer: the page of step 10 uses the same.
const NO_ANSWER: CloseCode = CloseCode(4000);

/// What the main thread waits for.
enum Input {
    Line(String),
    /// No more lines will come.
    End,
    /// TCP has ended, after a Close with this code.
    Gone(CloseCode),
}

/// How a connection has ended.
enum Ending {
    /// One of the two sides has closed it.
    Closed(CloseCode),
    /// It was lost.
    Lost,
}

/// What the command line asks for, and what is needed for that.
pub(crate) struct Session {
    target: Target,
    settings: Settings,
    reconnect: bool,
    screen: Arc<Screen>,
    room: Option<Arc<Room>>,
    /// Whether lines are read already.
    is_read: bool,
    /// Whether no more of them will come.
    has_ended: bool,
    sender: SyncSender<Input>,
    inputs: Receiver<Input>,
}

/// A chat, and whoever waits for its answers.
struct Room {
    chat: Mutex<Chat>,
    changed: Condvar,
}

impl Session {
    /// Creates a session. With a name, it speaks with the chat of step 10.
    pub(crate) fn new(
        target: Target,
        settings: Settings,
        reconnect: bool,
        name: Option<&str>,
    ) -> Self {
        let (sender, inputs) = mpsc::sync_channel(MAX_LINES);
        Self {
            target,
            settings,
            reconnect,
            screen: Arc::new(Screen::new()),
            room: name.map(|name| Arc::new(Room::new(name))),
            is_read: false,
            has_ended: false,
            sender,
            inputs,
        }
    }

    /// Connects, and stays connected for as long as it is wanted.
    pub(crate) fn stay_connected(mut self) -> ExitCode {
        let code = self.connect_again_and_again();
        self.screen.end();
        code
    }

    fn connect_again_and_again(&mut self) -> ExitCode {
        if !self.screen.is_edited() {
            self.is_read = true;
            self.read_stdin();
        }
        let mut backoff = Backoff::default();
        loop {
            match connect(&self.next_target(), &self.settings) {
                Ok((client, events)) => {
                    let open_since = Instant::now();
                    // Before the first event is heard: the history may be there already.
                    let name = self.room.as_ref().map(|room| room.chat().opened());
                    self.show_events(events);
                    match self.talk(&client, name) {
                        Ending::Lost if self.reconnect => backoff.ended(open_since.elapsed()),
                        Ending::Lost => return self.end(ExitCode::FAILURE),
                        Ending::Closed(code) => return self.end(exit_code(code)),
                    }
                }
                Err(error) => {
                    let why = escape_controls(&error.to_string());
                    self.tell(Kind::Wrong, &format!("{}: {why}", self.target.host));
                    if !self.reconnect || matches!(error, ConnectError::NeedsTls) {
                        return self.end(ExitCode::from(2));
                    }
                }
            }
            let wait = backoff.next_wait(u64::from_ne_bytes(random::bytes()));
            let seconds = wait.as_secs_f64();
            self.tell(Kind::News, &format!("next try in {seconds:.1} s"));
            if !self.wait(wait) {
                return self.end(ExitCode::FAILURE);
            }
        }
    }

    /// Ends with this code. If something was perhaps not said, says so.
    fn end(&self, code: ExitCode) -> ExitCode {
        if let Some(room) = &self.room {
            for message in room.chat().take_uncertain() {
                self.tell(Kind::Wrong, &format!("perhaps not said: {message}"));
            }
        }
        code
    }

    /// Returns where to connect to. In a chat, the query says what has come already.
    fn next_target(&self) -> Target {
        let mut target = self.target.clone();
        if let Some(room) = &self.room {
            target.resource = room.chat().resource(&target.resource);
        }
        target
    }

    /// Waits before the next try. Returns whether there is to be one. The lines of a pipe wait, too.
    fn wait(&self, time: Duration) -> bool {
        if !self.screen.is_edited() {
            thread::sleep(time);
            return true;
        }
        let deadline = Instant::now() + time;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.inputs.recv_timeout(left) {
                Ok(Input::Line(_)) => self.tell(
                    Kind::Wrong,
                    "not sent: there is no connection; ↑ brings the line back",
                ),
                Ok(Input::End) => return false,
                Ok(Input::Gone(_)) | Err(RecvTimeoutError::Disconnected) => {}
                Err(RecvTimeoutError::Timeout) => return true,
            }
        }
    }

    /// Sends what is typed, until TCP has ended.
    fn talk(&mut self, client: &Client, name: Option<String>) -> Ending {
        let mut is_over = false;
        if let Some(name) = name {
            self.enter_room(client, &name);
        }
        if !self.is_read {
            self.is_read = true;
            self.read_keys();
        }
        if self.has_ended {
            // What wasn't said on the last connection has been said on this one.
            self.leave(client);
        }
        loop {
            match self.inputs.recv() {
                Ok(Input::Line(line)) => is_over |= self.act(client, &line),
                Ok(Input::End) => {
                    self.has_ended = true;
                    self.leave(client);
                }
                Ok(Input::Gone(code)) if !is_over && self.is_missed() && self.is_lost(code) => {
                    return Ending::Lost;
                }
                Ok(Input::Gone(code)) => return Ending::Closed(code),
                Err(_) => return Ending::Lost,
            }
        }
    }

    /// Returns whether this code means that the connection is lost. A server that stops is worth another try if there
    /// is to be one: it may restart, or others may take its place.
    fn is_lost(&self, code: CloseCode) -> bool {
        match code {
            CloseCode::ABNORMAL => true,
            CloseCode::GOING_AWAY | CloseCode::SERVICE_RESTART | CloseCode::TRY_AGAIN_LATER => {
                self.reconnect
            }
            _ => false,
        }
    }

    /// Returns whether a lost connection is missed: a line may follow, or something was perhaps not said.
    fn is_missed(&self) -> bool {
        let is_uncertain = |room: &Arc<Room>| room.chat().is_uncertain();
        !self.has_ended || self.room.as_ref().is_some_and(is_uncertain)
    }

    /// Closes the connection. A chat has time to answer.
    fn leave(&self, client: &Client) {
        self.wait_for_answers();
        // It fails only if the connection is closing already.
        _ = client.close(CloseCode::NORMAL, "");
    }

    /// Does what a line asks for. Returns whether that was to close the connection.
    fn act(&self, client: &Client, line: &str) -> bool {
        // In a pipe, there are no commands.
        let line = match io::stdin().is_terminal() {
            true => read_line(line),
            false => Line::Text(line.to_string()),
        };
        match line {
            Line::Text(text) => self.say(client, &text),
            Line::Binary(_) if self.room.is_some() => {
                self.tell(Kind::Wrong, "not sent: a chat takes text only");
            }
            Line::Binary(bytes) => _ = self.is_sent(client.send_binary(&bytes)),
            Line::Ping(text) => _ = self.is_sent(client.send_ping(text.as_bytes())),
            Line::Close(code, reason) => return self.is_sent(client.close(code, &reason)),
            Line::Help => self.tell(Kind::News, HELP),
            Line::Wrong(why) => self.tell(Kind::Wrong, &why),
        }
        false
    }

    /// Returns whether something was sent. If it wasn't, says why.
    fn is_sent(&self, sent: Result<(), SendError>) -> bool {
        if let Err(error) = &sent {
            self.tell(Kind::Wrong, &format!("not sent: {error}"));
        }
        sent.is_ok()
    }

    /// Sends a text. In a chat, one that can't be sent now is sent on the next connection.
    fn say(&self, client: &Client, text: &str) {
        let Some(room) = &self.room else {
            self.is_sent(client.send_text(text));
            return;
        };
        let message = room.chat().say(text);
        let sent = client.send_text(&message);
        if !self.reconnect {
            self.is_sent(sent);
        }
    }

    /// Takes the name, waits for the history, and says again what wasn't heard on an earlier connection.
    fn enter_room(&self, client: &Client, name: &str) {
        let Some(room) = &self.room else {
            return;
        };
        // If this fails, the connection is lost already, and its end is among the inputs.
        _ = client.send_text(name);
        if room.wait_while(Chat::is_catching_up) {
            self.tell(Kind::Wrong, "the server doesn't answer as a chat does");
            _ = client.close(NO_ANSWER, "no answer");
        }
        let uncertain = room.chat().take_uncertain();
        for message in uncertain {
            self.say(client, &message);
        }
    }

    /// Waits until the chat has answered everything, or until it says nothing for too long.
    fn wait_for_answers(&self) {
        let Some(room) = &self.room else {
            return;
        };
        loop {
            let count = room.chat().waits_for();
            if count == 0 || room.wait_while(|chat| chat.waits_for() == count) {
                return;
            }
        }
    }

    /// Says something about the connection.
    fn tell(&self, kind: Kind, line: &str) {
        self.screen.show(kind, line);
    }

    /// Reads lines in a thread of their own, because reading can't be interrupted.
    fn read_stdin(&self) {
        let (screen, inputs) = (Arc::clone(&self.screen), self.sender.clone());
        thread::spawn(move || {
            for line in io::stdin().lock().lines() {
                let line = line.inspect_err(|error| {
                    screen.show(Kind::Wrong, &format!("no more is read: {error}"));
                });
                let Ok(line) = line else { break };
                if inputs.send(Input::Line(line)).is_err() {
                    return;
                }
            }
            _ = inputs.send(Input::End);
        });
    }

    /// Reads what a person types, in a thread of its own. Whoever leaves twice doesn't want to wait for the server.
    fn read_keys(&self) {
        if let Err(error) = self.screen.begin() {
            self.tell(Kind::Wrong, &format!("lines can't be edited here: {error}"));
            return self.read_stdin();
        }
        let (screen, inputs) = (Arc::clone(&self.screen), self.sender.clone());
        thread::spawn(move || {
            let mut leaves = false;
            loop {
                let input = match screen.read() {
                    Ok(Typed::Change) => continue,
                    Ok(Typed::Line(line)) => Input::Line(line),
                    Ok(Typed::Leave) if leaves => {
                        screen.end();
                        process::exit(1);
                    }
                    Ok(Typed::Leave) => {
                        leaves = true;
                        Input::End
                    }
                    Err(error) => {
                        screen.show(Kind::Wrong, &format!("no more is read: {error}"));
                        _ = inputs.send(Input::End);
                        return;
                    }
                };
                if inputs.send(input).is_err() {
                    return;
                }
            }
        });
    }

    /// Shows events in a thread of their own: while the main thread waits for room to send, messages still come.
    fn show_events(&self, events: Receiver<Event>) {
        let (screen, room) = (Arc::clone(&self.screen), self.room.clone());
        let inputs = self.sender.clone();
        thread::spawn(move || {
            let mut last = CloseCode::ABNORMAL;
            for event in events {
                match (&event, &room) {
                    (Event::Text(text), Some(room)) => room.hear(text, &screen),
                    (Event::Text(text), None) if !io::stdout().is_terminal() => {
                        screen.show(Kind::Message, text);
                    }
                    _ => screen.show(Kind::of(&event), &describe(&event)),
                }
                if let Event::Close { code, .. } = event {
                    last = code;
                }
            }
            if let Some(room) = room {
                room.change(Chat::lost);
            }
            _ = inputs.send(Input::Gone(last));
        });
    }
}

fn exit_code(code: CloseCode) -> ExitCode {
    match code {
        CloseCode::NORMAL | CloseCode::GOING_AWAY | CloseCode::NO_STATUS => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

impl Room {
    fn new(name: &str) -> Self {
        let tab = u128::from_ne_bytes(random::bytes());
        Self {
            chat: Mutex::new(Chat::new(name, &format!("{tab:x}"))),
            changed: Condvar::new(),
        }
    }

    fn chat(&self) -> MutexGuard<'_, Chat> {
        self.chat.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the chat, and wakes whoever waits for that.
    fn change<T>(&self, change: impl FnOnce(&mut Chat) -> T) -> T {
        let changed = change(&mut self.chat());
        self.changed.notify_all();
        changed
    }

    fn hear(&self, text: &str, screen: &Screen) {
        for (kind, line) in self.change(|chat| chat.hear(text)) {
            screen.show(kind, &line);
        }
    }

    /// Waits while this is true of the chat, for as long as an answer may take. Returns whether it still is.
    fn wait_while(&self, condition: impl Fn(&Chat) -> bool) -> bool {
        let waits = |chat: &mut Chat| condition(chat);
        let waited = self
            .changed
            .wait_timeout_while(self.chat(), ANSWER_WITHIN, waits);
        let (_chat, result) = waited.unwrap_or_else(PoisonError::into_inner);
        result.timed_out()
    }
}
