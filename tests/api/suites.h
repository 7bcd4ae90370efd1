/* suites.h - the suites of this folder, one for each section of blt.h */
#ifndef API_SUITES_H
#define API_SUITES_H

#include "support/run.h"

Suite *batch_suite(void);
Suite *checkpoint_suite(void);
Suite *clear_suite(void);
Suite *close_suite(void);
Suite *descriptor_suite(void);
Suite *errors_suite(void);
Suite *get_suite(void);
Suite *hidden_suite(void);
Suite *iterate_suite(void);
Suite *many_suite(void);
Suite *memory_suite(void);
Suite *names_suite(void);
Suite *new_suite(void);
Suite *open_suite(void);
Suite *options_suite(void);
Suite *pointers_suite(void);
Suite *progress_suite(void);
Suite *prune_suite(void);
Suite *put_suite(void);
Suite *recover_suite(void);
Suite *refused_suite(void);
Suite *reindex_suite(void);
Suite *repair_suite(void);
Suite *rescue_suite(void);
Suite *stat_suite(void);
Suite *timestamps_suite(void);
Suite *verify_suite(void);

#endif
