//! Tidy checks: what the house asks of its own text, beyond what the compiler and clippy can see.
//!
//! A check is a function from files to findings. Each is run on the repository, where it must find nothing, and on a
//! small bad example, where it must find exactly what is bad: a check that cannot fail is worth nothing.

// `cfg(test)` on the modules tells clippy that the functions between the tests are test code as well.
mod arrows;
mod dependencies;
mod documents;
mod links;
mod module_order;
mod names;
mod purity;
mod repository;
mod rust_text;
mod words;
