/*
 * mutate_format.c - changes for target_format: blind ones, and hashes that fit
 */
#include <string.h>
#include <xxhash.h>

#include "format/record.h"
#include "fuzz/shape.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size,
                               unsigned seed);

enum { FRONT = 8 };

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size,
                               unsigned seed)
{
  static const unsigned payloads[] = {26, 33, 21};
  const size_t len = LLVMFuzzerMutate(data, size, max_size);

  if (len < FRONT + HEADER + 200)
    return len;
  uint8_t *const checkpoint = data + FRONT + CHECKPOINT;
  if (seed & 1)
    put_number(checkpoint + 115, 8, XXH3_64bits(checkpoint, 115));
  uint8_t *const block = data + FRONT + HEADER;
  uint8_t *const p = block + payloads[seed / 2 % 3];
  const uint64_t used =
      94 + 18 * get_number(p + 56, 4) + 12 * get_number(p + 60, 4);
  if ((seed & 16) == 0 || used + 8 > (uint64_t)(data + len - p))
    return len;
  memcpy(block, "BLTC1\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 19);
  memcpy(p, "BCR1", 4);
  memcpy(p + 24, data + 1, 6);
  put_number(p + used, 8, blt__hash64(p + 16, p, (size_t)used));
  return len;
}
