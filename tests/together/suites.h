/* suites.h - the suites of this folder, one for each way to share a file */
#ifndef TOGETHER_SUITES_H
#define TOGETHER_SUITES_H

#include "support/run.h"

Suite *fork_suite(void);
Suite *processes_suite(void);
Suite *renamed_suite(void);
Suite *same_suite(void);
Suite *threads_suite(void);

#endif
