"""The fault catalogue: what goes wrong, what has to hold then, and the tests that hold it to that.

A test joins a row by `@pytest.mark.catalogue(row)`; those that carry no mark are named here. `docs/faults.md` is this
table as a page (`tests/faults/catalogue/page.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

FOLDERS = {
    "u": "tests/unit",
    "c": "tests/contract",
    "f": "tests/faults/wire",
    "l": "tests/faults/leaks",
    "e": "tests/engine",
    "s": "tests/sweep",
}


@dataclass(frozen=True)
class Row:
    """One fault.

    Attributes:
        tests: Tests without the mark, as `folder/module::name`; the folder is a letter of `FOLDERS`.
        aside: Why no test plays it, or what of it is set aside.
    """

    fault: str
    holds: str
    tests: str = ""
    aside: str = ""

    def named(self) -> list[str]:
        """Return the tests that are named here, as pytest calls them."""
        return [_node(name) for name in self.tests.split()]


def _node(name: str) -> str:
    where, _, test = name.partition("::")
    folder, _, module = where.partition("/")
    return f"{FOLDERS[folder]}/test_{module}.py::{test}"


SWEEP = (
    "s/crash_sweep::test_g1_g2_g4_a_strike_at_each_boundary_loses_no_key "
    "s/crash_sweep::test_g1_g2_g4_no_strike_at_any_boundary_loses_a_key"
)

ROWS: dict[int, Row] = {
    1: Row(
        "The provider is killed between AlloMia's answer and the write to Vault",
        "The key carries our mark; the next run and `allomia orphans` name it, and `--revoke` removes it (G1)",
        f"{SWEEP} e/plugin_failures::test_g1_a_killed_plugin_costs_a_key_that_is_named_and_the_old_one_lives "
        "e/orphans::test_g1_what_a_state_lost_is_revoked_and_what_it_knows_or_others_own_is_not_touched",
    ),
    2: Row(
        "The provider is killed after the write to Vault, before its answer",
        "The secret in Vault is recognised as ours by its mark and written over by the next key; the lost key is named",
        f"{SWEEP} c/vault_delivery::test_metadata_without_a_version_are_what_an_interrupted_first_delivery_leaves",
    ),
    3: Row(
        "The provider is killed before the request leaves",
        "Nothing is alive and nothing is left; the next run makes the key",
        f"{SWEEP} e/orphans::test_g1_a_key_that_a_run_is_making_is_no_orphan_until_the_killed_run_is_cleared",
    ),
    4: Row(
        "Ctrl-C once during a creation",
        "The call runs to its end and the key is recorded",
        f"{SWEEP} e/plugin_failures::test_one_ctrl_c_during_a_mint_records_the_key "
        "c/plugin::test_g2_a_mint_under_way_when_ctrl_c_comes_is_handed_over",
    ),
    5: Row("Ctrl-C twice", "As 1 or 2: a key that no state knows is named (G1)", SWEEP),
    6: Row(
        "The engine drops the call, or dies during it",
        "The step finishes, and a key that nobody will record is revoked",
        "c/plugin::test_g2_a_key_whose_engine_was_killed_during_its_mint_is_revoked "
        "u/unfinished::test_g2_a_key_whose_engine_is_gone_is_revoked "
        "u/unfinished::test_an_update_whose_engine_is_gone_loses_only_what_it_made "
        "e/plugin_failures::test_g1_a_killed_engine_takes_the_plugin_with_it_and_leaves_no_key_without_a_holder",
    ),
    7: Row(
        "Cancel while a request waits to be repeated",
        "Nobody waits on, and nothing new is sent",
        "u/stopping::test_a_stopped_clock_lets_nobody_wait "
        "u/stopping::test_a_request_that_was_put_off_is_not_sent_again "
        "c/plugin::test_after_a_cancel_nothing_new_is_begun",
    ),
    8: Row(
        "Cancel during a mint",
        "The key is handed over, or its lost answer is settled; never half of it",
        "u/stopping::test_g2_a_lost_answer_is_settled_and_not_tried_again "
        "u/stopping::test_g2_a_key_whose_answer_came_is_handed_over "
        "c/plugin::test_g2_a_mint_under_way_when_ctrl_c_comes_is_handed_over",
    ),
    9: Row(
        "AlloMia makes the key, and the answer is lost",
        "No blind repetition: the list settles it, the key of unknown value is revoked, one new key works (G1, G2)",
        "c/organization_api_key::test_g1_g2_an_ambiguous_answer_leaves_one_key_whose_secret_works "
        "u/minting::test_g1_g2_a_key_whose_answer_was_lost_is_revoked_and_made_again "
        "e/failures::test_g2_a_lost_answer_costs_no_secret_on_the_real_engine",
    ),
    10: Row(
        "The request is given up, and AlloMia carries it out later",
        "One more list after the success revokes the late key, or an error names it",
        "u/minting::test_g1_a_late_first_key_is_revoked_after_the_second_success "
        "u/minting::test_g1_a_late_key_that_cannot_be_looked_for_is_named "
        "u/minting::test_g1_an_unsettled_name_is_never_forgotten",
    ),
    11: Row(
        "No connection: refused, unknown host, a certificate that does not hold",
        "Nothing was sent, so nothing was made; a warning in the preview, an error in the run",
        "c/organization_api_key::test_g5_an_allomia_that_is_not_there_warns_and_then_fails "
        "u/api::test_a_post_that_did_nothing_says_so "
        "f/vault_wire::test_a_vault_that_is_not_there_is_named_with_its_source",
    ),
    12: Row(
        "429 with `Retry-After` in seconds",
        "Waited for, within the request's total time; only a 429 is followed by another POST",
        "u/api::test_retry_after_is_waited_for_and_bounded u/minting::test_only_a_429_is_followed_by_another_post "
        "f/vault_wire::test_retry_after_is_honoured_within_bounds",
    ),
    13: Row(
        "429 with a date, a past date, a negative or huge number, garbage, or nothing",
        "Read or ignored, never slept beyond the budget",
        "u/api::test_nonsense_in_retry_after_is_a_short_wait u/minting::test_a_429_for_ever_ends_within_the_minute "
        "f/vault_wire::test_all_attempts_together_stay_within_30_seconds",
    ),
    14: Row(
        "429 for many resources at once",
        "All requests of the process wait together, one asks first for all, and nothing is lost",
        "u/throttle::test_sixty_four_threads_ask_one_at_a_time_while_they_are_limited "
        "c/races::test_g2_two_processes_on_one_organization_that_limits_requests_lose_nothing",
    ),
    15: Row(
        "500, 502 or 503 for a while, to a read",
        "Repeated, with growing pauses",
        "u/api::test_reads_and_revocations_are_repeated_and_end "
        "f/vault_wire::test_a_read_is_repeated_while_the_fault_is_temporary",
    ),
    16: Row(
        "The same to a mint",
        "Settled from the list before any second POST",
        "u/api::test_g1_a_post_is_sent_once_and_its_lost_answer_says_so "
        "c/organization_api_key::test_g1_g2_an_ambiguous_answer_leaves_one_key_whose_secret_works",
    ),
    17: Row(
        "503 for ever",
        "Ends in time, says so, and changes no state",
        "c/organization_api_key::test_g1_g5_answers_lost_for_ever_leave_nothing_or_name_it "
        "c/organization_api_key::test_g5_a_bad_allomia_warns_in_preview_and_fails_in_create "
        "u/lifecycle::test_g4_no_error_of_a_read_drops_a_key",
    ),
    18: Row(
        "An answer that drips, byte after byte",
        "One deadline for the whole exchange ends it",
        "f/vault_wire::test_an_answer_that_drips_is_given_up f/vault_wire::test_a_silent_peer_is_given_up",
    ),
    19: Row("A mint's answer that is cut, or mixed up with another", "As 9; no body in any message"),
    20: Row(
        "A list's answer that is cut",
        "Never read as an empty list (G4)",
        "u/api::test_g4_a_list_whose_total_disagrees_is_read_again_and_never_believed",
    ),
    21: Row(
        "A web page instead of an answer",
        "Not believed, not repeated as a success; Vault's side as well",
        "u/api::test_g4_an_answer_of_another_shape_is_an_error f/vault_wire::test_what_is_not_vault_is_not_believed "
        "f/vault_shelves_wire::test_a_web_page_is_neither_a_secret_nor_its_absence_nor_a_denial",
    ),
    22: Row(
        "JSON of another shape: wrong types, hostile ids, names and moments, endless pages, a null or unusable key",
        "An error of ours; unknown fields are ignored; nothing hostile reaches a message, a path or a command raw",
        "u/fuzz_bodies::test_g3_g4_any_answer_of_allomia_is_a_value_or_an_error_of_ours "
        "u/fuzz_bodies::test_g4_a_list_with_one_odd_part_is_the_list_or_an_error "
        "u/fuzz_bodies::test_g3_a_vault_with_one_odd_answer_gives_a_value_or_an_error_of_ours "
        "c/command_line::test_hostile_names_do_not_reach_the_terminal",
    ),
    23: Row(
        "Lies about encoding and length, a byte order mark, names that occur twice, 100 MB, headers without end",
        "A cap on bodies and heads, a typed error, little memory",
        "f/vault_wire::test_an_answer_beyond_4_mib_is_given_up",
    ),
    24: Row(
        "A redirect: elsewhere, to itself, to another scheme",
        "Never followed, so no credential goes anywhere",
        "f/vault_wire::test_a_redirect_takes_no_credential_elsewhere "
        "f/vault_delivery_wire::test_a_redirect_takes_no_key_elsewhere",
    ),
    25: Row(
        "401 from the start",
        "Fails and names the place that the tenant key came from",
        "c/tenant_key::test_g5_a_tenant_key_that_allomia_refuses_names_its_place "
        "u/session::test_g5_without_any_tenant_key_the_error_has_the_next_step",
    ),
    26: Row(
        "401 in the middle of a run",
        "What was made is in state, the rest fails cleanly, and the next run completes it",
        "c/tenant_key::test_a_tenant_key_replaced_meanwhile_is_read_again "
        "u/session::test_a_refused_key_is_read_again_once_however_many_meet_the_refusal",
    ),
    27: Row("403 to one kind of request only", "Says which, and never means an empty list"),
    28: Row(
        "404 to a read",
        "Dropped on proof only: the list, the key itself and the organization agree (G4)",
        "c/organization_api_key::test_a_read_drops_a_key_on_proof_only "
        "u/lifecycle::test_g4_a_key_is_dropped_only_on_proof "
        "e/quickstart::test_a_key_revoked_outside_is_dropped_by_refresh_and_made_anew",
    ),
    29: Row(
        "An empty list where keys exist",
        "No proof while the key answers; read again when the total disagrees",
        "u/lifecycle::test_g4_an_empty_list_is_no_proof_while_the_key_answers "
        "u/api::test_g4_a_list_whose_total_disagrees_is_read_again_and_never_believed",
    ),
    30: Row(
        "409 to a mint",
        "The list, not the code, tells whether the organization is full; otherwise the refusal stays what it is",
        "u/minting::test_a_sixth_key_is_told_from_the_list_whatever_the_code "
        "u/minting::test_a_refusal_of_an_organization_with_room_stays_what_it_is "
        "c/organization_api_key::test_g5_a_sixth_key_is_refused_by_name_whatever_the_code",
        "labels need not be unique: the nonce in the mark makes each name one of a kind",
    ),
    31: Row(
        "Clocks that differ, odd dates, another time zone",
        "AlloMia's own clock decides about an end; every moment is UTC; no loop of early rotations",
        "u/updates::TestOverlap::test_allomias_clock_behind_ours_postpones_the_end "
        "u/updates::TestOverlap::test_allomias_clock_ahead_of_ours_ends_nothing_early "
        "u/api::test_a_moment_without_a_zone_is_utc "
        "f/vault_shelves_wire::test_every_spelling_of_a_moment_is_read_as_utc",
    ),
    32: Row(
        "A key falls due during a run",
        "The moment of the diff counts; the next preview shows it",
        "u/updates::TestHalfFinished::test_an_update_follows_the_moment_of_its_diff "
        "u/updates::TestRotationInPlace::test_a_preview_says_what_is_due_and_why_and_since_when "
        "e/plugin::test_a_due_key_is_quiet_on_refresh_and_rotates_in_a_run_that_refreshes_first",
    ),
    33: Row(
        "Two stacks race for the last slot",
        "One key is made; the loser is told which keys hold the slots",
        "c/races::test_g1_two_processes_for_the_last_slot_make_one_key_and_name_the_holders "
        "e/races::test_g1_two_stacks_for_the_last_slot_make_one_key_and_the_loser_names_the_holders",
    ),
    34: Row(
        "Ten creations, five slots",
        "Five keys in state, five clean errors, no orphan",
        "c/races::test_g1_ten_creates_at_once_fill_five_slots_and_leave_no_orphan "
        "e/races::test_g1_ten_creates_for_five_slots_leave_five_in_state_and_no_orphan "
        "u/slots::test_g1_sixty_four_threads_never_exceed_the_slots",
    ),
    35: Row(
        "A rotation in an organization that is (nearly) full",
        "It waits with a warning, and runs take turns; nothing wedges",
        "c/races::test_g1_rotations_and_creations_at_once_never_need_a_sixth_key "
        "u/updates::TestSlots::test_in_a_full_organization_the_rotation_waits_and_the_rest_is_done "
        "e/rotation::test_g1_four_keys_of_one_organization_and_one_trigger_take_four_runs",
    ),
    36: Row(
        "The same stack twice at once, past the lock",
        "Check-and-set lets one writer win; a key that lost is revoked or named by its mark",
        "e/races::test_g1_the_same_stack_twice_at_once_names_every_extra_key "
        "e/races::test_g1_check_and_set_lets_one_of_two_runs_of_a_stack_deliver "
        "c/vault_delivery::test_of_16_racing_writers_one_wins "
        "c/vault_delivery::test_a_writer_that_comes_too_late_leaves_the_winners_marks "
        "u/lifecycle::test_a_key_with_this_mark_that_no_diff_announced_is_named_and_left_alone",
    ),
    37: Row(
        "Vault is sealed from the start",
        "Nothing is minted; the preflight says so",
        "c/vault_tls::test_a_sealed_vault_is_unavailable_after_some_patience "
        "u/updates::TestDelivery::test_a_first_key_is_looked_at_before_it_is_minted "
        "e/failures::test_g5_a_vault_that_is_not_there_warns_in_preview_and_fails_the_run",
    ),
    38: Row(
        "Vault is sealed between mint and write",
        "Repeated a while; then the key is revoked, or kept in state and delivered by the next run (G2)",
        "e/delivery::test_g2_a_vault_that_refuses_after_the_mint_costs_no_key "
        "e/plugin_failures::test_g2_a_key_that_vault_does_not_take_is_kept_and_delivered_by_the_next_run",
    ),
    39: Row(
        "Vault answers a write by 403, 400, 412, 429 or from a standby",
        "As 38; the hint has the policy line to add",
        "c/vault_delivery::test_each_missing_capability_is_named_and_the_hint_grants_it "
        "c/vault_delivery::test_a_denied_write_leaves_the_metadata_as_they_were "
        "f/vault_delivery_wire::test_a_write_that_was_sent_away_is_repeated_without_a_look "
        "f/vault_wire::test_each_fault_has_its_error_and_its_number_of_attempts",
    ),
    40: Row(
        "Vault's answer to a write is lost",
        "One version, known by its metadata; or an error that says that the outcome is open",
        "f/vault_delivery_wire::test_a_write_whose_answer_is_lost_makes_one_version "
        "f/vault_delivery_wire::test_two_troubles_in_a_row_make_one_version "
        "f/vault_delivery_wire::test_a_lost_write_that_nobody_can_look_up_is_reported_and_keeps_its_marks",
    ),
    41: Row(
        "Somebody else's data stand where the key is to go",
        "Never overwritten; the key is revoked or kept, and the conflict is told; a destroy takes our part only",
        "c/vault_delivery::test_a_version_written_after_the_preflight_is_not_touched "
        "f/vault_delivery_wire::test_what_somebody_else_wrote_after_a_lost_write_is_not_taken_for_ours "
        "c/vault_places::test_g7_of_a_place_that_others_prepared_only_our_part_goes_and_it_can_be_used_again "
        "c/vault_places::test_g7_a_place_that_we_made_and_others_use_since_stays_without_our_part "
        "c/vault_delivery::test_a_secret_that_is_not_ours_or_another_keys_gets_no_mark "
        "f/vault_delivery_wire::test_metadata_that_do_not_list_the_current_version_prove_nothing "
        "e/delivery::test_somebody_elses_secret_is_an_error_in_preview_and_stays_untouched",
    ),
    42: Row(
        "Vault's token ends in the middle",
        "One new login where there is one to make; else as 38",
        "c/vault_login::test_a_token_that_dies_on_the_way_is_replaced_by_one_new_login "
        "f/vault_delivery_wire::test_a_token_that_dies_after_a_lost_write_leaves_the_outcome_open "
        "f/vault_wire::test_a_login_whose_tokens_are_dead_at_once_is_tried_twice_and_no_more",
    ),
    43: Row(
        "A version under a living key is deleted or destroyed",
        "Refresh tells the drift, and `up` writes the key again or rotates it",
        "u/updates::TestDrift::test_it_is_found_from_metadata_and_mended_without_a_mint "
        "c/vault_delivery::test_a_deleted_version_is_not_live_and_a_key_goes_on_top "
        "c/vault_delivery::test_a_destroyed_version_is_not_live_and_a_key_goes_on_top "
        "e/delivery::test_drift_in_vault_is_found_by_refresh_and_mended_by_up",
    ),
    44: Row(
        "A KV v1 mount, a wrong mount, a missing or wrong namespace, a path that climbs",
        "Refused by the preflight; nothing is written",
        "c/vault_delivery::test_a_kv_v1_mount_is_refused_and_never_written_to "
        "c/vault_delivery::test_a_mount_that_vault_sees_elsewhere_is_refused "
        "c/vault_delivery::test_a_path_cannot_climb_out_of_its_mount "
        "c/vault_reading::test_an_unknown_namespace_is_named_with_its_source "
        "c/vault_reading::test_a_path_cannot_climb_out_of_its_mount",
    ),
    45: Row(
        "The revocation that would compensate fails too",
        "The key is kept by name in state, or an error has the command that removes it (G2)",
        "u/updates::TestHalfFinished::test_neither_delivered_nor_revoked_it_is_handed_over_in_state "
        "c/organization_api_key::test_g2_a_key_that_cannot_be_revoked_is_named "
        "c/plugin::test_g2_a_key_that_can_neither_be_used_nor_revoked_is_kept_by_its_id",
    ),
    46: Row(
        "A half-done creation, then `up`, `refresh` or `destroy`",
        "Each ends with one key or none",
        "e/plugin_failures::test_g2_a_key_that_vault_does_not_take_is_kept_and_delivered_by_the_next_run "
        "e/plugin_failures::test_a_destroy_right_after_an_undelivered_key_ends_it "
        "e/plugin_failures::test_g1_a_key_whose_answer_was_lost_and_that_cannot_be_revoked_is_remembered "
        "u/unfinished::test_a_refresh_in_between_does_not_forget_what_is_owed",
    ),
    47: Row(
        "A deletion is answered by 404, 409, 5xx, or not at all",
        "404 counts with the proof of row 28; the others keep the state; repeating is safe (G7)",
        "c/organization_api_key::test_g7_delete_is_safe_to_repeat "
        "c/organization_api_key::test_g7_a_lost_answer_to_a_delete_is_no_error "
        "c/organization_api_key::test_g1_a_404_to_a_revocation_is_no_proof "
        "u/lifecycle::test_g5_a_failed_delete_names_the_key_and_the_way_out",
    ),
    48: Row(
        "The key is deleted, and clearing Vault fails",
        "The state stays, and a repeated delete clears the rest",
        "u/updates::TestDelete::test_g7_a_vault_that_fails_keeps_the_state "
        "u/updates::TestDelete::test_g7_stopped_anywhere_it_can_be_repeated "
        "f/vault_delivery_wire::test_a_withdrawal_whose_answer_is_lost_is_made_again "
        "f/vault_delivery_wire::test_g7_a_withdrawal_that_stops_before_the_marks_are_gone_is_repeated_to_its_end",
    ),
    49: Row(
        "A preview that does not know a name, an organization, triggers or the configuration",
        "No write, no slot, no rotation by what is unknown (G8)",
        "c/organization_api_key::test_unknown_values_in_a_preview_take_no_slot_and_rotate_nothing "
        "c/plugin::test_g8_a_preview_of_a_creation_makes_nothing_and_knows_nothing "
        "e/native::test_a_setting_that_a_preview_does_not_know_is_survived "
        "e/failures::test_a_preview_of_unknown_inputs_is_survived",
    ),
    50: Row(
        "Preview, `up`, `up` again, refresh",
        "The second run changes nothing and calls nobody (G6)",
        "u/lifecycle::test_g6_an_unchanged_program_calls_nothing "
        "c/organization_api_key::test_g6_an_unchanged_key_costs_no_call "
        "e/quickstart::test_a_key_lives_from_preview_to_destroy_at_the_promised_cost "
        "e/quickstart::test_a_refresh_never_rotates_and_keeps_the_secret",
    ),
    51: Row(
        "A credential is replaced in the configuration",
        "No key moves",
        "c/plugin::test_no_setting_replaces_a_provider "
        "u/updates::TestTwoTenants::test_another_reference_is_recorded_and_moves_no_key",
    ),
    52: Row(
        "The state of an older version",
        "Read and lifted; no replacement",
        "u/updates::TestOlderRecords::test_they_are_no_difference "
        "u/updates::TestOlderRecords::test_they_can_be_replaced_and_destroyed "
        "u/package::test_the_provider_constant_of_the_first_release_stays_what_it_is "
        "u/marks::test_the_wire_format_is_the_one_of_the_first_release",
        "no other version has been released: states of the future get a recorded one each",
    ),
    53: Row(
        "`pulumi import` by an id that is right, wrong or foreign",
        "Nothing is minted, nothing of the state changes on an error, no difference afterwards",
        "e/plugin::test_a_key_is_imported_with_its_secret_and_its_program_changes_nothing "
        "e/plugin::test_an_import_that_is_wrong_is_one_line_and_leaves_the_state_alone "
        "c/plugin::test_g5_a_foreign_organizations_key_is_not_imported",
    ),
    54: Row(
        "Aliases, renames, forced replacements",
        "An alias and a rename keep the key; a replacement that the engine forces works",
        "e/rotation::test_a_renamed_resource_with_an_alias_keeps_its_key "
        "u/identity::test_g6_the_first_up_records_it_moves_no_key_and_the_second_is_quiet "
        "u/identity::test_g1_every_later_key_carries_todays_mark_and_the_same_lineage "
        "e/plugin::test_a_replacement_that_the_engine_or_the_program_forces_works "
        "e/migration::test_both_kinds_move_in_place_and_live_on_through_the_plugin "
        "e/migration::test_g1_moving_and_renaming_or_reparenting_in_one_run_mints_and_revokes_nothing",
        "`protect` and `ignoreChanges` never reach the provider",
    ),
    55: Row(
        "Fifty keys at once through one cold client",
        "One login, one read, one list for each organization",
        "c/races::test_fifty_keys_through_one_cold_client_cost_one_login_one_read_and_one_list_each_organization "
        "c/organization_api_key::test_twenty_keys_at_once_are_minted_once_each "
        "c/vault_login::test_64_threads_log_in_once",
    ),
    56: Row(
        "A full disk, a folder that cannot be written, no home, no terminal, `LANG=C`",
        "The plugin serves, and stdout holds the port alone",
        aside="without any place for a temporary file Pulumi's own SDK does not load (its `dill` makes one)",
    ),
    57: Row(
        "A dependency prints",
        "It goes to stderr; the handshake is unaffected",
        "c/plugin::test_stdout_carries_the_port_and_nothing_else_whatever_is_printed "
        "u/plugin_codec::test_no_module_of_the_plugin_prints",
    ),
    58: Row(
        "Garbage, huge or deep gRPC input, unknown fields and methods",
        "A status, and a process that goes on serving",
        "u/fuzz_properties::test_any_struct_is_decoded_and_what_is_decoded_is_encoded "
        "u/fuzz_properties::test_g4_any_state_is_read_or_refused_and_never_dropped "
        "u/fuzz_texts::test_g3_any_inputs_are_read_or_refused_unseen",
    ),
    59: Row(
        "An SDK that does not fit the schema",
        "Generated, compared and compiled for each language",
        "e/sdk_tools::test_the_committed_sdks_are_what_the_schema_gives e/sdk_tools::test_the_go_sdk_compiles "
        "e/typescript::test_the_example_installs_and_compiles_as_its_readme_says",
    ),
    60: Row(
        "A secret in clear in any channel, through all of the above",
        "None is found, and one planted in each channel is (G3)",
        "e/leak_scan::test_g3_no_secret_in_clear_in_any_channel_through_a_whole_life_with_failures "
        "l/leaks::test_g3_the_search_after_a_test_finds_a_plant_in_every_channel",
    ),
    61: Row(
        "Another AlloMia is asked: `allomia:apiUrl` moved to another environment, or to a sandbox on another port",
        "Its silence proves nothing: refresh, update and delete are errors that name both, and the key stays (G4)",
        "c/evidence::test_g4_another_allomias_silence_drops_no_key "
        "c/evidence::test_g4_another_allomias_404_is_no_deletion "
        "c/evidence::test_g4_an_update_at_another_allomia_changes_nothing",
    ),
    62: Row(
        "The engine repeats a create, update or delete, with the outputs from before a failure",
        "It goes on from what the call before left; nothing is made twice, nothing that is due is forgotten (G1, G2)",
        "c/repeated_calls::test_g1_a_repeated_creation_ends_what_it_left_before_it_makes_another "
        "c/repeated_calls::test_g1_a_repeated_creation_that_had_succeeded_hands_over_the_same_key "
        "c/repeated_calls::test_g2_a_repeated_update_without_its_diff_rotates_all_the_same "
        "c/repeated_calls::test_g1_g2_a_repeated_update_goes_on_from_the_half_done_one "
        "c/repeated_calls::test_g7_a_repeated_deletion_ends_everything",
    ),
    63: Row(
        "Each run loses the record of the key that it made",
        "After two such keys no further one is made; the error names both, and what to do (G1)",
        "c/evidence::test_g1_with_two_unknown_keys_no_further_one_is_made "
        "c/evidence::test_g1_a_rotation_in_place_is_bounded_too",
    ),
    64: Row(
        "A key is taken over that carries another declared key's mark, or the engine dies while one is taken over",
        "Destroy leaves it and names it; nothing revokes what this operation did not make (G1)",
        "c/evidence::test_g1_destroy_leaves_an_adopted_key_with_another_declared_keys_mark_and_names_it "
        "c/evidence::test_g1_an_adopted_key_is_not_revoked_when_nobody_takes_the_answer",
    ),
    65: Row(
        "A well-formed answer to a mint that cannot be true: the tenant key or another organization's as the key, a "
        "secret in id or name, an id from before or given twice, another key's answer",
        "Never handed over, never tried again: what AlloMia shows with the mark of the attempt is revoked, and what "
        "was only answered is named and not touched (G1, G2, G3)",
        "u/minting::test_g1_g2_an_answer_that_cannot_be_true_is_settled_by_the_mark "
        "u/minting::test_g1_of_many_threads_that_are_answered_one_id_one_gets_the_key",
    ),
    66: Row(
        'A 2xx to a deletion that does not name the key, or names another: `{}`, `{"error"}`, 202, 204, a page',
        "Only a 200 that names the key is believed; otherwise the key's own 404 proves it within about 10 seconds, or "
        "an error says that it may be alive (G4, G7)",
        "u/proof::test_g4_a_deletion_is_believed_proved_or_an_error",
    ),
    67: Row(
        "The state backend refuses the write after a mint: expired credentials, a full disk",
        "Two keys are lost at most; the next run and `allomia orphans` name them, and one run recovers (G1, G2)",
        f"{SWEEP} "
        "e/refusing_backend::"
        "test_g1_g2_while_the_backend_refuses_at_most_two_keys_are_lost_and_the_next_run_names_them "
        "c/lost_keys::test_g1_a_creation_beside_two_lost_keys_makes_no_further_one",
    ),
    68: Row(
        "A resource is renamed, re-parented, moved to another stack or project, given an owner, or its stack copied",
        "The next run records who it is, in place; later keys and Vault carry today's mark; no stack ends them (G1)",
        "e/identity_follows::test_g1_g4_a_moved_key_is_recorded_in_place_and_goes_on_under_its_new_name "
        "e/identity_follows::test_g1_a_rotation_in_the_run_that_sees_the_move_makes_keys_of_todays_mark "
        "e/identity_follows::test_g4_an_up_that_refreshes_first_records_the_move_too "
        "e/identity_follows::"
        "test_g2_a_forced_replacement_in_the_run_that_sees_the_move_is_refused_where_vault_has_the_key "
        "e/identity_follows::test_g2_a_new_key_under_a_former_name_never_writes_over_the_renamed_ones_secret",
    ),
    69: Row(
        "Vault refuses its token, or fails, while the versions of a key made by hand are looked at",
        "It is Vault's refusal and not AlloMia's: no old key is forgotten, the current one is not called revoked, and "
        "a version that no run could read is remembered without its fingerprint (G4)",
        "u/dashboard::test_g4_a_refusal_by_vault_forgets_no_old_key "
        "u/dashboard::test_g4_a_skipped_version_that_vault_does_not_give_is_remembered_without_its_fingerprint "
        "u/dashboard::test_g4_a_vault_that_does_not_show_the_current_key_proves_no_old_one_lost",
    ),
    70: Row(
        "Two resources of one secret share a Pulumi id",
        "What the process remembers of one, such as a refresh, is never taken for the other's",
        "c/dashboard_api_key::test_two_resources_of_one_secret_keep_their_reads_apart "
        "u/dashboard::test_two_resources_of_one_secret_keep_their_reads_and_decisions_apart",
    ),
    71: Row(
        "The overlap of a key made by hand is over, and AlloMia still accepts the old key",
        "An `up` says so from the record, changes nothing and uses no old key; a refresh uses it once (G6)",
        "c/dashboard_api_key::test_g6_an_old_key_whose_time_is_over_is_said_from_the_record_and_used_by_a_refresh "
        "c/old_keys::test_doctor_uses_an_old_key_once_and_says_what_it_saw",
    ),
    72: Row(
        "An `OrganizationApiKey` adopts the very key that a `DashboardApiKey` of the same run leaves",
        "Nobody is told to delete it; where that cannot be known, the advice excepts a key that was adopted",
        "c/dashboard_api_key::test_a_key_that_the_same_run_adopts_is_nobodys_to_delete "
        "u/dashboard::test_a_key_that_was_adopted_is_nobodys_to_delete",
    ),
    73: Row(
        "A company proxy in the environment (`https_proxy`) without `no_proxy`",
        "The provider speaks to its engine directly, and takes an engine that it never reached for no dead one; a "
        "Python program's own SDK does not, so README asks for `no_proxy`",
    ),
    74: Row(
        "A signal at any line that the plugin's main thread runs, also where it holds a lock",
        "The handler takes no lock; the process ends, with its calls brought to their end",
    ),
    75: Row(
        "Another user of the machine configures the running plugin anew, or attaches to it",
        "Refused: the tenant key goes nowhere else (G3)",
    ),
    76: Row(
        "Many threads need Vault for the first time, on a Python whose `cached_property` has no lock (3.12 and later)",
        "One login for both kinds of keys, and its token is revoked at the end (G3)",
    ),
    77: Row(
        "A list without end, or an answer of a few MiB that becomes gigabytes when it is read (`[{},{},...]`)",
        "One error, with less than 100 MB more than the process had (measured: 24 MB)",
    ),
    78: Row(
        "This machine names certificates that are not there or none, or a proxy that nothing here speaks to",
        "An error of this machine that names the variable, not one of Vault or AlloMia; nothing is sent (G5)",
    ),
    79: Row(
        "`NO_PROXY` with networks, `host:port` or wildcards, and `ALL_PROXY`",
        "The same for AlloMia and for Vault; a proxy gets a tunnel and no credential (G3)",
    ),
    80: Row(
        "A file beside `__main__.py` with the name of a module, such as `secrets.py` or `httpx.py`",
        "It stands for none of the modules that this package needs; one that was imported in place of such a module "
        "before is an error that names the file (G5)",
        "u/shadows::test_files_with_the_name_of_every_module_make_no_difference "
        "u/shadows::test_a_module_that_was_shadowed_before_is_one_error_that_names_the_file "
        "u/shadows::test_a_function_of_a_program_is_held_to_the_same "
        "e/shadows::test_files_beside_a_program_with_the_names_of_modules_make_no_difference "
        "e/shadows::test_g5_a_module_that_pulumi_itself_took_from_there_is_one_error_that_names_the_file",
    ),
    81: Row(
        "A host that libraries read differently: other letters, `%2e`, a backslash, a zone, an underscore",
        "Refused unseen, for AlloMia and for Vault (G3, G5)",
    ),
    82: Row(
        "Vault by plain http inside a cluster",
        "Refused, unless `allomia:vault.allowPlainHttp` lets it; then each run warns (G3)",
    ),
    83: Row(
        "A key in AlloMia's list with half a character, a number or null as its name, or with a slash in its id",
        "It counts as made by hand, holds its slot under a stand-in, is never touched, and blocks nothing (G4)",
    ),
    84: Row(
        "A terminal that shows ASCII only",
        "Commands show the closest characters, and end as ever (G5)",
    ),
    85: Row(
        "A secret in a key's or an organization's name",
        "No command, function or document shows it (G3)",
    ),
    86: Row(
        "A fault of ours: an unexpected exception after a mint, after a rotation, or between a request and its answer",
        "The new key stays in the state, or is revoked, or an error names it; nobody else is blamed (G1, G2)",
    ),
    87: Row(
        "A newer Python, or a dependency at the oldest version that is declared",
        "Unit and contract tests pass on both (`make test-pythons`, `make test-floors`); what is imported is declared",
    ),
    88: Row(
        "The Vault is HashiCorp's and not OpenBao",
        "The same tests hold it (`ALLOMIA_TEST_VAULT`); only the Enterprise edition's namespaces are left out of the "
        "community edition's run, with a word",
    ),
}
