/* suites.h - the suites of this folder */
#ifndef FAULTS_SUITES_H
#define FAULTS_SUITES_H

#include "support/run.h"

Suite *large_suite(void);
Suite *memory_suite(void);
Suite *operations_suite(void);
Suite *recovery_suite(void);
Suite *sync_suite(void);
Suite *system_suite(void);
Suite *scenes_suite(void);

#endif
