//! The report on a check whose process ended before the check did.

use super::run::{MAX_MEMORY_OF_CHECKS, MAX_TIME};
use crate::supervisor::{Limit, Output};
use crate::text::wrap;

/// Explains why there is no report.
pub(super) fn crash_report(output: &Output) -> String {
    let why = wrap(&reason(output), 78, 0).replace('\n', "\n  ");
    let said = output
        .stderr
        .lines()
        .rfind(|line| !line.trim().is_empty() && !line.starts_with("note: "));
    let said = said.map_or(String::new(), |line| {
        format!("  It said: {}\n", line.trim())
    });
    format!("  {why}\n{said}  It ended with: {}\n", output.status)
}

fn reason(output: &Output) -> String {
    match output.exceeded {
        Some(Limit::Time) => format!(
            "It was ended after {} minutes: a loop that never ends, or a deadlock.",
            MAX_TIME.as_secs() / 60
        ),
        Some(Limit::Memory) => format!(
            "Your code took more than {} MB of memory, and was ended: something grows without \
             end, or prints without end.",
            MAX_MEMORY_OF_CHECKS >> 20
        ),
        Some(Limit::Silence) => "It was ended because it printed nothing any more.".to_string(),
        None if output.stderr.contains("overflowed its stack") => {
            "Your code called itself until the stack was full: a recursion that never ends."
                .to_string()
        }
        None => {
            "Your code ended the whole process before this check was done (`process::exit`, or \
                 an abort)."
                .to_string()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::ExitStatus;

    use super::*;

    #[test]
    fn a_limit_is_named_with_its_figure() {
        let report = |exceeded, stderr: &str| {
            crash_report(&Output {
                status: ExitStatus::default(),
                exceeded,
                stdout: String::new(),
                stderr: stderr.to_string(),
            })
        };
        assert!(report(Some(Limit::Time), "").contains("after 10 minutes"));
        assert!(report(Some(Limit::Memory), "").contains("more than 256 MB"));
        let overflow = report(None, "\nthread 'x' has overflowed its stack\nfatal error\n");
        assert!(overflow.contains("a recursion that never ends"));
        assert!(overflow.contains("It said: fatal error\n"));
    }
}
