/* suites.h - the suites of this folder, one for each way to be damaged */
#ifndef HOSTILE_SUITES_H
#define HOSTILE_SUITES_H

#include "support/run.h"

Suite *chains_suite(void);
Suite *counts_suite(void);
Suite *cut_suite(void);
Suite *defects_suite(void);
Suite *flips_suite(void);
Suite *hashes_suite(void);
Suite *header_suite(void);
Suite *lengths_suite(void);
Suite *pointers_suite(void);
Suite *repair_suite(void);
Suite *rot_suite(void);
Suite *tail_suite(void);

#endif
