//! Prints COMPAT.md.
#![forbid(unsafe_code)]

fn main() {
    print!("{}", seedis_tests::compat::page());
}
