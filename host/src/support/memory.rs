//! How much memory data may take: what a file asks for is compared with what is there before it is
//! taken.

use anyhow::{Context, Result, ensure};

/// Bytes that data may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryBudget(u64);

/// Sets the budget; otherwise it is what the machine has free.
pub const VARIABLE: &str = "LDNN_MEMORY";
/// Bytes that a number of a table takes while it is read, split and standardised; measured, see
/// `docs/data.md`.
const PER_NUMBER: u64 = 40;
/// Where the machine does not tell.
const UNKNOWN: u64 = 16 << 30;

impl MemoryBudget {
    /// From the environment, or from what is free.
    ///
    /// # Errors
    /// If the variable is there and malformed.
    pub fn find() -> Result<MemoryBudget> {
        match std::env::var(VARIABLE) {
            Ok(text) => MemoryBudget::parse(&text).with_context(|| format!("{VARIABLE}='{text}'")),
            Err(_) => Ok(MemoryBudget(free().unwrap_or(UNKNOWN))),
        }
    }

    /// From bytes, or from a number with K, M or G behind it.
    ///
    /// # Errors
    /// If it is neither.
    pub fn parse(text: &str) -> Result<MemoryBudget> {
        let (digits, factor) = match text.trim().to_ascii_uppercase() {
            t if t.ends_with('K') => (t, 1 << 10),
            t if t.ends_with('M') => (t, 1 << 20),
            t if t.ends_with('G') => (t, 1 << 30),
            t => (t, 1),
        };

        let number: u64 = digits
            .trim_end_matches(['K', 'M', 'G'])
            .trim()
            .parse()
            .context("give bytes, as in 8G")?;

        Ok(MemoryBudget(
            number
                .checked_mul(factor)
                .context("give fewer bytes, as in 8G")?,
        ))
    }

    /// Whether so many numbers fit.
    ///
    /// # Errors
    /// If they do not; the message says what they need and what is there.
    pub fn allow(self, numbers: u64) -> Result<()> {
        let needed = numbers.saturating_mul(PER_NUMBER);
        ensure!(
            needed <= self.0,
            "its {numbers} numbers need about {} of memory, and {} may be used; {}",
            in_words(needed),
            in_words(self.0),
            remedy(needed)
        );

        Ok(())
    }

    /// Whether work that needs so many bytes fits.
    ///
    /// # Errors
    /// If it does not; the message says what it needs and what is there.
    pub fn allow_work(self, bytes: f64) -> Result<()> {
        ensure!(
            bytes <= self.0 as f64,
            "the work needs about {} of memory, and {} may be used; take narrower layers (`hidden`) or fewer threads \
             (`jobs`), or raise the limit, as in {VARIABLE}={:.0}G",
            in_words(bytes as u64),
            in_words(self.0),
            (bytes / (1u64 << 30) as f64).ceil()
        );

        Ok(())
    }

    /// The number of bytes.
    #[must_use]
    pub fn bytes(self) -> u64 {
        self.0
    }
}

/// What can be done about data that need so many bytes.
fn remedy(needed: u64) -> String {
    if needed > MOST_BYTES {
        return "no machine has that much: the sizes that the file states are wrong, so it is damaged, or of another kind"
            .into();
    }

    format!(
        "take fewer rows or columns (`ldnn train --ignore NAME` leaves columns out), or raise the limit, as in \
         {VARIABLE}={}G (`ldnn predict` and `ldnn eval` read CSV of any size)",
        needed.div_ceil(1 << 30)
    )
}

/// Nobody reads a table that needs more memory.
const MOST_BYTES: u64 = 1 << 46;

/// More repetitions of anything than this are a slip of the hand, and their products overflow.
pub const MOST_TIMES: usize = 1_000_000_000;

/// The widest layer, and the most networks per activation.
pub const MOST: usize = 1 << 20;

/// Refuses a number that nobody means.
///
/// # Errors
/// With the setting and the largest number that it may have.
pub fn check_size(setting: &str, value: usize, most: usize) -> Result<()> {
    ensure!(value <= most, "{setting} {value}: at most {most}");
    Ok(())
}

/// Bytes for people.
#[must_use]
pub fn in_words(bytes: u64) -> String {
    match bytes {
        0..=9_999 => format!("{bytes} bytes"),
        10_000..=999_999 => format!("{} KB", bytes / 1000),
        1_000_000..=999_999_999 => format!("{} MB", bytes / 1_000_000),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

/// What Linux says that may still be used, by the machine, by the control group and by this process
/// (`ulimit -v`); other systems do not say.
fn free() -> Option<u64> {
    let free = free_here()?;
    Some(addresses().map_or(free, |addresses| free.min(addresses)))
}

/// How many bytes this process may still address, if there is a limit.
fn addresses() -> Option<u64> {
    let read = |path| std::fs::read_to_string(path).ok();
    let limits = read("/proc/self/limits")?;
    let line = limits
        .lines()
        .find_map(|l| l.strip_prefix("Max address space"))?;
    let most: u64 = line.split_whitespace().next()?.parse().ok()?;

    let status = read("/proc/self/status")?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmSize:"))?;
    let used: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;

    Some(most.saturating_sub(used << 10))
}

fn free_here() -> Option<u64> {
    let read = |path| std::fs::read_to_string(path).ok();
    let info = read("/proc/meminfo")?;
    let line = info.lines().find_map(|l| l.strip_prefix("MemAvailable:"))?;

    let free = line
        .trim()
        .trim_end_matches("kB")
        .trim()
        .parse::<u64>()
        .ok()?
        << 10;

    let number = |path| read(path).and_then(|text| text.trim().parse::<u64>().ok());
    let group = number("/sys/fs/cgroup/memory.max").map(|most| {
        let used = number("/sys/fs/cgroup/memory.current").unwrap_or(0);
        most.saturating_sub(used)
    });

    Some(group.map_or(free, |group| free.min(group)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_understood_and_kept() {
        assert_eq!(MemoryBudget::parse("8G").unwrap(), MemoryBudget(8 << 30));
        assert_eq!(MemoryBudget::parse(" 5 k").unwrap(), MemoryBudget(5 << 10));
        assert_eq!(MemoryBudget::parse("123").unwrap(), MemoryBudget(123));

        assert!(
            ["", "G", "-1", "8T", "99999999999999G"]
                .iter()
                .all(|t| MemoryBudget::parse(t).is_err())
        );

        let budget = MemoryBudget::parse("4K").unwrap();
        assert!(budget.allow(102).is_ok());

        let error = format!("{:#}", budget.allow(1_000_000).unwrap_err());

        assert!(
            error
                .contains("1000000 numbers need about 40 MB of memory, and 4096 bytes may be used"),
            "{error}"
        );

        assert!(budget.allow(u64::MAX).is_err());
    }
}
