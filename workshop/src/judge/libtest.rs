//! Reads what libtest prints: what became of each check, and its report.

use super::crash::crash_report;
use super::verdict::{CheckState, Checked};
use crate::check_file::name_of;
use crate::supervisor::Output;

/// How many lines are shown of what the code under test printed. The last ones matter.
const MAX_PRINTED_LINES: usize = 10;

/// How many characters of such a line are shown.
const MAX_PRINTED_LINE: usize = 200;

/// What became of the checks with these paths, out of the output of the process that ran them.
pub(super) fn read_output(paths: &[impl AsRef<str>], output: &Output) -> Vec<Checked> {
    let crash = crash_report(output);
    paths
        .iter()
        .map(|path| read_check(path.as_ref(), &output.stdout, &crash))
        .collect()
}

/// What became of one check. `crash` is said if it has no report.
pub(super) fn read_check(path: &str, stdout: &str, crash: &str) -> Checked {
    let name = name_of(path);
    let (state, report) = if is_in(stdout, path, "ok") {
        (CheckState::Right, String::new())
    } else if is_in(stdout, path, "FAILED") {
        match split_report(name, &output_of(path, stdout)) {
            Some((printed, report)) => (state_of(&report), report + &printed_part(&printed)),
            // The process ended before libtest got to printing reports.
            None => {
                let text = format!("✗ {name}: red, and its report is lost\n{crash}");
                (CheckState::Wrong, text)
            }
        }
    } else {
        (CheckState::Wrong, format!("✗ {name}: not judged\n{crash}"))
    };
    Checked {
        name: name.to_string(),
        state,
        report,
    }
}

/// Whether libtest says this word of a check.
fn is_in(stdout: &str, path: &str, word: &str) -> bool {
    let lines = [
        format!("test {path} ... {word}"),
        format!("test check::{path} ... {word}"),
    ];
    stdout.lines().any(|line| lines.iter().any(|it| it == line))
}

/// Whether a red check is wrong, or only not written yet: its report's first line says.
fn state_of(report: &str) -> CheckState {
    let first = report.lines().next().unwrap_or_default();
    if first.contains(": not written yet") {
        CheckState::NotWritten
    } else {
        CheckState::Wrong
    }
}

/// What the code under test printed, and the report, which is the last thing that a check prints.
fn split_report(name: &str, output: &str) -> Option<(String, String)> {
    let starts = |line: &str| {
        ["✗", "○"].iter().any(|mark| {
            let rest = line
                .strip_prefix(mark)
                .and_then(|rest| rest.strip_prefix(' '));
            rest.and_then(|rest| rest.strip_prefix(name))
                .is_some_and(|rest| rest.starts_with(": "))
        })
    };
    let lines: Vec<&str> = output.lines().collect();
    if lines.is_empty() {
        return None;
    }
    let at = lines.iter().rposition(|line| starts(line)).unwrap_or(0);
    Some((lines[..at].join("\n"), lines[at..].join("\n")))
}

fn printed_part(printed: &str) -> String {
    let lines: Vec<&str> = printed.trim_end().lines().collect();
    if lines.is_empty() {
        return String::new();
    }
    let shown = &lines[lines.len().saturating_sub(MAX_PRINTED_LINES)..];
    let heading = match lines.len() - shown.len() {
        0 => "Your code printed:".to_string(),
        hidden => format!("Your code printed ({hidden} lines are left out):"),
    };
    let line = |line: &&str| {
        let cut: String = line.chars().take(MAX_PRINTED_LINE).collect();
        format!("\n    {cut}")
    };
    let shown: String = shown.iter().map(line).collect();
    format!("\n\n  {heading}{shown}")
}

/// The part of libtest's output between this check's heading and the next.
fn output_of(path: &str, stdout: &str) -> String {
    let headings = [
        format!("\n---- {path} stdout ----\n"),
        format!("\n---- check::{path} stdout ----\n"),
    ];
    let rest = headings
        .iter()
        .find_map(|heading| Some(stdout.split_once(heading.as_str())?.1));
    let rest = rest.unwrap_or_default();
    let end = ["\n---- ", "\nfailures:\n"]
        .iter()
        .filter_map(|end| rest.find(end))
        .min();
    rest[..end.unwrap_or(rest.len())].trim_end().to_string()
}

#[cfg(test)]
mod tests {
    use std::process::ExitStatus;

    use super::*;

    fn output(stdout: &str, stderr: &str) -> Output {
        Output {
            status: ExitStatus::default(),
            exceeded: None,
            stdout: stdout.to_string(),
            stderr: stderr.to_string(),
        }
    }

    const STDOUT: &str = "\nrunning 3 tests\ntest a ... ok\ntest check::b ... FAILED\ntest c ... FAILED\n\nfailures:\n\n\
        ---- check::b stdout ----\n○ b: not written yet   RFC\n  Task: x\n\n\n---- c stdout ----\n✗ c: wrong\n\nfailures:\n    check::b\n    c\n";

    #[test]
    fn each_check_has_its_state_and_its_report() {
        let checks = read_output(&["c", "a", "b"], &output(STDOUT, ""));
        let states: Vec<CheckState> = checks.iter().map(|check| check.state).collect();
        assert_eq!(
            states,
            [CheckState::Wrong, CheckState::Right, CheckState::NotWritten]
        );
        assert_eq!(checks[2].report, "○ b: not written yet   RFC\n  Task: x");
    }

    #[test]
    fn a_check_in_a_module_goes_by_its_name() {
        let stdout = STDOUT.replace("check::b", "check::rate::b");
        let checks = read_output(&["rate::b"], &output(&stdout, ""));
        assert_eq!(
            (checks[0].name.as_str(), checks[0].state),
            ("b", CheckState::NotWritten)
        );
        assert_eq!(checks[0].report, "○ b: not written yet   RFC\n  Task: x");
    }

    #[test]
    fn what_the_code_printed_is_below_the_report() {
        let stdout = "test a ... FAILED\n\nfailures:\n\n---- a stdout ----\nx = 1\n○ b: not written yet\nx = 2\n\
                      ✗ a: wrong   RFC\n  Rule: r\n\n\nfailures:\n    a\n";
        let checks = read_output(&["a".to_string()], &output(stdout, ""));
        assert_eq!(checks[0].state, CheckState::Wrong);
        assert_eq!(
            checks[0].report,
            "✗ a: wrong   RFC\n  Rule: r\n\n  Your code printed:\n    x = 1\n    ○ b: not written yet\n    x = 2"
        );
        let long = printed_part(&"line\n".repeat(1000));
        assert_eq!(long.lines().count(), 13);
        assert!(long.contains("(990 lines are left out)"));
    }

    #[test]
    fn a_process_that_ended_early_is_no_pass() {
        let names = ["a".to_string(), "d".to_string()];
        let checks = read_output(
            &names,
            &output(
                "test a ... FAILED\n",
                "\nthread 'x' has overflowed its stack\nfatal error\n",
            ),
        );
        assert!(
            checks[0]
                .report
                .starts_with("✗ a: red, and its report is lost\n")
        );
        assert_eq!(checks[1].state, CheckState::Wrong);
        assert!(
            checks[1].report.contains("a recursion that never ends"),
            "{}",
            checks[1].report
        );
        assert!(checks[1].report.contains("It said: fatal error\n"));
    }
}
