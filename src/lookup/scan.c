/*
 * scan.c - all blocks in the order of the file
 */
#include "lookup/scan.h"

void blt__scan_begin(struct blt__scan *scan, struct blt__image *image)
{
  *scan = (struct blt__scan){.image = image};
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
 * way round; a record may still cover its batch. */
static void judge_life(struct blt__image *image, struct blt__scanned *s)
{
  const struct blt__link_entry *entry;

  s->live = s->block.next != BLT__LINK_DEAD;
  if (!s->live && image->links.n != 0)
    s->live = (entry = blt__links_find(&image->links,
                                       s->block.off + BLT__LINK_OFF)) != NULL &&
              entry->link != BLT__LINK_DEAD &&
              !(entry->marks & BLT__MARK_DROPPED);
  if (s->live && image->tombs.n != 0)
    s->live = blt__links_find(&image->tombs, s->block.off) == NULL;
  if (!s->live && image->reveals.n != 0 &&
      (entry = blt__links_find(&image->reveals, s->block.off)) != NULL)
    s->block.len = entry->link;
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
  status = blt__image_block(image, scan->off, &out->block, &out->head);
  if (status < 0)
    return status;
  judge_life(image, out);
  if (out->block.len > left) /* S2 */
    return blt__image_corrupt(image, scan->off,
                              "a block passes the end of its region");
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
