/* suites.h - the suites of this folder */
#ifndef FAULTS_SUITES_H
#define FAULTS_SUITES_H

#include "support/run.h"

Suite *operations_suite(void);

#endif
