//! The month as it goes by: the clock is set forward, what the script says is done in time, and what the stacks
//! report is delivered.

use super::clock::DemoClock;
use super::delivery::{Courier, Delivered, Step, read_all};
use super::operator::Operator;
use super::scenario::Scenario;
use super::stacks::Stacks;
use crate::failure::Failure;

/// Plays the month to its end, and on until all that is late has been reported.
pub(super) async fn play(
    scenario: &Scenario,
    stacks: &Stacks,
    clock: &DemoClock,
    operator: &mut Operator,
    mut courier: Courier,
) -> Result<Delivered, Failure> {
    let mut steps = read_all(scenario, stacks);
    let mut events = scenario.events.iter().peekable();
    while let Some(step) = steps.recv().await {
        match step {
            Step::Now(hour) => {
                while let Some(event) = events.next_if(|event| event.at.hour < hour) {
                    clock.advance_to(event.at.instant());
                    operator.perform(event).await?;
                }
                clock.advance_to(hour.start());
                courier.say(hour.to_string().split('T').next().unwrap_or_default());
            }
            Step::Page(page) => {
                let plan = scenario
                    .stacks
                    .get(page.stack)
                    .zip(operator.stack_client(page.stack));
                let Some((plan, client)) = plan else { continue };
                courier
                    .deliver(client.clone(), plan.cloud_id.to_string(), page)
                    .await?;
            }
        }
    }
    courier.finish().await
}
