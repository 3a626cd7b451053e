//! The use-cases without HTTP: a store in a temporary directory and a clock that the test sets.

#[cfg(test)]
mod agents;
#[cfg(test)]
mod authorization;
#[cfg(test)]
mod billing;
#[cfg(test)]
mod closing;
#[cfg(test)]
mod faltering;
#[cfg(test)]
mod gaps;
#[cfg(test)]
mod house;
#[cfg(test)]
mod identity;
mod intake;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod locks;
#[cfg(test)]
mod mappings;
#[cfg(test)]
mod moves;
#[cfg(test)]
mod payers;
#[cfg(test)]
mod people;
#[cfg(test)]
mod prices;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod repricing;
#[cfg(test)]
mod resellers;
#[cfg(test)]
mod sessions;
#[cfg(test)]
mod soundness;
#[cfg(test)]
mod strangers;
#[cfg(test)]
mod successors;
