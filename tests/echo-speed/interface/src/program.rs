//! The command line of step 09, with the server of step 17.

use std::process::ExitCode;

use launch::Parser;
use step_09::Settings;

use crate::server::Server;

/// Serves with these settings, except for those that the command line names, until Ctrl-C.
pub fn run(arguments: Parser, settings: Settings) -> ExitCode {
    let (listen, settings) = step_09::program::options(arguments, settings);
    launch::serve(listen, |listener| Server::start(listener, settings))
}
