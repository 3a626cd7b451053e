//! Dividing cents: the largest remainders get what cannot be divided.

use std::cmp::Reverse;

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::Zero as _;

/// The cents of each when an amount is divided in proportion to quantities: the exact part cut to whole cents, and one
/// more for those of which most was cut off, until all of the amount is given away. Of equals the first comes first.
///
/// Where nothing was used, the first has all of it. No amount and no quantity is below zero here.
pub(super) fn split(amount: &BigInt, quantities: &[BigRational]) -> Vec<BigInt> {
    let whole: BigRational = quantities.iter().sum();
    if whole.is_zero() {
        let first = quantities.iter().take(1).map(|_| amount.clone());
        let others = quantities.iter().skip(1).map(|_| BigInt::zero());
        return first.chain(others).collect();
    }
    let exact: Vec<BigRational> = quantities
        .iter()
        .map(|quantity| quantity * amount / &whole)
        .collect();
    let mut cents: Vec<BigInt> = exact.iter().map(BigRational::to_integer).collect();
    let mut left = amount - cents.iter().sum::<BigInt>();
    let mut most_cut_off: Vec<usize> = (0..exact.len()).collect();
    // A stable sort: equals stay in order.
    most_cut_off.sort_by_key(|place| Reverse(exact.get(*place).map(BigRational::fract)));
    for place in most_cut_off {
        if left.is_zero() {
            break;
        }
        if let Some(cents) = cents.get_mut(place) {
            *cents += 1;
            left -= 1;
        }
    }
    cents
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_divided_goes_to_the_largest_remainders_and_nothing_is_lost() {
        for (amount, quantities, cents) in [
            (1, vec![1, 1, 1], vec![1, 0, 0]),
            (100, vec![1, 1, 1], vec![34, 33, 33]),
            (10, vec![1, 2, 4], vec![1, 3, 6]),
            (5, vec![0, 10], vec![0, 5]),
            (0, vec![3, 4], vec![0, 0]),
            (7, vec![0, 0], vec![7, 0]),
            (7, vec![], vec![]),
        ] {
            let ratios: Vec<BigRational> = quantities
                .iter()
                .map(|it: &i64| BigRational::from_integer((*it).into()))
                .collect();
            let expected: Vec<BigInt> = cents.into_iter().map(|it: i64| it.into()).collect();
            assert_eq!(
                split(&amount.into(), &ratios),
                expected,
                "{amount} over {quantities:?}"
            );
        }
    }
}
