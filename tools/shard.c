/* shard.c - which of N files a key belongs to */
#include "shard.h"

#include <stdlib.h>
#include <string.h>

#include "keys.h"
#include "units.h"

enum { MOST_SHARDS = 1 << 20 };

__extension__ typedef unsigned __int128 wide;

bool shard_parse(const char *word, struct shard *out)
{
  char which[24];
  const char *slash = strchr(word, '/');
  if (!slash || (size_t)(slash - word) >= sizeof which)
    return false;
  memcpy(which, word, (size_t)(slash - word));
  which[slash - word] = '\0';
  return parse_count(which, &out->which) && parse_count(slash + 1, &out->n) &&
         out->n > 0 && out->n <= MOST_SHARDS && out->which < out->n;
}

bool shard_has(const struct shard *shard, blt_bytes key)
{
  unsigned char hash[BLT_HASH_LEN];
  if (shard->n == 0)
    return true;
  blt_key_hash(key.data, key.len, hash);
  const uint64_t top = number_load(hash + BLT_HASH_LEN - 8, 8);
  return (uint64_t)((wide)top * shard->n >> 64) == shard->which;
}
