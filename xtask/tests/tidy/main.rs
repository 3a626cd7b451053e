//! Tidy checks: what the house asks of its own text, beyond what the compiler and clippy can see.
//!
//! A check is a function from files to findings. Each is run on the repository, where it must find nothing, and on a
//! small bad example, where it must find exactly what is bad: a check that cannot fail is worth nothing.

// `cfg(test)` on the modules tells clippy that the functions between the tests are test code as well.
#[cfg(test)]
mod arrows;
#[cfg(test)]
mod dependencies;
#[cfg(test)]
mod documents;
#[cfg(test)]
mod links;
#[cfg(test)]
mod module_order;
#[cfg(test)]
mod names;
#[cfg(test)]
mod purity;
#[cfg(test)]
mod repository;
#[cfg(test)]
mod rust_text;
#[cfg(test)]
mod words;
