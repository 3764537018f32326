//! Measures the memory of another process.

use std::fs;
use std::process::{Command, Stdio};

/// Returns the memory that a process takes, in bytes.
pub(super) fn of_process(id: u32) -> Option<u64> {
    if cfg!(target_os = "linux") {
        let text = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
        let line = text.lines().find(|line| line.starts_with("VmRSS:"))?;
        return Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? * 1024);
    }
    let output = listing(id).stdin(Stdio::null()).output().ok()?;
    kilobytes(&String::from_utf8_lossy(&output.stdout)).map(|number| number * 1024)
}

/// The command that prints the memory of a process.
fn listing(id: u32) -> Command {
    let id = id.to_string();
    if cfg!(windows) {
        let mut command = Command::new("tasklist");
        command.args(["/NH", "/FO", "CSV", "/FI", &format!("PID eq {id}")]);
        command
    } else {
        let mut command = Command::new("ps");
        command.args(["-o", "rss=", "-p", &id]);
        command
    }
}

/// The last number in `1234` or `"a.exe","1","Console","1","1,234 K"`.
fn kilobytes(listing: &str) -> Option<u64> {
    let number = listing.trim().rsplit("\",\"").next()?;
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::super::MAX_MEMORY;
    use super::*;

    #[test]
    fn the_memory_of_a_process_is_known() {
        let ours = of_process(std::process::id()).unwrap();
        assert!((100_000..MAX_MEMORY).contains(&ours), "{ours}");
    }

    #[test]
    fn each_system_has_its_own_listing() {
        assert_eq!(kilobytes("  1234\n"), Some(1234));
        let windows = "\"a.exe\",\"1\",\"Console\",\"1\",\"1,234 K\"\r\n";
        assert_eq!(kilobytes(windows), Some(1234));
        assert_eq!(kilobytes(""), None);
    }
}
