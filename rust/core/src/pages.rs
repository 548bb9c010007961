//! Memory for long columns.

/// Columns below this stay as they are, as in NumPy: they come from memory that the process has used before.
#[cfg(target_os = "linux")]
const LONG_BYTES: usize = 4 << 20;

/// Room for this many values, or none where the system refuses.
///
/// Linux is told that long columns may have huge pages, as NumPy tells it of its arrays: to touch new memory 4 KiB at a time
/// can take longer than to compute what is written there.
pub(crate) fn with_room_for<T>(count: usize) -> Vec<T> {
    let mut column = Vec::new();
    if column.try_reserve_exact(count).is_err() {
        return Vec::new();
    }
    #[cfg(target_os = "linux")]
    if size_of_val(column.spare_capacity_mut()) >= LONG_BYTES {
        advise_huge(column.spare_capacity_mut());
    }
    column
}

/// A long column of these values.
pub(crate) fn collected<T>(values: impl ExactSizeIterator<Item = T>) -> Vec<T> {
    let mut column = with_room_for(values.len());
    column.extend(values);
    column
}

/// Has a value brought from memory into the caches, without waiting for it.
#[inline]
pub(crate) fn fetch<T>(value: &T) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        const LINE_BYTES: usize = 64;
        let first = std::ptr::from_ref(value).cast::<i8>();
        for offset in (0..size_of::<T>().min(2 * LINE_BYTES)).step_by(LINE_BYTES) {
            // SAFETY: the address lies within the value, and a fetch changes nothing that a program sees.
            #[expect(unsafe_code, reason = "a hint to the processor that has no safe form")]
            unsafe {
                _mm_prefetch::<_MM_HINT_T0>(first.byte_add(offset));
            }
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = value;
}

/// Lets a column have its first `count` values, which were written into its room; nothing changes if it has no such room.
///
/// # Safety
/// All of them were written.
#[expect(unsafe_code, reason = "several threads write one column, which no safe vector lets them")]
pub(crate) unsafe fn claim<T: Copy>(column: &mut Vec<T>, count: usize) {
    if count <= column.capacity() {
        // SAFETY: the caller says so.
        unsafe { column.set_len(count) };
    }
}

#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "a call of the system that has no safe form")]
fn advise_huge<T>(room: &mut [T]) {
    const PAGE_BYTES: usize = 4096;
    let skipped = room.as_ptr().addr().wrapping_neg() % PAGE_BYTES;
    let bytes = size_of_val(room).saturating_sub(skipped) / PAGE_BYTES * PAGE_BYTES;
    // SAFETY: the range lies inside the borrowed room and consists of whole pages; the advice changes neither its contents nor who
    // may use it, and an error means that it was not taken.
    unsafe {
        libc::madvise(room.as_mut_ptr().byte_add(skipped).cast(), bytes, libc::MADV_HUGEPAGE);
    }
}

/// The huge page after the one being written, of a column that several threads write part by part; zero if there is none.
///
/// The first thread that touches a huge page makes the system clear it, which takes longer than to draw a part: another one
/// that touches it meanwhile clears a page in vain. The thread whose part holds the middle of a page therefore brings in the
/// next, which nobody has reached by then.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Ahead {
    address: usize,
}

impl Ahead {
    const HUGE_BYTES: usize = 2 << 20;

    /// The next page, if this part holds the middle of the one before it and the rest of the column all of it.
    pub(crate) fn of<T>(part: &[T], rest: &[T]) -> Self {
        let start = part.as_ptr().addr();
        let middle = start - start % Self::HUGE_BYTES + Self::HUGE_BYTES / 2;
        let address = middle + Self::HUGE_BYTES / 2;
        let held = (start..start + size_of_val(part)).contains(&middle);
        let inside = address + Self::HUGE_BYTES <= rest.as_ptr().addr() + size_of_val(rest);
        Self { address: if held && inside { address } else { 0 } }
    }

    /// Makes the system find memory for it. Where it cannot, or is not asked, memory is found as it is written.
    pub(crate) fn bring_in(self) {
        #[cfg(target_os = "linux")]
        if self.address != 0 {
            populate(std::ptr::without_provenance_mut(self.address), Self::HUGE_BYTES);
        }
    }
}

#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "a call of the system that has no safe form")]
fn populate(page: *mut u8, bytes: usize) {
    // SAFETY: this advice writes nothing: it does what a first write would do before it, so that other threads may write to the
    // page meanwhile; an error, of an older Linux too, means that nothing was done.
    unsafe {
        libc::madvise(page.cast(), bytes, libc::MADV_POPULATE_WRITE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_and_short_columns_have_room_and_impossible_ones_none() {
        for count in [0, 1, 1000, 1 << 21] {
            let mut column: Vec<u64> = with_room_for(count);
            assert!(column.is_empty() && column.capacity() >= count);
            column.extend(0..count as u64);
            assert!(column.iter().enumerate().all(|(index, value)| *value == index as u64));
        }
        assert_eq!(with_room_for::<u64>(usize::MAX / 16).capacity(), 0);
    }

    #[test]
    fn the_part_that_holds_the_middle_of_a_huge_page_brings_in_the_next() {
        const BYTES: usize = 6 << 20;
        let mut column: Vec<u8> = with_room_for(BYTES);
        column.resize(BYTES, 7);
        let skipped = column.as_ptr().addr().wrapping_neg() % Ahead::HUGE_BYTES;
        let pages = &column[skipped..];
        let of = |from: usize, to: usize| Ahead::of(&pages[from..to], &pages[to..]).address;
        let (half, next) = (Ahead::HUGE_BYTES / 2, pages.as_ptr().addr() + Ahead::HUGE_BYTES);
        assert_eq!(
            [of(0, half), of(0, half + 1), of(half, half + 1), of(half + 1, half + 2)],
            [0, next, next, 0]
        );
        // the last page is not followed by a whole one
        assert_eq!(Ahead::of(&pages[..=half], &pages[half + 1..2 * half]).address, 0);
        Ahead::of(&pages[..=half], &pages[half + 1..]).bring_in();
        assert!(column.iter().all(|value| *value == 7));
    }
}
