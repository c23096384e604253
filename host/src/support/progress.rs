//! Progress of long work: a bar with the time left on a terminal, a line now and then elsewhere.

use super::notice::notice;
use crate::support::text::printable;
use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Between two plain lines.
const INTERVAL: Duration = Duration::from_secs(10);

/// How progress is shown; always on standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Not at all.
    Quiet,
    /// A bar on a terminal, lines elsewhere.
    Normal,
}

/// The progress of a list of jobs.
pub struct Progress {
    bar: ProgressBar,
    title: String,
    started: Instant,
    /// When the last plain line was written; none if lines are not wanted.
    lines: Option<Mutex<Instant>>,
    /// Jobs that an earlier process did.
    earlier: AtomicU64,
}

impl Progress {
    /// Of `total` jobs.
    #[must_use]
    pub fn new(output: Output, title: &str, total: usize) -> Progress {
        let bar = ProgressBar::with_draw_target(Some(total as u64), ProgressDrawTarget::hidden());
        let terminal = std::io::stderr().is_terminal();
        if output == Output::Normal && terminal {
            bar.set_draw_target(ProgressDrawTarget::stderr());

            let style = ProgressStyle::with_template(
                "{prefix} [{wide_bar}] {pos}/{len}, {eta} left, {msg}",
            );

            bar.set_style(
                style
                    .unwrap_or_else(|_| ProgressStyle::default_bar())
                    .progress_chars("=> "),
            );

            bar.set_prefix(title.to_string());
        }

        let started = Instant::now();
        let lines = (output == Output::Normal && !terminal).then(|| Mutex::new(started));

        Progress {
            bar,
            title: title.into(),
            started,
            lines,
            earlier: AtomicU64::new(0),
        }
    }

    /// Another job is done.
    pub fn advance(&self, message: impl FnOnce() -> String) {
        self.bar.inc(1);

        if !self.bar.is_hidden() {
            self.bar.set_message(printable(&message()).into_owned());
        } else if let Some(Ok(mut last)) = self.lines.as_ref().map(Mutex::lock)
            && last.elapsed() >= INTERVAL
        {
            *last = Instant::now();
            notice!("{}", printable(&self.line(&message())));
        }
    }

    /// Jobs that an earlier process did already.
    pub fn skip(&self, jobs: usize) {
        self.earlier.fetch_add(jobs as u64, Ordering::Relaxed);
        self.bar.inc(jobs as u64);
        self.bar.reset_eta();
    }

    /// What was done, and in what time.
    fn summary(&self) -> String {
        let (done, total) = (self.bar.position(), self.bar.length().unwrap_or(0));
        let earlier = match self.earlier.load(Ordering::Relaxed) {
            0 => String::new(),
            earlier => format!(" ({earlier} of them earlier)"),
        };

        format!(
            "{}: {done}/{total}{earlier} in {:.1} s",
            self.title,
            self.started.elapsed().as_secs_f64()
        )
    }

    fn line(&self, message: &str) -> String {
        let (done, total) = (self.bar.position(), self.bar.length().unwrap_or(0));
        format!(
            "{}: {done}/{total}, {} left, {message}",
            self.title,
            HumanDuration(self.bar.eta())
        )
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        // Before the bar is finished, which sets it to its end.
        let summary = self.summary();
        let is_shown = self.lines.is_some() || !self.bar.is_hidden();
        self.bar.finish_and_clear();

        if is_shown {
            notice!("{summary}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_counts_what_was_done() {
        let progress = Progress::new(Output::Quiet, "trainings", 300);
        (0..19).for_each(|_| progress.advance(String::new));

        assert!(
            progress.summary().starts_with("trainings: 19/300 in "),
            "{}",
            progress.summary()
        );

        progress.skip(100);

        let summary = progress.summary();
        assert!(
            summary.starts_with("trainings: 119/300 (100 of them earlier) in "),
            "{summary}"
        );
    }
}
