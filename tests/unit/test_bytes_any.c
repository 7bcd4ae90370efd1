/* test_bytes_any.c - little-endian numbers, where memory has another order */
#define BLT__ANY_ORDER
#define bytes_suite bytes_any_suite
#define SUITE_NAME "bytes in any order"
#include "unit/test_bytes.c"
