//! What the programs need of the machine: text, an exit code, a clock, and how deep the stack went.

mod stack;

pub use stack::Paint;

use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;
#[cfg(feature = "defmt")]
use defmt_rtt as _;

/// A line of text for the person at the desk.
#[cfg(feature = "semihosting")]
#[macro_export]
macro_rules! say {
    ($($part:tt)*) => { cortex_m_semihosting::hprintln!($($part)*) };
}

/// A line of text for the person at the desk.
#[cfg(feature = "defmt")]
#[macro_export]
macro_rules! say {
    ($($part:tt)*) => { defmt::println!($($part)*) };
}

/// Ends the program; under a debugger that listens, with an exit code.
pub fn exit(good: bool) -> ! {
    #[cfg(feature = "semihosting")]
    {
        use cortex_m_semihosting::debug::{EXIT_FAILURE, EXIT_SUCCESS, exit};
        exit(if good { EXIT_SUCCESS } else { EXIT_FAILURE });
    }

    let _ = good;

    loop {
        cortex_m::asm::wfi();
    }
}

/// Counts with the system timer: in the emulator instructions, on a real part cycles of the
/// processor.
pub struct Clock {
    /// What a tick of the timer counts for.
    per_tick: u32,
}

/// What [`Clock`] counts.
pub const UNIT: &str = if cfg!(emulated) {
    "instructions"
} else {
    "cycles"
};

impl Clock {
    /// Starts the timer. The emulator's runs slower than its instructions; a loop of known length
    /// tells by how much.
    pub fn start(mut timer: SYST) -> Clock {
        timer.set_clock_source(SystClkSource::Core);
        timer.set_reload(0x00ff_ffff);
        timer.clear_current();
        timer.enable_counter();

        let clock = Clock { per_tick: 1 };

        if !cfg!(emulated) {
            return clock;
        }

        const ROUNDS: u32 = 500_000;

        let ticks = clock.count(|| rounds_of_two(ROUNDS)).max(1);
        Clock {
            per_tick: (2 * ROUNDS + ticks / 2) / ticks,
        }
    }

    /// What `work` takes. In the emulator a multiple of [`Self::resolution`]; below 16 million
    /// ticks.
    pub fn count(&self, work: impl FnOnce()) -> u32 {
        let before = SYST::get_current();
        work();
        (before.wrapping_sub(SYST::get_current()) & 0x00ff_ffff).wrapping_mul(self.per_tick)
    }

    /// The smallest difference it sees.
    pub fn resolution(&self) -> u32 {
        self.per_tick
    }
}

/// Executes two instructions a round.
fn rounds_of_two(rounds: u32) {
    // SAFETY: it counts a register of its own down.
    unsafe {
        core::arch::asm!("2: subs {0}, #1", "bne 2b", inout(reg) rounds => _, options(nomem, nostack))
    };
}
