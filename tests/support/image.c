/*
 * image.c - .blt files made by hand, without any code of the library
 *
 *   index at 200:     | header | index | blocks ...
 *   after a prune:    | header | blocks | index | blocks ...
 *   after a reindex:  | header | old index | blocks | index | blocks ...
 */
#include "support/image.h"

#include <blake2.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t kind_variable[16] = {0x4f, 0x7e, 0x8a, 0x3f, 0xe7, 0x5c,
                                          0x47, 0x50, 0xad, 0x43, 0x0a, 0x72,
                                          0x8f, 0xe3, 0x1c, 0xfe};
static const uint8_t kind_fixed[16] = {0x04, 0xd3, 0xb2, 0x94, 0xf2, 0x10,
                                       0x41, 0x62, 0x95, 0x8d, 0x04, 0x00,
                                       0x73, 0x8c, 0x9e, 0x0a};

static void *checked(void *ptr)
{
  if (ptr == NULL)
    abort();
  return ptr;
}

void image_hash(const void *key, size_t key_len, uint8_t out[IMAGE_HASH_LEN])
{
  if (blake2s(out, key, NULL, IMAGE_HASH_LEN, key_len, 0) != 0)
    abort();
}

void image_set(struct image *image, uint64_t off, size_t width, uint64_t number)
{
  if (off > image->len || width > image->len - off)
    abort();
  for (size_t i = 0; i < width; i++)
    image->bytes[off + i] = (uint8_t)(number >> 8 * i);
}

uint64_t image_get(const struct image *image, uint64_t off, size_t width)
{
  uint64_t number = 0;

  if (off > image->len || width > image->len - off)
    abort();
  for (size_t i = 0; i < width; i++)
    number |= (uint64_t)image->bytes[off + i] << 8 * i;
  return number;
}

uint64_t image_add_raw(struct image *image, const void *bytes, size_t len)
{
  const uint64_t off = image->len;

  image->bytes = checked(realloc(image->bytes, image->len + len + 1));
  if (len > 0)
    memcpy(image->bytes + off, bytes, len);
  image->len += len;
  return off;
}

static uint64_t add_zeros(struct image *image, size_t len)
{
  uint8_t *const zeros = checked(calloc(len + 1, 1));
  const uint64_t off = image_add_raw(image, zeros, len);

  free(zeros);
  return off;
}

static int has_timestamps(const struct image_shape *shape)
{
  return !shape->is_fixed && !shape->no_timestamps && shape->version > 3;
}

static void fill_header(struct image *image)
{
  const struct image_shape *const shape = &image->shape;

  memset(image->bytes + IMAGE_INDEX_OFF, shape->filler,
         IMAGE_HEADER_LEN - IMAGE_INDEX_OFF);
  memcpy(image->bytes, shape->is_fixed ? kind_fixed : kind_variable, 16);
  memset(image->bytes + IMAGE_UUID, 0x87, 16);
  image_set(image, IMAGE_VERSION, 2, shape->version);
  image_set(image, 18, 1, 6);
  image_set(image, 19, 1, 2);
  image_set(image, 20, 1, shape->is_fixed ? 0 : 4);
  image_set(image, IMAGE_N_BUCKETS, 4, shape->n_buckets);
  image_set(image, IMAGE_VALUE_SERIALIZER, 2, shape->is_fixed ? 0 : 1);
  image_set(image, IMAGE_KEY_SERIALIZER, 2, 1);
  image_set(image, IMAGE_VALUE_LEN, 4, shape->is_fixed ? shape->value_len : 0);
  image_set(image, IMAGE_HAS_TIMESTAMPS, 1, has_timestamps(shape) ? 1 : 0);
  image_set(image, IMAGE_FILE_TIMESTAMP, 7, 1000);
}

static void add_index(struct image *image, uint32_t n_buckets)
{
  image->index_off = add_zeros(image, (size_t)n_buckets * 6);
  for (uint32_t i = 0; i < n_buckets; i++)
    image_set(image, image->index_off + (uint64_t)i * 6, 6, 1);
}

void image_init(struct image *image, const struct image_shape *shape)
{
  *image = (struct image){.shape = *shape};
  if (image->shape.version == 0)
    image->shape.version = 5;
  add_zeros(image, IMAGE_HEADER_LEN);
  fill_header(image);
  if (!shape->index_later)
    add_index(image, shape->n_buckets);
}

void image_free(struct image *image)
{
  free(image->bytes);
  free(image->live);
  *image = (struct image){0};
}

