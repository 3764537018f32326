//! Opens an address in the browser that this machine has.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

/// Opens an address. `false` where there is nothing to open it with.
pub fn open(address: &str) -> bool {
    let Some(mut command) = command() else {
        return false;
    };
    command
        .arg(address)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    // It is to stay when the workshop ends, and when Ctrl-C is pressed here.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let Ok(mut child) = command.spawn() else {
        return false;
    };
    thread::spawn(move || child.wait());
    true
}

/// What `open` would start.
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
    // `BROWSER` is how editors on a remote machine (and people) say what opens a page.
    let chosen = env::var_os("BROWSER").and_then(|browser| on_path(Path::new(&browser)));
    let has_screen =
        |name: &str| env::var_os(name).is_some_and(|display: OsString| !display.is_empty());
    let on_screen = || {
        (has_screen("DISPLAY") || has_screen("WAYLAND_DISPLAY"))
            .then(|| on_path(Path::new("xdg-open")))
            .flatten()
    };
    let on_windows = || {
        has_screen("WSL_DISTRO_NAME")
            .then(|| on_path(Path::new("wslview")).or_else(|| on_path(Path::new("explorer.exe"))))
            .flatten()
    };
    let program = chosen.or_else(on_windows).or_else(on_screen)?;
    Some(Command::new(program))
}

/// The file that a command's name stands for.
fn on_path(name: &Path) -> Option<PathBuf> {
    if name.components().count() > 1 {
        return name.is_file().then(|| name.to_path_buf());
    }
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}
