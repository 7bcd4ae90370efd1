/*
 * journal.h - what may be written to a store, judged at each write
 *
 *   | header | index and blocks, committed .......... | appended
 *   whole      J1 links of durable records, tombs,       anything, once the
 *   only       spans that are cut down, times            header is marked
 *
 *   J1  A link changes to what the last durable record that names it says
 *       (at level OFF: the last one written), all six bytes at once.
 *   J2  A dead block's link becomes 0 when a durable record killed it and no
 *       chain on disk leads to it any more (OFF: no chain in the file).
 *   J3  A record's span changes to the record's own length.
 *   J4  A time changes alone, and only when the links of its block's record are
 *       durable.
 *   J5  The header moves the place where recovery begins, or says CLEAN, when
 *       the links and tombs of the records before are durable; it names another
 *       layout only right after a sync.
 *   J6  Nothing is appended before the header is marked, durably; the file is
 *       not cut below what is committed.
 *   J7  The front that a rewrite left behind is free, once the header that
 *       says so is durable.
 *   J8  The header's kind is put right when the file on disk ends where the log
 *       does: neither is it longer now nor was it since the last sync. A
 *       switch to another layout is judged by J5 alone.
 *
 * A byte that keeps its value may always be written.
 */
#ifndef JOURNAL_JOURNAL_H
#define JOURNAL_JOURNAL_H

#include "journal/known.h"
#include "os/file.h"

struct journal {
  const struct image *work; /* borrowed; the file                           */
  struct known durable;     /* as of the last sync                          */
  struct known written;
  size_t n_unsynced; /* writes since then                                   */
  uint64_t longest;  /* the file was since then; the writes' own not counted */
  uint8_t *after;    /* owned; what a write writes, in one piece            */
  uint64_t after_capacity;
};

/* The file as it is now is on disk. */
void journal_start(struct journal *journal, const struct image *work);
void journal_release(struct journal *journal);

/* Before a write, and before another size: NULL, or what is wrong. At level
 * OFF nothing has to be durable. */
const char *journal_judge(struct journal *journal, int is_off, uint64_t off,
                          const struct blt__span *spans, size_t n_spans);
const char *journal_judge_size(struct journal *journal, int is_off,
                               uint64_t len);

/* After a sync. */
void journal_sync(struct journal *journal);

#endif
