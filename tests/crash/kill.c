/*
 * kill.c - every prefix of what a program did
 */
#include "crash/states.h"

#include <string.h>

enum { PAGE = 4096 };

static void copy_image(struct image *to, const struct image *from)
{
  memcpy(to->bytes, from->bytes, from->len);
  to->len = from->len;
}

/* The write page by page; then the rest of it. */
static int visit_cuts(struct states *s, struct crash *crash, size_t i)
{
  const struct op *const op = &s->trace->ops[i];

  if (op->kind != OP_WRITE)
    return 0;
  for (size_t cut = PAGE - op->off % PAGE; cut < op->len; cut += PAGE) {
    struct op part = *op;
    part.len = cut;
    disk_apply(s->disk, s->trace, &part);
    crash->n_begun = i + 1;
    crash->n_done = i;
    crash->cut = cut;
    if (s->visit(s->explorer, s->level, crash))
      return 1;
  }
  crash->cut = 0;
  return 0;
}

/* Operations up to the sync that just returned are on disk. */
static size_t make_durable(struct states *s, size_t from, size_t sync)
{
  for (; from < sync; from++)
    image_apply(s->durable, s->trace, &s->trace->ops[from]);
  return sync + 1;
}

void kill_states(struct states *s)
{
  const struct trace *const trace = s->trace;
  struct crash crash = {.power = 0};

  disk_load(s->disk, &trace->base);
  copy_image(s->durable, &trace->base);
  for (size_t i = 0; i < s->first; i++)
    disk_apply(s->disk, trace, &trace->ops[i]);
  for (size_t i = s->first; i < trace->n; i++) {
    if (trace->ops[i].kind == OP_SYNC) {
      crash.n_durable = make_durable(s, crash.n_durable, i);
      continue;
    }
    if (visit_cuts(s, &crash, i))
      return;
    disk_apply(s->disk, trace, &trace->ops[i]);
    crash.n_begun = crash.n_done = i + 1;
    /* A sync that follows changes nothing that a kill could show. */
    if (i + 1 < trace->n && trace->ops[i + 1].kind == OP_SYNC)
      crash.n_done = i + 2;
    if (s->visit(s->explorer, s->level, &crash))
      return;
  }
}
