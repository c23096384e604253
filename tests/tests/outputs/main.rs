//! What a command writes takes the place of nothing that it reads, of nothing that the program did
//! not write, and of nothing but a regular file; for every command with an output.

mod commands;
mod endings;
mod run_folders;
mod tree;
mod unusual;
