//! Which stack is whose: two sections of a configuration never work for one stack.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use domain::ids::CloudId;

use crate::activation::ActivationKey;
use crate::config::StackConfig;
use crate::trouble::Trouble;

/// The stacks that the sections of a configuration work for, by name, as far as their activation keys were read.
#[derive(Debug, Default)]
pub(crate) struct Claims(Mutex<BTreeMap<String, CloudId>>);

impl Claims {
    /// What the activation keys say that can be read now. A key that cannot is claimed when it can.
    ///
    /// # Errors
    /// [`Trouble`] if two are of the same stack.
    pub(crate) fn of(stacks: &[StackConfig]) -> Result<Self, Trouble> {
        let claims = Self::default();
        for stack in stacks {
            if let Ok(key) = ActivationKey::read(&stack.activation_key_file) {
                claims.claim(&stack.name, key.cloud_id)?;
            }
        }
        Ok(claims)
    }

    /// From now on this section works for this stack, and for no other that it worked for before.
    ///
    /// # Errors
    /// [`Trouble`] if another one does.
    pub(crate) fn claim(&self, name: &str, cloud_id: CloudId) -> Result<(), Trouble> {
        let mut claims = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let other = claims
            .iter()
            .find(|(other, id)| **id == cloud_id && *other != name);
        if let Some((other, _)) = other {
            return Err(Trouble::new(
                "StackTwice",
                format!(
                    "The stacks `{other}` and `{name}` of the configuration are the same one: the activation keys of both \
                     are for stack {cloud_id}."
                ),
                "Remove one of them, or give it the activation key of its own stack's registration.",
            ));
        }
        claims.insert(name.to_owned(), cloud_id);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_that_is_named_twice_is_not_read_twice() {
        let [one, other] = [
            "5bf881b2-6be7-42a1-9f47-d6fcb6737747",
            "e6135d07-4efa-439c-b899-24e03cbac5f9",
        ]
        .map(|id| id.parse::<CloudId>().unwrap());
        let claims = Claims::default();
        claims.claim("north", one).unwrap();
        claims.claim("north", one).unwrap();
        let refused = claims.claim("south", one).unwrap_err();
        assert_eq!(refused.code, "StackTwice");
        assert!(refused.message.contains("`north` and `south`"), "{refused}");
        // The key of the first was replaced by its own.
        claims.claim("north", other).unwrap();
        claims.claim("south", one).unwrap();
    }
}
