/* wrapped.h - the same chance in each run, and the work of one */
#ifndef FUZZ_WRAPPED_H
#define FUZZ_WRAPPED_H

void wrapped_reset(void);

#endif
