//! How much memory this process ever took.

use std::fs;

/// The most bytes of memory this process ever held, where the system tells.
pub(super) fn peak_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    peak_of(&status)
}

fn peak_of(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_peak_is_read_from_what_the_system_says() {
        let status = "Name:\tmeterbridge\nVmPeak:\t  900000 kB\nVmHWM:\t  123456 kB\nVmRSS:\t 1 kB\n";
        assert_eq!(super::peak_of(status), Some(123_456 * 1024));
        assert_eq!(super::peak_of("Name:\tmeterbridge\n"), None);
    }
}
