/*
 * image.h - .blt files made by hand, without any code of the library
 *
 *   struct image image;
 *   image_init(&image, &(struct image_shape){.n_buckets = 3});
 *   uint64_t a = image_add(&image, "a", "1");
 *   image_set(&image, a + IMAGE_BLOCK_NEXT, 6, 99999);    a wild pointer
 *   blt_open_memory(image.bytes, image.len, NULL, &db);
 *   image_free(&image);
 */
#ifndef SUPPORT_IMAGE_H
#define SUPPORT_IMAGE_H

#include <stddef.h>
#include <stdint.h>

/* Where the fields of the header are, and of a block's head. */
enum {
  IMAGE_VERSION = 16,
  IMAGE_N_BUCKETS = 21,
  IMAGE_VALUE_SERIALIZER = 29,
  IMAGE_KEY_SERIALIZER = 31,
  IMAGE_N_KEYS = 33,
  IMAGE_VALUE_LEN = 37,
  IMAGE_HAS_TIMESTAMPS = 41,
  IMAGE_FILE_TIMESTAMP = 42,
  IMAGE_UUID = 49,
  IMAGE_INDEX_OFF = 65,
  IMAGE_FIRST_BLOCK_OFF = 71,
  IMAGE_CHECKPOINT = 77,
  IMAGE_HEADER_LEN = 200,

  IMAGE_BLOCK_NEXT = 13,
  IMAGE_BLOCK_KEY_LEN = 19,
  IMAGE_BLOCK_VALUE_LEN = 21, /* variable files */
  IMAGE_BLOCK_TIMESTAMP = 25, /* variable files with timestamps */

  IMAGE_HASH_LEN = 13
};

#define IMAGE_NOT_CLOSED UINT64_C(0xffffffff)

struct image_shape {
  int is_fixed;
  uint32_t value_len; /* fixed files                                     */
  int no_timestamps;  /* variable files                                  */
  uint32_t n_buckets;
  uint16_t version; /* 0: 5                                            */
  uint8_t filler;   /* of the header bytes from 65 on                  */
  int index_later;  /* blocks start at 200; image_move_index() follows */
};

struct image {
  uint8_t *bytes;
  size_t len;
  struct image_shape shape;
  uint64_t index_off; /* 0: there is none yet */
  uint64_t *live;     /* offsets of the linked blocks, in order */
  size_t n_live;
};

void image_init(struct image *image, const struct image_shape *shape);
void image_free(struct image *image);

/* A live block with timestamp 1000 at the end of the file and of its chain.
 * It counts. Returns its offset, as all that add do. */
uint64_t image_add(struct image *image, const char *key, const char *value);
uint64_t image_add_bytes(struct image *image, const void *key, size_t key_len,
                         const void *value, size_t value_len,
                         uint64_t timestamp);

/* A block that nothing leads to, with this link; 0: dead, 1: an orphan. */
uint64_t image_add_loose(struct image *image, const char *key,
                         const char *value, uint64_t next);

/* Any bytes at the end. */
uint64_t image_add_raw(struct image *image, const void *bytes, size_t len);

/* Put an index of n_buckets at the end and chain all live blocks in it. */
void image_move_index(struct image *image, uint32_t n_buckets);

/* Little-endian numbers of `width` bytes anywhere. */
void image_set(struct image *image, uint64_t off, size_t width,
               uint64_t number);
uint64_t image_get(const struct image *image, uint64_t off, size_t width);

/* The offset of the slot that a key belongs to. */
uint64_t image_slot(const struct image *image, const char *key);

/* Bytes from a block's start to its key, and to its end. */
size_t image_head_len(const struct image *image);
size_t image_block_len(const struct image *image, uint64_t block_off);

/* BLAKE2s of 13 bytes. */
void image_hash(const void *key, size_t key_len, uint8_t out[IMAGE_HASH_LEN]);

#endif