size_t image_head_len(const struct image *image)
{
  if (image->shape.is_fixed)
    return 21;
  return has_timestamps(&image->shape) ? 32 : 25;
}

size_t image_block_len(const struct image *image, uint64_t block_off)
{
  const uint64_t key_len = image_get(image, block_off + IMAGE_BLOCK_KEY_LEN, 2);
  const uint64_t value_len =
      image->shape.is_fixed
          ? image->shape.value_len
          : image_get(image, block_off + IMAGE_BLOCK_VALUE_LEN, 4);
  return (size_t)(image_head_len(image) + key_len + value_len);
}

static uint64_t slot_of_hash(const struct image *image,
                             const uint8_t hash[IMAGE_HASH_LEN])
{
  uint64_t rest = 0;

  for (int i = IMAGE_HASH_LEN - 1; i >= 0; i--)
    rest = (rest << 8 | hash[i]) % image->shape.n_buckets;
  return image->index_off + rest * 6;
}

uint64_t image_slot(const struct image *image, const char *key)
{
  uint8_t hash[IMAGE_HASH_LEN];

  image_hash(key, strlen(key), hash);
  return slot_of_hash(image, hash);
}

/* Append to the chain, as booklet does with new keys. */
static void chain_block(struct image *image, uint64_t block_off)
{
  uint64_t link_off = slot_of_hash(image, image->bytes + block_off);

  while (image_get(image, link_off, 6) > 1)
    link_off = image_get(image, link_off, 6) + IMAGE_BLOCK_NEXT;
  image_set(image, link_off, 6, block_off);
}

static uint64_t add_block(struct image *image, const void *key, size_t key_len,
                          const void *value, size_t value_len,
                          uint64_t timestamp)
{
  const uint64_t off = add_zeros(image, image_head_len(image));

  if (image->shape.is_fixed && value_len != image->shape.value_len)
    abort();
  image_hash(key, key_len, image->bytes + off);
  image_set(image, off + IMAGE_BLOCK_NEXT, 6, 1);
  image_set(image, off + IMAGE_BLOCK_KEY_LEN, 2, key_len);
  if (!image->shape.is_fixed)
    image_set(image, off + IMAGE_BLOCK_VALUE_LEN, 4, value_len);
  if (has_timestamps(&image->shape))
    image_set(image, off + IMAGE_BLOCK_TIMESTAMP, 7, timestamp);
  image_add_raw(image, key, key_len);
  image_add_raw(image, value, value_len);
  return off;
}

uint64_t image_add_bytes(struct image *image, const void *key, size_t key_len,
                         const void *value, size_t value_len,
                         uint64_t timestamp)
{
  const uint64_t off =
      add_block(image, key, key_len, value, value_len, timestamp);

  image->live = checked(realloc(image->live, (image->n_live + 1) * sizeof off));
  image->live[image->n_live] = off;
  image->n_live++;
  image_set(image, IMAGE_N_KEYS, 4, image->n_live);
  if (image->index_off != 0)
    chain_block(image, off);
  return off;
}

uint64_t image_add(struct image *image, const char *key, const char *value)
{
  return image_add_bytes(image, key, strlen(key), value, strlen(value), 1000);
}

uint64_t image_add_loose(struct image *image, const char *key,
                         const char *value, uint64_t next)
{
  const uint64_t off =
      add_block(image, key, strlen(key), value, strlen(value), 1000);

  image_set(image, off + IMAGE_BLOCK_NEXT, 6, next);
  return off;
}

/* An index that was moved before has to be hidden from scans: the first one
 * lies in front of all blocks, so one move is all that tests may ask for. */
void image_move_index(struct image *image, uint32_t n_buckets)
{
  const uint64_t first_off =
      image->index_off == 0
          ? IMAGE_HEADER_LEN
          : IMAGE_HEADER_LEN + (uint64_t)image->shape.n_buckets * 6;

  if (image->index_off > IMAGE_HEADER_LEN)
    abort();
  image->shape.n_buckets = n_buckets;
  add_index(image, n_buckets);
  for (size_t i = 0; i < image->n_live; i++)
    image_set(image, image->live[i] + IMAGE_BLOCK_NEXT, 6, 1);
  for (size_t i = 0; i < image->n_live; i++)
    chain_block(image, image->live[i]);
  image_set(image, IMAGE_N_BUCKETS, 4, n_buckets);
  image_set(image, IMAGE_INDEX_OFF, 6, image->index_off);
  image_set(image, IMAGE_FIRST_BLOCK_OFF, 6, first_off);
}
