//! How the quantity of each line was measured.

use wire::api::{Line, Measured};

use super::{shortened, stretch};
use crate::figures::{aligned, grouped};
use crate::table::{Table, left, right};

/// What, quantity, unit and factor.
type Row = [String; 4];

/// Each line's quantity, and below it what was measured: quantity times factor, summed, is the line's.
pub(super) fn table(lines: &[Line], period: &str) -> String {
    let rows: Vec<Row> = lines.iter().flat_map(|line| rows_of(line, period)).collect();
    let quantities = aligned(rows.iter().map(|[_, quantity, ..]| quantity.as_str()));
    let mut table = Table::new(&[left("METER"), right("QUANTITY"), left("UNIT"), right("FACTOR")]);
    for ([what, _, unit, factor], quantity) in rows.into_iter().zip(quantities) {
        table.row([what, quantity, unit, factor]);
    }
    format!("{table}What was measured times its factor, summed, is the quantity that is charged.\n")
}

fn rows_of(line: &Line, period: &str) -> Vec<Row> {
    let quantity = shortened(&line.quantity, line.quantity_is_exact);
    let mut rows = vec![[
        line.meter_name.clone(),
        quantity,
        line.unit.clone(),
        String::new(),
    ]];
    rows.extend(stretch(line, period).map(|stretch| [stretch, String::new(), String::new(), String::new()]));
    rows.extend(line.measured.iter().map(row));
    rows
}

/// In full: the factor is exact, so the quantity has to be.
fn row(measured: &Measured) -> Row {
    let name = measured
        .local_meter_name
        .as_ref()
        .unwrap_or(&measured.local_meter_id);
    [
        format!("  {name}"),
        grouped(&measured.quantity),
        measured.unit.clone().unwrap_or_default(),
        format!("x {}", measured.factor),
    ]
}
