//! `cargo run -p tls -- chat` is the chat of step 10, over TLS. `--help` lists what else there is.

use std::error::Error;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use compression::Compression;
use echo::Negotiation;
use launch::put_back;
use lexopt::{Arg, Parser, ValueExt};
use tls::acceptor::Limits;
use tls::authority::{self, Authority};
use tls::{Certificates, TlsAcceptor, TlsConnector, certificates, connector, trust};

mod measure;

const USAGE: &str = "\
TLS for your servers and your client: wss://.

Usage: cargo run -p tls -- [OPTIONS] [COMMAND]

  cargo run -p tls -- authority
  cargo run -p tls -- chat --listen 127.0.0.1:9014
  cargo run -p tls -- connect wss://localhost:9014/socket
  cargo run -p tls -- --compress connect wss://localhost:9014/socket
  cargo run --release -p tls -- measure

Commands:
  authority           makes the certificate authority, and says how to trust it
  echo                serves step 09 over TLS, with its options
  chat                serves step 10 over TLS, with its options. This is what runs without a command
  connect URL         runs the client of step 12, with its options
  measure [N]         what TLS costs: the handshake, and each message. Each figure
                      takes N milliseconds (default 1000)

Options:
  --authority FOLDER  where the certificate authority is (default .workshop/tls)
  --certificate FILE  the server's certificate, PEM, in place of one from the authority; needs --key
  --key FILE          its key, PEM. When the files change, new connections get the new certificate
  --trust FILE        the authorities that the client trusts, PEM, in place of the one of this machine
  --compress          compresses, too, with your step 13
  -h, --help          this text";

/// What the command line asks for, up to and with the command. The command reads the rest.
struct Options {
    command: String,
    rest: Parser,
    authority: PathBuf,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    trust: Option<PathBuf>,
    compress: bool,
}

fn main() -> ExitCode {
    match options(Parser::from_env()) {
        Ok(Some(options)) => run(options).unwrap_or_else(|error| fail(&error.to_string())),
        Ok(None) => {
            say(USAGE);
            ExitCode::SUCCESS
        }
        Err(error) => fail(&format!("{error}. `--help` shows how to use it.")),
    }
}

/// Reads the command line, up to and with the command. Without one, it is the chat. Returns `None` if it asks for
/// help.
fn options(arguments: Parser) -> Result<Option<Options>, lexopt::Error> {
    let mut options = Options {
        command: String::new(),
        rest: arguments,
        authority: PathBuf::from(authority::FOLDER),
        certificate: None,
        key: None,
        trust: None,
        compress: false,
    };
    while let Some(argument) = options.rest.next()? {
        match argument {
            Arg::Short('h') | Arg::Long("help") => return Ok(None),
            Arg::Long("authority") => options.authority = options.rest.value()?.into(),
            Arg::Long("certificate") => options.certificate = Some(options.rest.value()?.into()),
            Arg::Long("key") => options.key = Some(options.rest.value()?.into()),
            Arg::Long("trust") => options.trust = Some(options.rest.value()?.into()),
            Arg::Long("compress") => options.compress = true,
            Arg::Value(command) => {
                options.command = command.string()?;
                return Ok(Some(options));
            }
            // The chat knows it, or says that there is no such option.
            Arg::Long(name) => {
                let option = format!("--{name}");
                options.rest = put_back(&option, &mut options.rest)?;
                break;
            }
            other => return Err(other.unexpected()),
        }
    }
    options.command = "chat".to_string();
    Ok(Some(options))
}

fn run(mut options: Options) -> Result<ExitCode, Box<dyn Error>> {
    match options.command.as_str() {
        "echo" => echo(options),
        "chat" => chat(options),
        "connect" => connect(options),
        "authority" => {
            ends(&mut options.rest)?;
            show_authority(&options.authority)
        }
        "measure" => {
            let each = milliseconds(&mut options.rest)?;
            ends(&mut options.rest)?;
            say(measure::table(each)?.trim_end());
            Ok(ExitCode::SUCCESS)
        }
        other => Err(format!("There is no command `{other}`. `--help` lists them.").into()),
    }
}

/// Reads how long each figure may take to be measured.
fn milliseconds(rest: &mut Parser) -> Result<Duration, Box<dyn Error>> {
    let number = match rest.next()? {
        Some(Arg::Value(word)) => word.parse().map_err(|_| {
            format!(
                "`measure {}` isn't a number of milliseconds.",
                word.display()
            )
        })?,
        Some(argument) => return Err(argument.unexpected().into()),
        None => 1000,
    };
    Ok(Duration::from_millis(number))
}

/// Checks that nothing is left of the command line.
fn ends(rest: &mut Parser) -> Result<(), Box<dyn Error>> {
    match rest.next()? {
        Some(argument) => {
            let why = argument.unexpected();
            Err(format!("{why}. `--help` shows how to use it.").into())
        }
        None => Ok(()),
    }
}

fn echo(options: Options) -> Result<ExitCode, Box<dyn Error>> {
    let settings = echo::Settings {
        acceptor: Some(Arc::new(acceptor(&options)?)),
        extension: extension(&options, Compression::default()),
        ..echo::Settings::default()
    };
    Ok(echo::program::run(options.rest, settings))
}

fn chat(options: Options) -> Result<ExitCode, Box<dyn Error>> {
    let acceptor = acceptor(&options)?;
    let settings = chat::Settings {
        extension: extension(&options, Compression::for_many()),
        ..chat::Settings::default()
    };
    let acceptor = Some(Arc::new(acceptor) as _);
    Ok(chat::program::run(options.rest, settings, acceptor))
}

fn connect(options: Options) -> Result<ExitCode, Box<dyn Error>> {
    let trusted = match &options.trust {
        Some(file) => certificates::read_chain(file)?,
        None => vec![open_authority(&options)?.certificate().clone()],
    };
    let settings = client::Settings {
        connector: Some(Arc::new(TlsConnector::new(&trusted, connector::WITHIN)?)),
        extension: extension(&options, Compression::default()),
        ..client::Settings::default()
    };
    Ok(client::program::run_as(
        "cargo run -p tls -- connect",
        options.rest,
        settings,
    ))
}

fn extension(options: &Options, compression: Compression) -> Option<Arc<dyn Negotiation>> {
    options.compress.then(|| Arc::new(compression) as _)
}

fn open_authority(options: &Options) -> Result<Authority, authority::AuthorityError> {
    Authority::open(&options.authority, SystemTime::now())
}

fn acceptor(options: &Options) -> Result<TlsAcceptor, Box<dyn Error>> {
    let certificates = match (&options.certificate, &options.key) {
        (Some(chain), Some(key)) => Certificates::from_files(chain, key)?,
        (None, None) => Certificates::local(open_authority(options)?, SystemTime::now())?,
        _ => return Err("`--certificate` and `--key` need each other.".into()),
    };
    Ok(TlsAcceptor::new(Arc::new(certificates), Limits::default())?)
}

fn show_authority(folder: &Path) -> Result<ExitCode, Box<dyn Error>> {
    let authority = Authority::open(folder, SystemTime::now())?;
    let certificate = folder.canonicalize()?.join("authority.crt");
    say(trust::instructions(&authority.name(), &certificate).trim_end());
    Ok(ExitCode::SUCCESS)
}

/// Prints something. If nothing reads it (a closed pipe), that is no failure.
fn say(text: &str) {
    _ = writeln!(io::stdout(), "{text}");
}

fn fail(sentence: &str) -> ExitCode {
    _ = writeln!(io::stderr(), "{sentence}");
    ExitCode::from(2)
}
