/*
 * scan.c - all blocks in the order of the file
 */
#include "lookup/scan.h"

#include "format/record.h"

void blt__scan_begin(struct blt__scan *scan, struct blt__image *image)
{
  *scan = (struct blt__scan){.image = image, .tombs = &image->tombs};
  scan->n_regions =
      blt__layout_regions(&image->layout, image->view.size, scan->regions);
  scan->off = scan->regions[0].begin;
}

void blt__scan_seek(struct blt__scan *scan, uint64_t off)
{
  scan->region = 0;
  while (scan->region + 1 < scan->n_regions &&
         off >= scan->regions[scan->region].end)
    scan->region++;
  scan->off = off > scan->regions[scan->region].begin
                  ? off
                  : scan->regions[scan->region].begin;
}

/* A dead block in the file may be live by a link that waits, and the other
 * way round. */
static int is_live(const struct blt__scan *scan, const struct blt__block *block)
{
  const struct blt__image *image = scan->image;
  int live = block->next != BLT__LINK_DEAD;

  if (!live && image->links.n != 0) {
    const struct blt__link_entry *entry =
        blt__links_find(&image->links, block->off + BLT__LINK_OFF);
    live = entry != NULL && entry->link != BLT__LINK_DEAD &&
           !(entry->marks & BLT__MARK_DROPPED);
  }
  return live && (scan->tombs->n == 0 ||
                  blt__links_find(scan->tombs, block->off) == NULL);
}

/* A record that still covers its batch in the file, or whose length a power
 * cut has torn: the table knows its length. */
static blt_status revealed_block(struct blt__image *image, uint64_t off,
                                 struct blt__scanned *out, int *out_is)
{
  const struct blt__link_entry *entry = blt__links_find(&image->reveals, off);
  uint64_t head_len = blt__record_payload_off(&image->geo);

  *out_is = entry != NULL;
  if (entry == NULL)
    return BLT_OK;
  blt_status status = blt__view_at(&image->view, off, head_len, &out->head);
  if (status < 0)
    return status;
  blt__block_decode(&image->geo, off, out->head, &out->block);
  out->block.len = entry->link;
  /* So that nobody takes the stored length for one that was judged. */
  out->block.key_len = out->block.value_len = 0;
  return BLT_OK;
}

static blt_status read_block(struct blt__image *image, uint64_t off,
                             struct blt__scanned *out)
{
  int is_revealed = 0;
  blt_status status = BLT_OK;

  if (image->reveals.n != 0)
    status = revealed_block(image, off, out, &is_revealed);
  if (status < 0 || is_revealed)
    return status;
  return blt__image_block(image, off, &out->block, &out->head);
}

/* As a run does, whose loop this is not. */
static void ask_ahead(struct blt__scan *scan, uint64_t len)
{
  const uint8_t *base = scan->image->view.base;
  struct blt__run run = {.at = base + scan->off, .asked = base + scan->asked};

  blt__run_ask(&run, len);
  scan->asked = (uint64_t)(run.asked - base);
}

blt_status blt__scan_next(struct blt__scan *scan, struct blt__scanned *out)
{
  struct blt__image *image = scan->image;
  blt_status status;

  while (scan->off >= scan->regions[scan->region].end) {
    if (scan->region + 1 >= scan->n_regions)
      return BLT_END;
    scan->off = scan->regions[++scan->region].begin;
  }
  uint64_t left = scan->regions[scan->region].end - scan->off;
  scan->fault = BLT__FAULT_TORN;
  if (left < image->geo.key_off)
    return blt__image_corrupt(image, scan->off,
                              "a block's head passes the end of its region");
  scan->fault = BLT__FAULT_OVERRUN;
  status = read_block(image, scan->off, out);
  if (status < 0)
    return status;
  out->live = is_live(scan, &out->block);
  if (out->block.len > left) /* S2 */
    return blt__image_corrupt(image, scan->off,
                              "a block passes the end of its region");
  if (!image->view.by_read)
    ask_ahead(scan, out->block.len);
  scan->off += out->block.len;
  return BLT_OK;
}

blt_status blt__scan_next_live(struct blt__scan *scan, struct blt__scanned *out)
{
  blt_status status;

  do
    status = blt__scan_next(scan, out);
  while (status == BLT_OK && !out->live);
  return status;
}

int blt__run_begin(struct blt__run *run, const struct blt__scan *scan,
                   unsigned how)
{
  const struct blt__image *image = scan->image;

  if (image->view.by_read || image->links.n != 0 || scan->tombs->n != 0 ||
      image->reveals.n != 0)
    return 0;
  *run = (struct blt__run){.base = image->view.base,
                           .at = image->view.base + scan->off,
                           .end = image->view.base +
                                  scan->regions[scan->region].end,
                           .asked = image->view.base + scan->asked,
                           .key_off = image->geo.key_off,
                           .value_len = image->geo.value_len,
                           .fixed = image->geo.fixed,
                           .values = (how & BLT__RUN_VALUES) != 0,
                           .hides = (how & BLT__RUN_HIDES) != 0,
                           .dead = (how & BLT__RUN_DEAD) != 0};
  return 1;
}

void blt__run_end(const struct blt__run *run, struct blt__scan *scan)
{
  scan->off = (uint64_t)(run->at - run->base);
  scan->asked = (uint64_t)(run->asked - run->base);
}

size_t blt__scan_run(struct blt__scan *scan, struct blt__row *rows, size_t max,
                     unsigned how)
{
  struct blt__run run;
  size_t n = 0;

  if (!blt__run_begin(&run, scan, how))
    return 0;
  while (n < max && blt__run_next(&run, &rows[n]))
    n++;
  blt__run_end(&run, scan);
  return n;
}
