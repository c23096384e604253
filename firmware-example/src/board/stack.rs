//! The high-water mark of the stack: it is painted, and what is no longer painted later was used.

use core::ptr::{addr_of_mut, read_volatile, write_volatile};

unsafe extern "C" {
    /// The first word after all statics; the stack grows down towards it.
    static mut __sheap: u32;
}

const PAINT: u32 = 0x5afe_57ac;
/// Bytes below the stack pointer that are left alone, for the painting itself.
pub const MARGIN: usize = 128;

/// Painted stack.
pub struct Paint {
    low: *mut u32,
    words: usize,
    /// The stack pointer then.
    top: usize,
}

impl Paint {
    /// Paints what lies below the stack pointer, at most `most` bytes.
    pub fn new(most: usize) -> Paint {
        let top = cortex_m::register::msp::read() as usize;
        let end = addr_of_mut!(__sheap) as usize;
        let words = (top - MARGIN).saturating_sub(end).min(most) / 4;
        let low = (top - MARGIN - 4 * words) as *mut u32;

        for i in 0..words {
            // SAFETY: between the statics and the stack lies RAM that nothing else uses: there is
            // no heap, and no interrupt is enabled that would push onto the stack.
            unsafe { write_volatile(low.wrapping_add(i), PAINT) };
        }

        Paint { low, words, top }
    }

    /// How many bytes below the stack pointer of then have been used since, or [`MARGIN`] if it
    /// were fewer.
    pub fn used(&self) -> usize {
        // SAFETY: as above; it only reads.
        let painted = |&i: &usize| unsafe { read_volatile(self.low.wrapping_add(i)) } == PAINT;
        let untouched = (0..self.words).take_while(painted).count();

        if untouched == self.words {
            MARGIN
        } else {
            self.top - self.low as usize - 4 * untouched
        }
    }
}
