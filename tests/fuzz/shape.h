/*
 * shape.h - a damaged file as the mutator understands it
 *
 * What the header says is believed as far as it does not lead outside of the
 * bytes; the blocks are those that a scan by lengths meets.
 */
#ifndef FUZZ_SHAPE_H
#define FUZZ_SHAPE_H

#include <stddef.h>
#include <stdint.h>

enum { SHAPE_BLOCKS = 512, HEADER = 200, SLOT = 6, HASH = 13, CHECKPOINT = 77 };

struct spot {
  size_t off, len;
};

struct shape {
  uint8_t *bytes; /* borrowed                                               */
  size_t len, room;
  int fixed, has_time;
  uint32_t value_len, n_buckets; /* n_buckets: those that the bytes have    */
  size_t head_len, index_off, first_off;
  struct spot blocks[SHAPE_BLOCKS];
  size_t n_blocks;
};

uint64_t get_number(const uint8_t *p, size_t width);
void put_number(uint8_t *p, size_t width, uint64_t number);

/* Read bytes[0..len) anew. 0 when they are too short to have a shape. */
int shape_read(struct shape *shape);

size_t shape_index_end(const struct shape *shape);
size_t shape_key_len(const struct shape *shape, const struct spot *block);

/* Bytes of a block that a commit record starts with; 1 when it is one. */
int shape_is_record(const struct shape *shape, const struct spot *block);
/* Where a record's payload starts in its block. */
size_t shape_payload(const struct shape *shape);

/* ---- putting hashes and links right */

void fix_checkpoint(struct shape *shape);
void fix_key_hash(struct shape *shape, const struct spot *block);
void fix_key_hashes(struct shape *shape);
/* Position, salt and hash of a record; with its body's hashes if wanted. */
void fix_record(struct shape *shape, const struct spot *block, int with_body);
void fix_records(struct shape *shape, int with_body);
/* All live blocks into an index that is made empty before. */
void fix_chains(struct shape *shape);
void fix_count(struct shape *shape);
/* A checkpoint that says what the header says. state: 1, 2 or 3. */
void make_checkpoint(struct shape *shape, unsigned state);

/* Put `n` bytes in at `off`, or take them out; offsets in header and links
 * that lie behind move along when `moves`. 0 when there is no room. */
int shape_insert(struct shape *shape, size_t off, size_t n, int moves);
void shape_remove(struct shape *shape, size_t off, size_t n, int moves);

#endif
