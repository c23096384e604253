//! Whole-system tests of ldnn live in `tests/tests`.
