/* exits.h - what the exit code of the program means */
#ifndef BLT_TOOLS_EXITS_H
#define BLT_TOOLS_EXITS_H

enum {
  EXIT_DONE = 0,
  EXIT_NOT_FOUND = 1, /* no such key, nothing matched, answered with no  */
  EXIT_USAGE = 2,
  EXIT_SYSTEM = 3,  /* the system reported an error                    */
  EXIT_DAMAGED = 4, /* not a booklet, wrong version, or damaged        */
  EXIT_LOCKED = 5,
  EXIT_REJECTED = 6, /* finished, but part of the input was passed over */
  EXIT_INTERRUPTED = 130,
  EXIT_PIPE = 141 /* nobody reads standard output any more           */
};

#endif
