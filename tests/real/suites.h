/* suites.h - the suites of test_real */
#ifndef REAL_SUITES_H
#define REAL_SUITES_H

#include <check.h>

Suite *cut_suite(void);
Suite *full_suite(void);
Suite *limit_suite(void);
Suite *place_suite(void);
Suite *read_only_suite(void);
Suite *stopped_suite(void);

#endif
