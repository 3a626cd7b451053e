//! How far a long piece of work is.

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// The bars on a terminal.
pub(super) struct Bars(MultiProgress);

impl Bars {
    pub(super) fn on_standard_error() -> Self {
        Self(MultiProgress::new())
    }

    pub(super) fn suspend<T>(&self, act: impl FnOnce() -> T) -> T {
        self.0.suspend(act)
    }
}

/// One piece of work. Shown while it lives, and only to somebody who watches.
pub(crate) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    pub(super) fn new(bars: Option<&Bars>, total: Option<u64>, things: &'static str) -> Self {
        let Some(Bars(bars)) = bars else {
            return Self {
                bar: ProgressBar::hidden(),
            };
        };
        let bar = bars.add(total.map_or_else(ProgressBar::new_spinner, ProgressBar::new));
        let counts = match total {
            Some(_) => format!(
                "{{wide_bar}} {{human_pos}}/{{human_len}} {things}, {{per_sec}}, {{eta}} left {{msg}}"
            ),
            None => format!("{{spinner}} {{human_pos}} {things}, {{per_sec}}, {{elapsed}} {{msg}}"),
        };
        // The templates above are right, and a bar is not worth failing for.
        if let Ok(style) = ProgressStyle::with_template(&counts) {
            bar.set_style(style.progress_chars("=> "));
        }
        Self { bar }
    }

    /// So many more are done.
    pub(crate) fn add(&self, done: u64) {
        self.bar.inc(done);
    }

    /// So many were done before anybody watched: they say nothing about how long the others take.
    pub(crate) fn begin_at(&self, done: u64) {
        self.bar.set_position(done);
        self.bar.reset_eta();
    }

    /// So many are done, in all.
    pub(crate) fn reach(&self, done: u64) {
        self.bar.set_position(done);
    }

    /// What is being done now.
    pub(crate) fn say(&self, text: &str) {
        self.bar.set_message(text.to_owned());
    }

    /// It is done; the bar goes away.
    pub(crate) fn finish(self) {
        self.bar.finish_and_clear();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
