//! The command line of step 10, with the server of step 17.

use std::process::ExitCode;
use std::sync::Arc;

use echo::Acceptor;
use launch::Parser;
use step_10::Settings;

/// The port, unless the command line names one.
const DEFAULT_PORT: u16 = 9010;

/// Serves the chat with these settings, except for those that the command line names, until Ctrl-C. Step 17 puts
/// nothing between TCP and the first head.
pub fn run(
    arguments: Parser,
    settings: Settings,
    _acceptor: Option<Arc<dyn Acceptor>>,
) -> ExitCode {
    let about = "The chat of step 10, with one thread for everyone.";
    let (listen, settings) =
        step_10::program::options(arguments, about, DEFAULT_PORT, settings, vec![]);
    launch::serve(listen, |listener| speed::Chat::start(listener, &settings))
}
