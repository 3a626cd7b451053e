//! What was measured, a line each, beside what was to be reached.

use crate::figures::shown;

/// What a figure has to reach.
#[derive(Clone, Copy)]
pub enum Goal {
    /// It is only told.
    None,
    AtLeast(f64),
    AtMost(f64),
}

impl Goal {
    fn is_reached(self, figure: f64) -> bool {
        match self {
            Self::None => true,
            Self::AtLeast(goal) => figure >= goal,
            Self::AtMost(goal) => figure <= goal,
        }
    }
}

/// Prints figures as they come in, and remembers the goals that were missed.
#[derive(Default)]
pub struct Report {
    heading: String,
    missed: Vec<String>,
}

impl Report {
    /// Begins a part.
    pub fn heading(&mut self, heading: String) {
        println!("\n{heading}");
        self.heading = heading;
    }

    /// A figure with this many digits behind the point, and its unit.
    pub fn figure(&mut self, name: &str, figure: f64, (decimals, unit): (usize, &str), goal: Goal) {
        let shown = |number| shown(number, decimals);
        let verdict = if goal.is_reached(figure) {
            "reached"
        } else {
            "MISSED"
        };
        let verdict = match goal {
            Goal::None => String::new(),
            Goal::AtLeast(goal) => format!("(goal: at least {}, {verdict})", shown(goal)),
            Goal::AtMost(goal) => format!("(goal: at most {}, {verdict})", shown(goal)),
        };
        let line = format!("  {name:<40} {:>10} {unit:<9} {verdict}", shown(figure));
        println!("{}", line.trim_end());
        if !goal.is_reached(figure) {
            self.missed.push(format!("{}\n{}", self.heading, line.trim_end()));
        }
    }

    /// Says which goals were missed, all in one place; whether there were none.
    pub fn conclude(&self) -> bool {
        if !self.missed.is_empty() {
            println!("\nGOALS MISSED: {}", self.missed.len());
            self.missed.iter().for_each(|missed| println!("{missed}"));
        }
        self.missed.is_empty()
    }
}
