//! Opens an address in this machine's browser.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

/// Opens an address, and returns whether there was a browser to open it with.
pub fn open(address: &str) -> bool {
    let Some(mut command) = command() else {
        return false;
    };
    command
        .arg(address)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    // The browser stays open when the workshop ends, and when Ctrl-C is pressed here.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let Ok(mut child) = command.spawn() else {
        return false;
    };
    thread::spawn(move || child.wait());
    true
}

/// The program that [`open`] starts.
pub fn name() -> Option<String> {
    let command = command()?;
    Some(command.get_program().to_string_lossy().into_owned())
}

fn command() -> Option<Command> {
    if cfg!(windows) {
        let mut command = Command::new("cmd");
        command.args(["/C", "start", ""]);
        return Some(command);
    }
    if cfg!(target_os = "macos") {
        return Some(Command::new("open"));
    }
    let has = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
    // Set by people, and by editors on a remote machine.
    let chosen = env::var("BROWSER").unwrap_or_default();
    if let Some(command) = chosen.split(':').find_map(chosen_command) {
        return Some(command);
    }
    let mut names = Vec::new();
    if has("WSL_DISTRO_NAME") {
        names.extend(["wslview", "explorer.exe"]);
    }
    if has("DISPLAY") || has("WAYLAND_DISPLAY") {
        names.push("xdg-open");
    }
    let program = names
        .into_iter()
        .find_map(|name| on_path(Path::new(name)))?;
    Some(Command::new(program))
}

/// The command of one entry in `BROWSER`: a program, or a program and its options, with `%s` for
/// the address.
fn chosen_command(entry: &str) -> Option<Command> {
    if let Some(program) = on_path(Path::new(entry)) {
        return Some(Command::new(program));
    }
    let mut words = entry.split_whitespace();
    let mut command = Command::new(on_path(Path::new(words.next()?))?);
    command.args(words.filter(|word| *word != "%s"));
    Some(command)
}

/// Finds the file of a program: at its own path, or in `PATH`.
fn on_path(name: &Path) -> Option<PathBuf> {
    if name.as_os_str().is_empty() {
        return None;
    }
    if name.components().count() > 1 {
        return name.is_file().then(|| name.to_path_buf());
    }
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}
