//! What the ports of this crate promise. The conformance suite runs on every back end; `backup`, `crash` and
//! `tampering` are about the embedded one, `concurrency`, `connections`, `failover`, `killing`, `months`, `schema` and `tls`
//! about PostgreSQL.
#![expect(clippy::unwrap_used, clippy::panic, reason = "in tests a panic is the report")]

mod as_of;
mod attributes;
mod audit;
mod auditing;
mod backup;
mod bills;
mod closing;
mod codes;
mod concurrency;
mod connections;
mod copy;
mod crash;
mod failover;
mod fixtures;
mod intake;
mod journal;
mod killing;
mod known;
mod long_texts;
mod model;
mod months;
mod old_store;
mod postgres;
mod presence;
mod quarantine;
mod reading;
mod repeats;
mod schema;
mod sessions;
mod tampering;
mod tls;
mod went_back;

/// Runs each test of the suite on each back end.
macro_rules! conformance {
    ($($module:ident: $($test:ident)+;)+) => {
        mod sqlite {
            $(mod $module {
                $(#[tokio::test(flavor = "multi_thread")]
                async fn $test() {
                    crate::$module::$test(&crate::fixtures::Sqlite::new()).await;
                })+
            })+
        }

        mod on_postgres {
            $(mod $module {
                $(#[tokio::test(flavor = "multi_thread")]
                async fn $test() {
                    let Some(backend) = crate::postgres::Postgres::new() else { return };
                    crate::$module::$test(&backend).await;
                })+
            })+
        }
    };
}

conformance! {
    intake:
        a_delivery_is_counted_and_gets_a_receipt
        a_delivery_repeated_under_its_key_is_answered_with_the_first_receipt
        another_delivery_under_the_same_key_is_refused_and_leaves_nothing
        the_same_key_of_another_stack_is_another_key
        receipts_are_found_by_the_keys_of_their_stack_and_in_the_order_asked_for
        records_delivered_again_are_duplicates
        spellings_of_one_resource_are_one_series_and_the_first_is_kept
        the_newest_report_counts_whatever_came_first
        a_correction_to_less_would_be_taken_for_one_that_counts
        an_old_report_of_the_counting_quantity_can_make_another_one_count
        several_sayings_in_one_batch_are_treated_as_if_they_came_in_several
        the_second_granularity_of_a_series_on_a_day_is_quarantined
        within_a_batch_the_first_by_index_decides_the_granularity
        unreadable_records_are_kept_in_quarantine_and_cost_nobody_else
        an_empty_delivery_has_a_receipt_too
        receipts_form_a_chain_per_stack
        the_watermark_only_rises
        deliveries_at_the_same_time_are_all_stored_once
        everything_is_there_after_reopening;
    known:
        pages_acknowledged_before_a_restore_would_never_be_missed_by_who_delivered_them
        of_pages_under_way_at_once_none_would_wait_for_the_receipt_of_another;
    reading:
        sums_are_exact_beyond_128_bits
        days_are_cut_at_the_hour
        a_record_of_a_day_belongs_to_the_slice_of_its_first_hour
        slices_are_answered_in_their_order_and_empty_ones_left_out
        used_hours_run_from_the_first_record_to_the_end_of_the_last
        local_subscriptions_are_found_by_the_hours_they_used
        meter_totals_are_the_sums_of_all_local_subscriptions
        records_are_listed_page_by_page
        what_is_not_there_is_answered_with_nothing;
    as_of:
        whatever_comes_after_a_receipt_changes_nothing_of_what_counted_then
        a_closed_month_would_be_reckoned_again_for_everybody_because_of_one_late_record
        an_older_report_that_was_confirmed_later_would_count_in_a_month_closed_before;
    bills:
        documents_are_there_after_reopening_as_they_were_put
        an_invoice_that_was_issued_would_be_written_over
        a_document_that_nobody_could_read_again_would_be_kept
        bills_are_listed_by_period_seller_and_buyer_page_by_page
        of_servers_that_close_one_month_at_once_one_would_issue_other_invoices
        what_is_entered_after_a_month_was_closed_would_change_what_it_was_closed_with;
    quarantine:
        a_record_released_counts_at_the_reported_time_of_its_delivery
        a_value_that_does_not_count_would_be_released_as_if_it_did
        releasing_twice_is_nothing
        what_still_cannot_be_counted_waits_on_with_its_new_reason
        a_mended_text_is_kept_beside_what_was_sent
        a_day_whose_wrong_granularity_came_first_is_set_right_by_one_mended_record
        a_rehearsal_tells_what_would_come_and_leaves_nothing
        what_is_purged_is_gone_and_that_it_was_there_stays
        records_are_found_by_what_they_have_in_common
        of_all_who_release_or_purge_a_record_at_once_one_does
        a_record_released_has_the_effect_of_one_that_was_delivered_rightly;
    long_texts:
        one_garbage_record_of_any_size_costs_no_more_than_its_beginning
        a_page_of_long_texts_would_take_the_memory_of_a_thousand_of_them;
    repeats:
        a_record_in_quarantine_is_not_put_there_again_however_often_it_is_delivered
        of_two_records_of_one_delivery_with_one_text_one_is_kept
        a_twin_in_one_delivery_is_not_told_to_wait_since_an_earlier_one_that_never_was
        what_was_released_or_purged_does_not_come_back_into_quarantine
        a_record_that_was_reported_earlier_than_anybody_knew_is_kept_once_more
        the_same_text_of_another_stack_is_another_record
        a_record_delivered_again_and_again_before_it_is_released_changes_no_bill;
    attributes:
        attributes_hold_from_the_record_that_brings_them
        late_attributes_change_no_other_record
        attributes_of_records_that_do_not_count_are_not_taken
        attributes_changing_while_others_deliver_are_exact
        a_budget_of_a_tag_would_count_hours_in_which_a_resource_did_not_carry_it;
    model:
        whatever_is_delivered_the_ledger_says_what_the_model_says
        the_order_of_deliveries_and_their_repetition_change_no_bill;
    presence:
        the_records_of_each_hour_are_those_that_were_delivered
        revisions_and_duplicates_are_no_further_records
        a_series_that_fell_silent_is_named_and_its_neighbours_are_not
        how_far_each_stack_got_is_told_of_all_at_once
        what_was_never_read_is_not_declared_by_what_was_read_later
        who_comes_once_a_month_would_be_missed_every_month;
    auditing:
        an_audit_while_usage_is_delivered_sees_one_moment
        a_second_audit_at_the_same_time_is_refused_at_once
        a_store_that_is_open_is_ready;
    journal:
        entries_are_numbered_and_chained
        whoever_decided_on_an_older_state_is_told_so
        several_entries_are_appended_together_or_not_at_all
        entries_are_there_after_reopening
        a_journal_that_ends_before_what_is_known_of_it_is_damaged
        a_journal_of_large_entries_would_be_too_much_for_one_answer;
    sessions:
        a_used_refresh_token_and_a_sign_out_are_not_forgotten_by_a_restart
        who_comes_late_neither_turns_a_session_back_nor_wakes_it_up
        sessions_are_found_by_whose_they_are_and_page_by_page
        who_sweeps_ends_nothing_that_went_on_in_the_meantime
        a_token_that_is_shown_many_times_at_once_is_used_once
        the_last_use_of_an_operators_credential_is_known_after_reopening;
    codes:
        a_code_is_out_until_its_time_is_over
        of_all_who_use_a_code_up_at_once_one_gets_what_it_stands_for
        what_is_written_of_a_code_that_somebody_else_wrote_in_the_meantime_is_not;
}
