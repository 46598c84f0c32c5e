//! The Seedis server.

fn main() {}
