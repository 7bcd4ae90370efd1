/* suites.h - the suites of this folder, one for each module of the library */
#ifndef UNIT_SUITES_H
#define UNIT_SUITES_H

#include "support/run.h"

Suite *aside_suite(void);
Suite *block_suite(void);
Suite *begin_suite(void);
Suite *resolve_suite(void);
Suite *bodyhash_suite(void);
Suite *buf_suite(void);
Suite *bytes_suite(void);
Suite *bytes_any_suite(void);
Suite *cold_suite(void);
Suite *cover_suite(void);
Suite *due_suite(void);
Suite *env_suite(void);
Suite *fail_suite(void);
Suite *file_suite(void);
Suite *file_memory_suite(void);
Suite *gap_suite(void);
Suite *guard_suite(void);
Suite *header_suite(void);
Suite *keyhash_suite(void);
Suite *layout_suite(void);
Suite *links_suite(void);
Suite *lock_suite(void);
Suite *log_suite(void);
Suite *lookup_suite(void);
Suite *memory_suite(void);
Suite *off_suite(void);
Suite *pending_suite(void);
Suite *record_suite(void);
Suite *repair_suite(void);
Suite *replay_suite(void);
Suite *reserved_suite(void);
Suite *rewrite_suite(void);
Suite *room_suite(void);
Suite *shortkey_suite(void);
Suite *side_build_suite(void);
Suite *side_suite(void);
Suite *status_suite(void);
Suite *turns_suite(void);
Suite *view_suite(void);

#endif
