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
}
