//! The use-cases without HTTP: a store in a temporary directory and a clock that the test sets.

#[cfg(test)]
mod billing;
#[cfg(test)]
mod house;
#[cfg(test)]
mod refusals;
